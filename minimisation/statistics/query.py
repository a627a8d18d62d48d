"""The typed query: whose rows, which groups, which figures, how much of one person.

It is the whole language. Minimum, maximum, first value, mode and free expressions are not in it,
because one person decides them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.errors import UseCaseError
from minimisation.statistics.arithmetic import Expression
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.parts import LARGEST, Grid
from minimisation.statistics.predicates import AnyOf, Between, In, Predicate, Same, simple

MeasureKind: TypeAlias = Literal[
    "rows", "persons", "sum", "mean", "variance", "histogram", "quantile"
]

MOST_CELLS = 2**24
"""Largest grid that is released; more cells than people carry noise only."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One figure per group."""

    kind: MeasureKind
    """rows, persons, sum, mean or variance of a bounded column, or histogram or quantile of one
    with public edges."""
    column: str = ""
    """Measured column; empty for rows and persons."""
    low: float | None = None
    """Values below count as this; None: the column's own bound."""
    high: float | None = None
    """Values above count as this; None: the column's own bound."""
    level: float | None = None
    """Share of rows below a quantile, in (0, 1); None for any other figure."""

    def __post_init__(self) -> None:
        """Refuse an unknown kind, a misplaced column or impossible bounds.

        Raises:
            ValueError: naming the rule.
        """
        if self.kind not in get_args(MeasureKind):
            known = ", ".join(get_args(MeasureKind))
            raise ValueError(f"measure ({self.kind}) must be one of {known}")
        if bool(self.column) != (self.kind not in ("rows", "persons")):
            raise ValueError(f"measure ({self.kind}) must name a column exactly if it needs one")
        if (self.kind == "quantile") != (self.level is not None):
            raise ValueError(f"level ({self.level}) must be given exactly for a quantile")
        if self.level is not None and not 0 < self.level < 1:
            raise ValueError(f"level ({self.level}) must be above 0 and below 1")
        if self.binned and (self.low, self.high) != (None, None):
            raise ValueError(f"measure ({self.kind}) must have no bounds: its bins are public")
        for end in (self.low, self.high):
            if end is not None and not math.isfinite(end):
                raise ValueError(f"bound ({end}) of '{self.column}' must be finite")

    @property
    def name(self) -> str:
        """Column of the released table."""
        level = "" if self.level is None else f"_{self.level:g}"
        return f"{self.kind}_{self.column.replace('.', '_')}{level}" if self.column else self.kind

    @property
    def binned(self) -> bool:
        """Whether it is read off a histogram over public edges."""
        return self.kind in ("histogram", "quantile")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question to one stored table."""

    table: str
    """Table it starts from."""
    measures: tuple[Measure, ...]
    """Figures, at least one."""
    by: tuple[str, ...] = ()
    """Group keys with declared labels; none: one figure for all."""
    population: tuple[Predicate, ...] = ()
    """Conditions that hold together."""
    derived: Mapping[str, Expression] = field(default_factory=dict)
    """Columns worked out per row, by name; measures and conditions may use them."""
    unknown: str = ""
    """Group key whose labels are not public, by itself, for persons alone; empty: none."""

    def __post_init__(self) -> None:
        """Refuse a query without figures, or with one twice.

        Raises:
            ValueError: naming the rule.
        """
        if not self.measures:
            raise ValueError("measures ([]) must name at least one figure")
        names = [measure.name for measure in self.measures]
        if len(set(names)) != len(names) or len(set(self.by)) != len(self.by):
            raise ValueError("measures and group keys must not be named twice")
        if self.unknown and (self.by or names != ["persons"]):
            msg = f"unknown({self.unknown}) must be the only group key, and persons the only figure"
            raise ValueError(f"{msg}; put declared columns into a `where` condition")


def check(query: Query, table: StoredTable) -> tuple[int, ...]:
    """Number of labels per group key, after every name and label was found to be permitted.

    Raises:
        UseCaseError: naming the column, label or bound, and the rule.
    """
    if query.table != table.name:
        raise UseCaseError(f"table '{query.table}' must be a registered one, such as {table.name}")
    shape = tuple(len(table.labels(key)) for key in query.by)
    if math.prod(shape) > MOST_CELLS:
        raise UseCaseError(f"by ({', '.join(query.by)}) must declare at most {MOST_CELLS} cells")
    for predicate in query.population:
        _check_predicate(predicate, table)
    _check_measures(query, table, math.prod(shape))
    return shape


def _check_predicate(predicate: Predicate, table: StoredTable) -> None:
    if isinstance(predicate, AnyOf):
        for each in simple(predicate):
            _check_predicate(each, table)
        return
    column = table.column(predicate.column)
    if isinstance(predicate, In):
        unknown = set(predicate.labels) - set(getattr(column.domain, "values", ()))
        if unknown:
            msg = f"labels of '{predicate.column}' must be declared ones, not "
            raise UseCaseError(msg + ", ".join(sorted(unknown)))
    elif isinstance(predicate, Between):
        table.grid(predicate.column)
    elif isinstance(predicate, Same):
        other = table.column(predicate.other).domain
        if not isinstance(other, Categories) or other != column.domain:
            both = f"'{predicate.column}' and '{predicate.other}'"
            raise UseCaseError(f"columns {both} must have the same categories to be compared")


def _check_measures(query: Query, table: StoredTable, cells: int) -> None:
    grids: dict[str, Grid] = {}
    for measure in query.measures:
        if measure.binned:
            if not isinstance(table.column(measure.column).domain, Bounds):
                raise UseCaseError(f"column '{measure.column}' of {measure.name} must be a number")
            if 2 * len(table.labels(measure.column)) * cells > MOST_CELLS:
                raise UseCaseError(
                    f"{measure.name} must have at most {MOST_CELLS // 2} bins in all"
                )
        elif measure.column:
            grid = measured_grid(measure, table)
            if grids.setdefault(measure.column, grid) != grid:
                raise UseCaseError(f"bounds of '{measure.column}' must be the same in all measures")


def measured_grid(measure: Measure, table: StoredTable) -> Grid:
    """The whole multiples between which a measured column is clipped, within its own bounds.

    Raises:
        UseCaseError: if the bounds leave nothing, or so much that sums could leave ±2^62.
    """
    own = table.grid(measure.column)
    low = own.low if measure.low is None else max(own.low, math.floor(measure.low / own.step))
    high = own.high if measure.high is None else min(own.high, math.ceil(measure.high / own.step))
    if low >= high:
        raise UseCaseError(f"bounds of '{measure.column}' must leave low < high within its domain")
    largest = max(abs(low), abs(high), high - low) ** (2 if measure.kind == "variance" else 1)
    if largest > LARGEST:
        raise UseCaseError(f"bounds of '{measure.column}' must be narrower or in coarser steps")
    return Grid(low=low, high=high, step=own.step)
