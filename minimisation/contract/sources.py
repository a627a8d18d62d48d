"""Where a use case's column comes from in a force's harmonised tables.

A closed vocabulary instead of SQL: each form says when the fact was known, so that the split
between *features before* and *label after* the as-of date is enforced rather than hoped for.
Dotted names (`crime.offence_group`) follow one N:1 reference away from the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Where: TypeAlias = Mapping[str, tuple[str, ...]]
"""Column name to the labels it may take; all conditions hold together."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A stored column, of the use case's own table or of one it refers to."""

    column: str
    """Column name; `person.sex` follows a reference."""
    dated_by: str | None = None
    """Column with the date at which the fact became known; checked against the as-of date."""


@dataclass(frozen=True, kw_only=True)
class YearsSince:
    """Whole years from a date to the as-of date (age from birth date)."""

    column: str
    """Date column, as in `Field`."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """The calendar month of a date as `YYYY-MM`."""

    column: str
    """Date column, as in `Field`."""


@dataclass(frozen=True, kw_only=True)
class CountBefore:
    """How many rows of an event table a person has in the months before the as-of date."""

    table: str
    """Event table with exactly one person column."""
    date: str
    """When the event was known; dotted names follow a reference."""
    months: int
    """Window: [as-of − months, as-of)."""
    where: Where = field(default_factory=dict)
    """Which events count."""


@dataclass(frozen=True, kw_only=True)
class AnyAfter:
    """1 if a person has such an event in the months from the as-of date on, else 0: a label."""

    table: str
    """Event table with exactly one person column."""
    date: str
    """When the event happened; dotted names follow a reference."""
    months: int
    """Window: [as-of, as-of + months)."""
    where: Where = field(default_factory=dict)
    """Which events count."""


Source: TypeAlias = Field | YearsSince | Month | CountBefore | AnyAfter
