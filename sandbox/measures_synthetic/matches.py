"""Unique exact matches and apparent matches between a released and a target table (SDNist).

Neither is a verdict. An independent sample of the same population matches many unique records by
chance, so a count is read against what such a sample would score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from minimisation.forces import sql
from sandbox.measures_synthetic.tables import side_by_side, value


@dataclass(frozen=True, kw_only=True)
class Matches:
    """How many unique target records a released table holds."""

    unique: int
    """Target records that are alone with their values."""
    matched: int
    """How many of them are in the released table."""

    @property
    def share(self) -> float:
        """Matched share of the unique records; 0 if there are none."""
        return self.matched / self.unique if self.unique else 0.0


def unique_exact_matches(target: pa.Table, released: pa.Table, columns: Sequence[str]) -> Matches:
    """Target records unique on all columns, and how many the released table holds as they are.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    counted = _counted(columns)
    with side_by_side(target, released, columns) as connection:
        unique = value(connection, f"select count(*) from ({counted}) where real = 1")
        matched = value(connection, f"select count(*) from ({counted}) where real = 1 and made > 0")
    return Matches(unique=int(unique), matched=int(matched))


def apparent_matches(target: pa.Table, released: pa.Table, quasi: Sequence[str]) -> int:
    """Records unique on the quasi-identifiers in both tables, and equal there.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    both = f"select count(*) from ({_counted(quasi)}) where real = 1 and made = 1"
    with side_by_side(target, released, quasi) as connection:
        return int(value(connection, both))


def _counted(columns: Sequence[str]) -> str:
    """SQL for how many target and released records share each combination of values."""
    by = ", ".join(sql.name(column) for column in columns)
    return (
        f"select count(*) filter (not released) as real, count(*) filter (released) as made"
        f" from stacked group by {by}"
    )
