"""What became of the rows of one source: counts by rule and reason, never a value.

Controlled access: the counts are of protected rows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from minimisation.contract.errors import StoreError
from minimisation.forces.door import RefusedColumn
from minimisation.forces.scan import Found


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How the rows of one source ended; the three ends add up to the rows in."""

    table: str
    """Harmonised table."""
    rows_in: int
    """Rows of the source, malformed ones included."""
    accepted: int
    """Rows stored."""
    source: str = ""
    """Name of the mapping, or what the source is."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Rule → rows."""
    quarantined: Mapping[str, int] = field(default_factory=dict)
    """Reason → rows."""
    columns_refused: tuple[RefusedColumn, ...] = ()
    """Source columns that are never read."""
    columns_not_needed: tuple[str, ...] = ()
    """Harmonised columns that no approved use case names; not loaded."""
    columns_unknown: tuple[str, ...] = ()
    """Source columns that the mapping does not know; not read. New ones mean a changed feed."""
    free_text: tuple[Found, ...] = ()
    """What the loaded free text reveals."""

    def __post_init__(self) -> None:
        """Check that no row got lost.

        Raises:
            StoreError: if accepted, refused and quarantined rows are not the rows in.
        """
        ended = self.accepted + sum(self.refused.values()) + sum(self.quarantined.values())
        if ended != self.rows_in:
            raise StoreError(f"rows of table '{self.table}' must reconcile; nothing was loaded")

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Tally":
        """From JSON values."""
        lists = {
            "columns_refused": tuple(RefusedColumn(**each) for each in record["columns_refused"]),
            "columns_not_needed": tuple(record["columns_not_needed"]),
            "columns_unknown": tuple(record["columns_unknown"]),
            "free_text": tuple(Found(**each) for each in record["free_text"]),
        }
        return cls(**(dict(record) | lists))
