"""What must hold in every row of a table by its nature: an order of two columns, or a bound.

A constraint is public knowledge about the world (nobody leaves custody before entering it), not
something learnt from data, so holding a table to it costs no privacy.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A lower or upper bound on a numeric column, in all rows or in those of some categories.

    A row in which a value that the constraint speaks of is missing does not break it.
    """

    column: str
    """The numeric column that is bounded."""
    at_least: float | str | None = None
    """Its lowest value: a number, or the name of a numeric column of the same row."""
    at_most: float | str | None = None
    """Its highest value: a number, or the name of a numeric column of the same row."""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Columns and labels: it holds for rows that have one of the labels in each; empty: all."""

    def __post_init__(self) -> None:
        """Refuse a constraint that says nothing or contradicts itself.

        Raises:
            ValueError: naming the column and the rule.
        """
        ends = (self.at_least, self.at_most)
        if ends == (None, None):
            raise ValueError(f"constraint on '{self.column}' must have at_least or at_most")
        if self.column in ends:
            raise ValueError(f"constraint on '{self.column}' must name another column than itself")
        numbers = [end for end in ends if isinstance(end, int | float)]
        if not all(math.isfinite(number) for number in numbers) or numbers != sorted(numbers):
            msg = f"bounds of '{self.column}' ({self.at_least}, {self.at_most}) must be finite"
            raise ValueError(f"{msg} with at_least ≤ at_most")
        if any(not labels for _, labels in self.where):
            raise ValueError(f"where of '{self.column}' must name at least one label per column")

    @property
    def ends(self) -> tuple[str, ...]:
        """The other columns that bound it."""
        return tuple(end for end in (self.at_least, self.at_most) if isinstance(end, str))

    @property
    def columns(self) -> frozenset[str]:
        """All columns that it speaks of."""
        return frozenset({self.column, *self.ends, *(name for name, _ in self.where)})
