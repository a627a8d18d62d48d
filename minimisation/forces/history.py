"""What became of a force's rows, week by week and request by request: counts and times, no values.

It outlives the snapshots that it speaks of, so that an assessment can be filled without opening
any. The counts are of protected rows: controlled access.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from minimisation.forces.log import Log
from minimisation.forces.tally import Tally


@dataclass(frozen=True, kw_only=True)
class Week:
    """One load of the live store."""

    snapshot: str
    """Name of the snapshot that it made."""
    at: datetime
    """When it went live."""
    purpose: str
    """What for."""
    live: Mapping[str, int]
    """Table → rows stored."""
    removed: Mapping[str, int]
    """Table → records of the week before that are not in this one; empty in the first week."""
    tallies: tuple[Tally, ...] = ()
    """What became of each source."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """One place that held a person when a request came, and whether the request reached it."""

    place: str
    """Live store, archived snapshot, token, file or derivative, by name."""
    reached: bool
    """Whether the person, or the wrong record, is gone from it."""
    note: str = ""
    """What stays, and why."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request of a person: erasure or rectification (DPA 2018 ss.46 to 48)."""

    kind: Literal["erase", "rectify"]
    """What was asked."""
    at: datetime
    """When it was carried out."""
    seconds: float
    """How long carrying it out took, all stores rewritten and verified; searching left out."""
    why: str
    """The request, as the officer referred to it."""
    actor: str
    """Who carried it out."""
    rows: int
    """Rows removed from or changed in the live store."""
    reached: tuple[Reached, ...] = field(default=())
    """Every place that held the person before, and every derivative of those places."""

    @property
    def remnants(self) -> int:
        """Places that still hold the person; derivatives, whose influence stays, left out."""
        return sum(not place.reached and not place.note for place in self.reached)


@dataclass(frozen=True, kw_only=True)
class History:
    """The weeks and requests of one force."""

    log: Log
    """The force's chained log of them."""

    def record(self, entry: Week | Request) -> None:
        """Note a week or a request."""
        body = asdict(entry) | {"at": entry.at.isoformat(timespec="seconds")}
        self.log.append({"entry": type(entry).__name__.lower()} | body)

    def weeks(self) -> tuple[Week, ...]:
        """All loads, oldest first."""
        return tuple(
            Week(**entry | {"tallies": tuple(Tally.of(each) for each in entry["tallies"])})
            for entry in self._entries("week")
        )

    def requests(self) -> tuple[Request, ...]:
        """All requests, oldest first."""
        return tuple(
            Request(**entry | {"reached": tuple(Reached(**each) for each in entry["reached"])})
            for entry in self._entries("request")
        )

    def _entries(self, kind: str) -> Iterator[dict[str, Any]]:
        for entry in self.log.entries():
            if entry["entry"] == kind:
                kept = {name: v for name, v in entry.items() if name not in ("entry", "place")}
                yield kept | {"at": datetime.fromisoformat(entry["at"])}
