"""Finishes a question's figures from noisy sums, each with its 95 % noise interval.

The interval of a mean is Fieller's: all means m whose numerator S − m·n could be noise alone
(Fieller, "Some problems in interval estimation", JRSS B 16, 1954), in bands of |m| so that the
noise on n counts only as much as it must.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from minimisation.contract.domains import Bounds
from minimisation.contract.questions import GroupedStatistics, Statistic
from minimisation.contract.usecase import UseCase
from minimisation.statistics.intervals import CONFIDENCE, Term, half_width
from minimisation.statistics.noise import Noise, Reals
from minimisation.statistics.parts import Part, Plan, count_name, persons_name

BANDS = 8
"""Bands of |mean − middle| in which the noise on the divisor is bounded separately."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One statistic in every cell; arrays of shape (cells,)."""

    value: Reals
    """Released figure; NaN for a mean over nobody."""
    low: Reals
    """Lower end of its noise interval."""
    high: Reals
    """Upper end of its noise interval."""


@dataclass(frozen=True, kw_only=True)
class Noisy:
    """Noisy weighted sums and what is publicly known of their noise."""

    sums: Mapping[str, Reals]
    """Part name → weighted noisy sums, shape (cells,)."""
    plan: Plan
    """Parts and bounds."""
    noise: Noise
    """Noise of one force."""
    copies: int
    """Forces whose noise is added up in a cell."""

    def value(self, part: Part) -> Reals:
        """Noisy sums of a part in its own units."""
        return self.sums[part.name] / part.weight

    def term(self, part: Part, factor: float = 1.0) -> Term:
        """The noise on a part, times a factor."""
        return Term(noise=self.noise, factor=factor / part.weight, copies=self.copies)


def figure(
    use_case: UseCase, question: GroupedStatistics, asked: Statistic, noisy: Noisy
) -> Figure:
    """One statistic of the question, with its interval."""
    if asked.column is None:
        persons = asked.aggregate == "persons"
        name = persons_name(use_case, question) if persons else "rows"
        return sum_figure(noisy, noisy.plan.part(name), 1.0)
    bounds = use_case.column(asked.column).domain
    if not isinstance(bounds, Bounds):
        raise TypeError(f"column '{asked.column}' must have bounds")
    if asked.aggregate == "sum":
        return sum_figure(noisy, noisy.plan.part(f"sum_{asked.column}"), bounds.step)
    count = noisy.plan.part(count_name(question, use_case, asked.column))
    return mean_figure(noisy, noisy.plan.part(f"centred_{asked.column}"), count)


def non_negative(figure: Figure) -> Figure:
    """The figure with everything below 0 raised to 0."""
    value, low, high = (np.maximum(x, 0.0) for x in (figure.value, figure.low, figure.high))
    return Figure(value=value, low=low, high=high)


def sum_figure(noisy: Noisy, part: Part, step: float) -> Figure:
    """A count or sum, `step` units to a whole, with its interval."""
    value = noisy.value(part) * step
    width = half_width([noisy.term(part)]) * step
    return Figure(value=value, low=value - width, high=value + width)


def mean_figure(noisy: Noisy, part: Part, count: Part) -> Figure:
    """A mean from a centred sum and its count, with Fieller's interval."""
    if part.grid is None:
        raise TypeError(f"part '{part.name}' must have a grid")
    middle, step = (part.grid.low + part.grid.high) / 2, part.grid.step
    ratio = _ratio(noisy, part, count, float(part.grid.width), CONFIDENCE)
    ends = ((middle + end / 2) * step for end in (ratio.value, ratio.low, ratio.high))
    value, low, high = ends
    return Figure(value=value, low=low, high=high)


def variance_figure(noisy: Noisy, squared: Part, centred: Part, count: Part) -> Figure:
    """A variance from squared and centred sums and their count.

    Its interval joins those of the mean square and the mean, each at half the error.
    """
    if centred.grid is None:
        raise TypeError(f"part '{centred.name}' must have a grid")
    width, step = float(centred.grid.width), centred.grid.step
    each = (1 + CONFIDENCE) / 2
    square = _ratio(noisy, squared, count, width**2, each)
    mean = _ratio(noisy, centred, count, width, each)
    ends = np.stack([mean.low**2, mean.high**2])
    nearest = np.where(mean.low * mean.high < 0, 0.0, ends.min(axis=0))
    scale, most = step**2 / 4, (width * step / 2) ** 2
    value, low, high = (
        np.clip(raw * scale, 0.0, most)
        for raw in (
            square.value - mean.value**2,
            square.low - ends.max(axis=0),
            square.high - nearest,
        )
    )
    return Figure(value=value, low=np.fmin(low, value), high=np.fmax(high, value))


def _ratio(noisy: Noisy, part: Part, count: Part, limit: float, confidence: float) -> Figure:
    """Total / count within ±limit; NaN where the count is below one."""
    total, number = noisy.value(part), noisy.value(count)
    # edges of |m| up to the limit, with the noise that S − m·n can have in each band
    edges = np.linspace(0.0, limit, BANDS + 1)
    widths = [
        half_width([noisy.term(part), noisy.term(count, edge)], confidence) for edge in edges[1:]
    ]
    low, high = _fieller(total, number, edges, widths)
    some = number >= 1
    ratio = np.divide(total, number, out=np.full_like(total, np.nan), where=some)
    centre = np.clip(ratio, -limit, limit)
    empty = np.isnan(low)  # noise has carried the ratio past the public bounds
    low, high = np.where(empty, centre, low), np.where(empty, centre, high)
    low = np.where(np.isnan(low), -limit, low)
    high = np.where(np.isnan(high), limit, high)
    return Figure(value=centre, low=np.fmin(low, centre), high=np.fmax(high, centre))


def _fieller(
    total: Reals, number: Reals, edges: Reals, widths: Sequence[float]
) -> tuple[Reals, Reals]:
    low, high = np.full_like(total, np.nan), np.full_like(total, np.nan)
    for (near, far), width in zip(pairwise(edges), widths, strict=True):
        for start, end in ((-far, -near), (near, far)):
            left, right = _feasible(total, number, width, start, end)
            low, high = np.fmin(low, left), np.fmax(high, right)
    return low, high


def _feasible(
    total: Reals, number: Reals, width: float, start: float, end: float
) -> tuple[Reals, Reals]:
    """Ends of {m in [start, end]: |total − m·number| ≤ width}; NaN where it is empty."""
    flat = np.abs(number) < 1e-9  # noqa: PLR2004 - counts are multiples of 1/weight
    safe = np.where(flat, 1.0, number)
    one, two = (total - width) / safe, (total + width) / safe
    left = np.where(flat, start, np.maximum(np.minimum(one, two), start))
    right = np.where(flat, end, np.minimum(np.maximum(one, two), end))
    none = (left > right) | (flat & (np.abs(total) > width))
    return np.where(none, np.nan, left), np.where(none, np.nan, right)
