"""What is on record of a replaced snapshot: when it expires, and who may read it until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from minimisation.contract.errors import PolicyError
from minimisation.forces.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class Authorisation:
    """A written permission to read one archived snapshot."""

    who: str
    """The person who may read it."""
    why: str
    """For which purpose."""
    until: datetime
    """When the permission ends."""
    by: str
    """Fingerprint of the key of whoever granted it."""

    def __post_init__(self) -> None:
        """Refuse an authorisation that leaves something open.

        Raises:
            PolicyError: naming the rule.
        """
        if not (self.who.strip() and self.why.strip() and self.by.strip()):
            raise PolicyError("an authorisation must say who, why and by whom")
        if self.until.tzinfo is None:
            raise PolicyError("an authorisation must end at a time with a time zone")


@dataclass(frozen=True, kw_only=True)
class Archived:
    """One replaced snapshot."""

    snapshot: Snapshot
    """What was replaced; its key is wrapped under the archive's."""
    replaced: datetime
    """When."""
    expires: datetime
    """When its key is destroyed."""
    ready: datetime | None = None
    """When an authorised reader may open it; None if nobody asked."""
    authorisation: Authorisation | None = None
    """The permission, if there is one."""

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        record: dict[str, Any] = self.snapshot.record()
        record |= {"replaced": self.replaced.isoformat(), "expires": self.expires.isoformat()}
        if (given := self.authorisation) is not None and self.ready is not None:
            record |= {"who": given.who, "why": given.why, "by": given.by}
            record |= {"until": given.until.isoformat(), "ready": self.ready.isoformat()}
        return record

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """From JSON values."""
        given = None
        if "who" in record:
            until = datetime.fromisoformat(record["until"])
            given = Authorisation(
                who=record["who"], why=record["why"], until=until, by=record["by"]
            )
        return cls(
            snapshot=Snapshot.of(dict(record)),
            replaced=datetime.fromisoformat(record["replaced"]),
            expires=datetime.fromisoformat(record["expires"]),
            ready=datetime.fromisoformat(record["ready"]) if given else None,
            authorisation=given,
        )


def months_after(start: datetime, months: int) -> datetime:
    """The same day some months later, or the last of that month."""
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    for day in range(start.day, 27, -1):
        try:
            return start.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return start.replace(year=year, month=month, day=min(start.day, 28))
