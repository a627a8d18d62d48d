"""The record of who did what in a force, with the event types of DPA 2018 s.62."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from minimisation.forces.log import Log


class Event(Enum):
    """The six kinds of operation that DPA 2018 s.62(1) requires to be logged."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One logged operation."""

    event: Event
    """Kind of operation."""
    what: str
    """Step or measure, by name."""
    purpose: str
    """Use case."""
    outcome: str
    """`done`, or the rule that refused it."""
    sent: int = 0
    """Bytes that left."""
    received: int = 0
    """Bytes that came in with the request, such as a model's weights."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When, in UTC."""
    actor: str = ""
    """Name and key fingerprint of who did it; empty where nobody proved who they are."""
    people: tuple[str, ...] = ()
    """Tokens of the people it was about, if it was about single people."""
    snapshot: str = ""
    """Snapshot that it touched."""

    def body(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "event": self.event.value,
            "what": self.what,
            "purpose": self.purpose,
            "outcome": self.outcome,
            "sent": self.sent,
            "received": self.received,
            "at": self.at.isoformat(timespec="milliseconds"),
            "actor": self.actor,
            "people": list(self.people),
            "snapshot": self.snapshot,
        }


@dataclass
class Audit:
    """Append-only log of one force: in memory, and in the force's chained log where it has one."""

    entries: list[Entry] = field(default_factory=list)
    """Entries of this process, in order."""
    log: Log | None = None
    """The force's log, which outlives the process."""

    def record(self, entry: Entry) -> None:
        """Append an entry; with a log it is on disk when this returns.

        Raises:
            StoreError: if the log was tampered with at its end or cannot be written: what cannot
                be logged does not happen.
        """
        if self.log is not None:
            self.log.append(entry.body())
        self.entries.append(entry)
