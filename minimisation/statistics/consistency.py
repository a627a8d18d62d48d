"""Makes noisy tables agree, on request: no count below 0, and margins that are sums of their cells.

Weighted least squares over non-negative cells (Hay, Rastogi, Miklau and Suciu 2010; Barak and
others 2007). It is post-processing, so it costs no privacy; but raising negative counts to 0 moves
small cells upwards, which is why it is not done unasked, and intervals no longer hold exactly.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa
from scipy.optimize import lsq_linear
from scipy.sparse import coo_matrix, vstack

from minimisation.contract.errors import UseCaseError
from minimisation.statistics.noise import Reals
from minimisation.statistics.planner import QueryPlan

MOST_CELLS = 50_000
"""Largest grid that is fitted."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A noisy table: the grid itself or one of its margins."""

    axes: tuple[int, ...]
    """Axes of the grid that it keeps, rising; () for the total."""
    values: Reals
    """Noisy counts, of the shape of those axes."""
    deviation: float
    """Standard deviation of the noise on each."""


def consistent(shape: tuple[int, ...], tables: Sequence[Measured]) -> list[Reals]:
    """The tables again, non-negative and in agreement, in the order given.

    Args:
        shape: labels per key of the full grid.
        tables: noisy tables of the same people; together they need not cover every cell.

    Raises:
        ValueError: if a table does not fit the grid, or the grid is too large.
    """
    cells = math.prod(shape)
    if cells > MOST_CELLS:
        raise ValueError(f"grid ({cells} cells) must have at most {MOST_CELLS}")
    for table in tables:
        if table.values.shape != tuple(shape[axis] for axis in table.axes):
            raise ValueError(f"table over axes {table.axes} must have their shape in {shape}")
        if not table.deviation > 0:
            raise ValueError(f"deviation ({table.deviation}) must be above 0")
    if [table.axes for table in tables] == [tuple(range(len(shape)))]:
        # each cell stands for itself, so the nearest that is not negative needs no solver
        return [np.maximum(tables[0].values, 0.0)]
    sums = [_sums(shape, table.axes) for table in tables]
    system = vstack([each / table.deviation for each, table in zip(sums, tables, strict=True)])
    measured = np.concatenate([table.values.ravel() / table.deviation for table in tables])
    fitted = lsq_linear(system.tocsr(), measured, bounds=(0, np.inf), method="trf", tol=1e-12)
    # an interior-point method stops just short of 0
    best = np.where(fitted.x < 1e-6 * max(1.0, float(fitted.x.max())), 0.0, fitted.x)
    return [
        np.asarray(each @ best).reshape(table.values.shape)
        for each, table in zip(sums, tables, strict=True)
    ]


def refuse_unfit(plan: QueryPlan) -> None:
    """Refuse, before anything is spent, a query whose release cannot be made consistent.

    Raises:
        UseCaseError: if neither rows nor persons are asked, or the grid is too large.
    """
    if not _counts(plan):
        raise UseCaseError("measures must have rows or persons to be made consistent")
    if plan.cells > MOST_CELLS:
        raise UseCaseError(f"by ({plan.cells} cells) must have at most {MOST_CELLS} cells")


def with_margins(plan: QueryPlan, table: pa.Table) -> pa.Table:
    """A released table with no count below 0, and with margins and a total that are its sums.

    Only what was released is used, so it costs nothing and does for cached releases alike.

    Args:
        plan: the query.
        table: its released table, one row per cell; see `private_query.finish`.

    Returns:
        The cells; then the margin of each key, where there are several, and the total. A key that
        was added over is null, as in SQL's grouping sets. Margins hold what can be added up: rows,
        and persons where each is counted in one cell at most. They have no intervals.

    Raises:
        UseCaseError: as `refuse_unfit`.
    """
    refuse_unfit(plan)
    fitted = _non_negative(plan, table)
    for name, values in fitted.items():
        # an end below 0 says nothing that a count does not say of itself
        ends = [(f"{name}{end}", table.column(f"{name}{end}")) for end in ("_low", "_high")]
        raised = {end: pa.array(np.maximum(old.to_numpy(), 0.0)) for end, old in ends}
        for column, new in {name: pa.array(values.ravel()), **raised}.items():
            table = table.set_column(table.column_names.index(column), column, new)
    if plan.vector.groups > 1:
        fitted.pop("persons", None)
    keys = tuple(range(len(plan.shape)))
    kept = [(key,) for key in keys if len(keys) > 1] + [()] * bool(keys)
    margins = [_margin(plan, fitted, axes) for axes in kept if fitted]
    return pa.concat_tables([table, *margins], promote_options="default")


def _counts(plan: QueryPlan) -> list[str]:
    return [each.kind for each in plan.query.measures if each.kind in ("rows", "persons")]


def _non_negative(plan: QueryPlan, table: pa.Table) -> dict[str, Reals]:
    """Count → its fitted cells, of the shape of the grid."""
    axes = tuple(range(len(plan.shape)))
    fitted: dict[str, Reals] = {}
    for name in _counts(plan):
        values = table.column(name).to_numpy().astype(np.float64).reshape(plan.shape)
        (fitted[name],) = consistent(
            plan.shape, [Measured(axes=axes, values=values, deviation=1.0)]
        )
    return fitted


def _margin(plan: QueryPlan, fitted: Mapping[str, Reals], kept: tuple[int, ...]) -> pa.Table:
    """Counts added over every key but those kept."""
    over = tuple(axis for axis in range(len(plan.shape)) if axis not in kept)
    labels = {plan.query.by[axis]: plan.table.labels(plan.query.by[axis]) for axis in kept}
    sums = {name: np.ravel(values.sum(axis=over)) for name, values in fitted.items()}
    return pa.table({name: pa.array(values) for name, values in {**labels, **sums}.items()})


def _sums(shape: tuple[int, ...], axes: tuple[int, ...]) -> coo_matrix:
    """Matrix that adds the cells of a grid up to a margin: shape (margin cells, cells)."""
    places = list(product(*(range(size) for size in shape)))
    kept = tuple(shape[axis] for axis in axes)
    rows = [
        int(np.ravel_multi_index([place[axis] for axis in axes], kept)) if axes else 0
        for place in places
    ]
    ones = np.ones(len(places))
    return coo_matrix((ones, (rows, range(len(places)))), shape=(math.prod(kept), len(places)))
