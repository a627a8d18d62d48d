"""The conditions a private query may put on its population: total, so that none can fail on data.

A condition that can raise (a cast, a division) tells an attacker who looks for the error whether
a person's row is there. These compare stored integers with constants and do nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class In:
    """The column has one of these labels; a missing value has none."""

    column: str
    """Category column."""
    labels: tuple[str, ...]
    """Labels, each in the column's declared list."""

    def __post_init__(self) -> None:
        """Refuse an empty list.

        Raises:
            ValueError: naming the rule.
        """
        if not self.labels:
            raise ValueError(f"labels of '{self.column}' must list at least one")


@dataclass(frozen=True, kw_only=True)
class Between:
    """low ≤ the column's value ≤ high, in its own units; a missing value is not."""

    column: str
    """Bounded column."""
    low: float | None = None
    """Smallest value; None: not limited."""
    high: float | None = None
    """Largest value; None: not limited."""

    def __post_init__(self) -> None:
        """Refuse an interval without an end or with its ends swapped.

        Raises:
            ValueError: naming the rule.
        """
        ends = [end for end in (self.low, self.high) if end is not None]
        if not ends or any(not -1e300 < end < 1e300 for end in ends):  # noqa: PLR2004 - also NaN
            raise ValueError(f"condition on '{self.column}' must have a finite low or high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low}) must not exceed high ({self.high})")


@dataclass(frozen=True, kw_only=True)
class Missing:
    """The column has no value."""

    column: str
    """Any column."""
    negated: bool = False
    """Whether it must have a value instead."""


@dataclass(frozen=True, kw_only=True)
class Same:
    """Two category columns have the same label; a missing value has none."""

    column: str
    """Category column."""
    other: str
    """Category column with the same declared list."""


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """All conditions of at least one alternative hold."""

    alternatives: tuple[tuple["Predicate", ...], ...]
    """Conditions that hold together, per alternative."""

    def __post_init__(self) -> None:
        """Refuse a choice without alternatives.

        Raises:
            ValueError: naming the rule.
        """
        if len(self.alternatives) < 2 or not all(self.alternatives):  # noqa: PLR2004 - else no choice
            raise ValueError("alternatives must be at least 2, each with a condition")


Predicate: TypeAlias = In | Between | Missing | Same | AnyOf


def simple(predicate: Predicate) -> Iterator[In | Between | Missing | Same]:
    """The conditions on columns that a condition is made of."""
    if isinstance(predicate, AnyOf):
        for alternative in predicate.alternatives:
            for each in alternative:
                yield from simple(each)
    else:
        yield predicate


def columns_of(predicate: Predicate) -> Iterator[str]:
    """Columns that a condition uses."""
    for each in simple(predicate):
        yield each.column
        if isinstance(each, Same):
            yield each.other
