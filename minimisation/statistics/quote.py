"""What a query would cost and how wide its intervals would be, before anything is spent.

Every figure follows from public facts: the plan, the noise and, for ratios, a number of rows that
the reader assumes. Accuracy first is the same the other way round: the interval wanted, the
smallest epsilon that gives it.
"""

import math
from dataclasses import dataclass

import numpy as np

from minimisation.contract.errors import UseCaseError
from minimisation.statistics import noise, private_query
from minimisation.statistics.accounting import Amount, Spend
from minimisation.statistics.answers import Noisy
from minimisation.statistics.histograms import Tree
from minimisation.statistics.noise import Noise, Reals
from minimisation.statistics.parts import Part
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.query import Measure

ASSUMED_ROWS = (100, 1_000, 10_000)
"""Rows per cell for which the interval of a mean or variance is quoted."""

SMALLEST, LARGEST = 1e-4, 100.0
"""Range in which an epsilon is sought."""

PRECISION = 1e-3
"""Relative precision of an epsilon that is sought; it is rounded up."""


@dataclass(frozen=True, kw_only=True)
class Width:
    """Expected half width of a figure's 95 % noise interval, in the figure's own units."""

    measure: str
    """Column of the released table."""
    half: float
    """Half width."""
    rows: int | None = None
    """Assumed rows of a cell; None where the width does not depend on data."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Price and expected precision of one query at one force, or added up over several."""

    plan: QueryPlan
    """What would run."""
    added: Noise
    """Noise that each force would add to its vector."""
    spend: Spend
    """Loss at each force."""
    forces: int
    """Forces whose figures would be added."""
    widths: tuple[Width, ...]
    """Expected intervals, the same for every cell."""

    @property
    def cost(self) -> Amount:
        """What it would take from an account of each force."""
        return self.spend.amount


def quote(plan: QueryPlan, epsilon: float, delta: float = 0.0, forces: int = 1) -> Quote:
    """Price of a query; nothing is run, read or spent.

    Args:
        plan: the query.
        epsilon: privacy loss at each force.
        delta: its failure probability.
        forces: how many forces' figures would be added.

    Raises:
        ValueError: if the budget is impossible.
    """
    added = private_query.noise_of(plan, epsilon, delta)
    return Quote(
        plan=plan,
        added=added,
        spend=Spend.of(added, plan.vector.l1, plan.vector.l2_squared),
        forces=forces,
        widths=tuple(
            Width(
                measure=measure.name, half=half_width(plan, measure, added, forces, rows), rows=rows
            )
            for measure in plan.query.measures
            for rows in (ASSUMED_ROWS if depends_on_rows(measure) else (None,))
        ),
    )


def depends_on_rows(measure: Measure) -> bool:
    """Whether the interval is the narrower the more rows a cell has."""
    return measure.kind in ("mean", "variance", "quantile")


def half_width(
    plan: QueryPlan, measure: Measure, added: Noise, forces: int = 1, rows: int | None = None
) -> float:
    """Half width of one figure's interval, where noise happens to be 0.

    Args:
        plan: the query.
        measure: one of its measures.
        added: noise of each force.
        forces: how many forces' noise is added.
        rows: assumed known values in the cell, spread evenly over the bounds; ratios need it.

    Raises:
        ValueError: if a ratio has no rows.
    """
    if depends_on_rows(measure) and (rows is None or rows < 1):
        raise ValueError(f"rows ({rows}) must be at least 1 to quote a {measure.kind}")
    sums = {}
    for part in plan.vector.parts:
        sums[part.name] = _expected(part, rows or 0) * part.weight
    expected = Noisy(sums=sums, plan=plan.vector, noise=added, copies=forces)
    figures = private_query.figures_of(plan, measure, expected).values()
    return max(
        float(max(each.high[0] - each.value[0], each.value[0] - each.low[0])) for each in figures
    )


def epsilon_for(plan: QueryPlan, wanted: Width, *, delta: float = 0.0, forces: int = 1) -> float:
    """Smallest epsilon found whose expected 95 % interval is as narrow as wanted.

    Args:
        plan: the query.
        wanted: measure and half width; ratios need an assumed number of rows.
        delta: failure probability of the noise.
        forces: how many forces' figures are added.

    Raises:
        UseCaseError: if the measure is not asked, or no epsilon up to 100 is enough.
    """
    asked = {each.name: each for each in plan.query.measures}
    if wanted.measure not in asked:
        raise UseCaseError(
            f"measure '{wanted.measure}' must be one that is asked: {', '.join(asked)}"
        )
    if not (math.isfinite(wanted.half) and wanted.half > 0):
        raise UseCaseError(f"interval ({wanted.half}) must be a positive number")

    measure = asked[wanted.measure]

    def enough(epsilon: float) -> bool:
        added = private_query.noise_of(plan, epsilon, delta)
        return half_width(plan, measure, added, forces, wanted.rows) <= wanted.half

    low, high = SMALLEST, LARGEST
    if not enough(high):
        msg = f"interval (±{wanted.half:g}) of '{wanted.measure}' must be wider: even epsilon"
        raise UseCaseError(f"{msg} {high:g} is not enough; lower the bounds or ask for less")
    while high / low > 1 + PRECISION:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    noise.check_budget(high, delta)
    return high


def _expected(part: Part, rows: int) -> Reals:
    """Unweighted sums of one cell whose values are spread evenly."""
    if part.bins:
        leaves = np.full((part.bins, 1), rows / part.bins)
        return np.asarray(Tree(leaves=part.bins).filled(leaves), dtype=np.float64)
    per_row = {"count": 1.0, "squared": part.grid.width**2 / 3 if part.grid else 0.0}
    return np.array([per_row.get(part.kind, 0.0) * rows])
