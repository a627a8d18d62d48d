"""What a private statistic is made of: bounded integer parts and their joint norm.

Derivation, for adding or removing all rows of one person. A person reaches at most g cells. In
each, a part changes by at most `most`: r for rows and known values, 1 for persons, r·B for a sum
of values within ±B, r·W for a sum of doubled values around the middle of their bounds, which lie
within ±W with W = high − low. So a part's L1 sensitivity is g·most and its squared L2 sensitivity
g·most². Parts are multiplied by public whole weights that bring their bounds close together and
released as one vector: its L1 sensitivity is g·Σ w·most, its squared L2 sensitivity g·Σ (w·most)².
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from minimisation.contract.domains import Bounds
from minimisation.contract.errors import UseCaseError
from minimisation.contract.questions import GroupedStatistics, Statistic
from minimisation.contract.usecase import FORCE, UseCase

PartKind: TypeAlias = Literal["rows", "persons", "count", "sum", "centred", "squared", "bins"]

LARGEST = 2**53
"""Largest joint sensitivity; leaves room within ±2^62 for hundreds of people at their bounds."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A bounded numeric column as whole multiples of its step (fixed point)."""

    low: int
    """Smallest multiple."""
    high: int
    """Largest multiple."""
    step: float
    """Size of one multiple in the column's own units."""

    def __post_init__(self) -> None:
        """Refuse a grid of a single point.

        Raises:
            UseCaseError: naming the rule.
        """
        if self.low >= self.high:
            raise UseCaseError(f"step ({self.step}) must be smaller than the column's bounds")

    @classmethod
    def of(cls, bounds: Bounds) -> "Grid":
        """The grid of declared bounds; halves round away from zero, as in SQL."""
        return cls(
            low=_rounded(bounds.low / bounds.step),
            high=_rounded(bounds.high / bounds.step),
            step=bounds.step,
        )

    @property
    def largest(self) -> int:
        """B: the largest absolute multiple."""
        return max(abs(self.low), abs(self.high))

    @property
    def width(self) -> int:
        """W: largest absolute value of 2·multiple − (low + high)."""
        return self.high - self.low


@dataclass(frozen=True, kw_only=True)
class Part:
    """One noisy integer per cell."""

    kind: PartKind
    """rows, persons, count (known values), sum, centred (doubled sum around the middle), squared
    (sum of the squared doubled distances from the middle) or bins (rows per public bin)."""
    most: int
    """Largest change of one cell by one person, before weighting."""
    cells: int
    """Most cells that one person can change by that much at the same time."""
    column: str = ""
    """The measured column of a count or sum."""
    grid: Grid | None = None
    """Fixed-point grid of that column."""
    weight: int = 1
    """Public multiplier that shares the noise out evenly over parts."""
    bins: int = 0
    """Bins of a histogram, each an entry of its own, of which a person changes `most` rows' worth;
    0 for any other part."""
    levels: int = 1
    """Levels of the tree over a histogram's bins; a row is counted once on each."""

    @property
    def l1(self) -> int:
        """L1 sensitivity before weighting."""
        return self.cells * self.levels * self.most

    @property
    def l2_squared(self) -> int:
        """Squared L2 sensitivity before weighting: all rows of a person may fall in one bin."""
        return self.cells * self.levels * self.most**2

    @property
    def name(self) -> str:
        """Column name in the payload: `rows`, `centred_age`."""
        return f"{self.kind}_{self.column}" if self.column else self.kind


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which parts a question needs, and how much of a person they may use."""

    keys: tuple[str, ...]
    """Group keys other than the force."""
    groups: int
    """g: most cells per person."""
    rows: int
    """r: most rows per person and cell."""
    parts: tuple[Part, ...]
    """The parts, in payload order, weighted."""

    @property
    def l1(self) -> int:
        """L1 sensitivity of the weighted vector."""
        return sum(part.weight * part.l1 for part in self.parts)

    @property
    def l2_squared(self) -> int:
        """Squared L2 sensitivity of the weighted vector."""
        return sum(part.weight**2 * part.l2_squared for part in self.parts)

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)


def plan(use_case: UseCase, question: GroupedStatistics, cells: int) -> Plan:
    """Parts and bounds for a question, from public facts only.

    Args:
        use_case: declares columns, unit and contribution bounds.
        question: what is asked.
        cells: size of one force's grid; nobody can be in more cells than there are.

    Raises:
        UseCaseError: if the bounds are so wide that sums could leave ±2^62.
    """
    record = use_case.unit == "record"
    rows = 1 if record else use_case.contribution.rows
    groups = 1 if record else min(use_case.contribution.groups, cells)
    if rows < 1 or groups < 1:
        raise UseCaseError(f"contribution ({groups} groups, {rows} rows) must be at least 1 each")
    wanted: dict[str, Part] = {}
    for statistic in question.statistics:
        for part in _parts_of(use_case, question, statistic, rows):
            wanted[part.name] = replace(part, cells=groups)
    parts = weighted(tuple(wanted.values()))
    chosen = Plan(
        keys=tuple(key for key in question.by if key != FORCE),
        groups=groups,
        rows=rows,
        parts=parts,
    )
    if chosen.l1 > LARGEST:
        msg = f"contribution ({groups} groups, {rows} rows) times column bounds must stay below"
        raise UseCaseError(f"{msg} 2^53: coarsen a column's step or lower the contribution")
    return chosen


def count_name(question: GroupedStatistics, use_case: UseCase, column: str) -> str:
    """Name of the part that a mean of the column is divided by.

    Rows serve where no value may be missing and rows are asked anyway, which costs nothing more.
    """
    asked = any(statistic.aggregate == "rows" for statistic in question.statistics)
    return "rows" if asked and not use_case.column(column).optional else f"count_{column}"


def persons_name(use_case: UseCase, question: GroupedStatistics) -> str:
    """Name of the part that answers `persons`: with one row per person, rows are persons."""
    one_row = use_case.unit == "record" or use_case.contribution.rows == 1
    asked = any(statistic.aggregate == "rows" for statistic in question.statistics)
    return "rows" if one_row and asked else "persons"


def _parts_of(
    use_case: UseCase, question: GroupedStatistics, statistic: Statistic, rows: int
) -> tuple[Part, ...]:
    rows_part = Part(kind="rows", most=rows, cells=1)
    if statistic.column is None:
        persons = persons_name(use_case, question) == "persons"
        if statistic.aggregate == "persons" and persons:
            return (Part(kind="persons", most=1, cells=1),)
        return (rows_part,)
    name = statistic.column
    bounds = use_case.column(name).domain
    if not isinstance(bounds, Bounds):
        raise UseCaseError(f"column '{name}' of a {statistic.aggregate} must have bounds")
    grid = Grid.of(bounds)
    if statistic.aggregate == "sum":
        most = rows * grid.largest
        return (Part(kind="sum", most=most, cells=1, column=name, grid=grid),)
    count = Part(kind="count", most=rows, cells=1, column=name)
    divisor = rows_part if count_name(question, use_case, name) == "rows" else count
    most = rows * grid.width
    return (divisor, Part(kind="centred", most=most, cells=1, column=name, grid=grid))


def weighted(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with weights that give each about the same share of the joint L1 sensitivity."""
    largest = max(part.l1 for part in parts)
    return tuple(replace(part, weight=max(1, round(largest / part.l1))) for part in parts)


def _rounded(value: float) -> int:
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)
