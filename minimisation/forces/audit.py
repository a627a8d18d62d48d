"""The record of who did what in a force, with the event types of DPA 2018 s.62."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum


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
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When, in UTC."""


@dataclass
class Audit:
    """Append-only log of one force."""

    entries: list[Entry] = field(default_factory=list)
    """Entries in order."""

    def record(self, entry: Entry) -> None:
        """Append an entry."""
        self.entries.append(entry)
