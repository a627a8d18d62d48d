"""What left each force, counted on the wire encoding."""

from dataclasses import dataclass, field

from minimisation.contract.steps import PayloadKind

PERSON_LEVEL = frozenset({PayloadKind.ROWS})
"""Kinds of payload that carry one real person's record per row."""


@dataclass(frozen=True, kw_only=True)
class Egress:
    """One payload that left one force."""

    force: str
    """Sender."""
    step: str
    """Step that made it."""
    kind: PayloadKind
    """What sort of thing it was."""
    rows: int
    """Rows in it."""
    cells: int
    """Rows × columns."""
    sent: int
    """Bytes out, on the wire encoding."""
    received: int
    """Bytes in: what the option sent to the force for this step."""


@dataclass
class Meter:
    """Counts egress over the life of one run of an option."""

    entries: list[Egress] = field(default_factory=list)
    """Every payload, in the order in which they left."""

    def by_force(self) -> dict[str, dict[str, int]]:
        """Per force: rows, cells, bytes out and in, messages, and person-level rows."""
        totals: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            total = totals.setdefault(
                entry.force,
                dict.fromkeys(("messages", "rows", "cells", "sent", "received", "person_rows"), 0),
            )
            total["messages"] += 1
            total["rows"] += entry.rows
            total["cells"] += entry.cells
            total["sent"] += entry.sent
            total["received"] += entry.received
            total["person_rows"] += entry.rows if entry.kind in PERSON_LEVEL else 0
        return totals
