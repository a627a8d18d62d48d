"""Leaves out small cells, and enough others that published margins do not give them back.

Primary suppression by a threshold; complementary suppression is greedy and audited by linear
programming: what an attacker who knows all margins and that counts are not negative can derive for
each suppressed cell (Fischetti and Salazar, "Models and algorithms for optimizing cell
suppression", JASA 95, 2000). Which cells are left out depends on the data and tells something.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """Suppresses counts below a threshold in a table whose margins are published."""

    threshold: int = 10
    """Counts below it are suppressed, zeros too."""
    zeros: bool = True
    """Whether a zero is suppressed like any small count."""
    width: int = 1
    """An attacker's interval for a suppressed cell must be at least this wide."""

    def __post_init__(self) -> None:
        """Refuse settings that protect nothing.

        Raises:
            ValueError: naming the rule.
        """
        if self.threshold < 1 or self.width < 1:
            raise ValueError(
                f"threshold ({self.threshold}) and width ({self.width}) must be at least 1"
            )

    def primary(self, counts: Counts) -> Mask:
        """Cells that are suppressed for being small."""
        small: Mask = counts < self.threshold
        return small if self.zeros else small & (counts > 0)

    def apply(self, counts: Counts) -> Mask:
        """All suppressed cells of a table whose sums along every axis are published.

        Args:
            counts: table of one or more dimensions.

        Returns:
            Mask of the same shape.
        """
        small = self.primary(counts)
        hidden = small.copy()
        while self.exposed(counts, hidden).any() and not hidden.all():
            hidden[_partner(counts, hidden)] = True
        # what later cells have made needless is shown again, the largest first
        extra = sorted(zip(*np.nonzero(hidden & ~small), strict=True), key=lambda c: -counts[c])
        for cell in extra:
            hidden[cell] = False
            hidden[cell] = bool(self.exposed(counts, hidden).any())
        return hidden

    def exposed(self, counts: Counts, hidden: Mask) -> Mask:
        """Suppressed small cells that the margins pin down to less than the required width."""
        result = np.zeros_like(hidden)
        for cell in zip(*np.nonzero(hidden & self.primary(counts)), strict=True):
            low, high = interval(counts, hidden, tuple(int(axis) for axis in cell))
            result[cell] = high - low < self.width - 1e-6
        return result


def _partner(counts: Counts, hidden: Mask) -> tuple[int, ...]:
    """The shown cell to hide next: one that keeps most lone cells company, then the smallest."""
    relieved = np.zeros(counts.shape, dtype=np.int64)
    for axis in range(counts.ndim):
        here = hidden.sum(axis=axis, keepdims=True)
        # a lone hidden cell in a line is known from the line's margin; an empty line gets one
        relieved += (here == 1).astype(np.int64) - (here == 0).astype(np.int64)
    order = np.lexsort((counts.ravel(), -relieved.ravel(), hidden.ravel()))
    return tuple(int(axis) for axis in np.unravel_index(int(order[0]), counts.shape))


def interval(counts: Counts, hidden: Mask, cell: tuple[int, ...]) -> tuple[float, float]:
    """Smallest and largest value of a suppressed cell that fits all published figures."""
    matrix, totals = _constraints(counts, hidden)
    place = int(np.cumsum(hidden.ravel())[np.ravel_multi_index(cell, counts.shape)]) - 1
    aim = np.zeros(matrix.shape[1])
    aim[place] = 1.0
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(sign * aim, A_eq=matrix, b_eq=totals, bounds=(0, None), method="highs")
        ends.append(float("inf") if found.status == 3 else sign * found.fun)  # noqa: PLR2004 - unbounded
    return ends[0], ends[1]


def _constraints(counts: Counts, hidden: Mask) -> tuple[Reals, Reals]:
    """One equation per published margin over the suppressed cells."""
    numbers = np.cumsum(hidden.ravel()).reshape(hidden.shape) - 1
    unknown = int(hidden.sum())
    rows, totals = [], []
    for axis in range(counts.ndim):
        lines = np.moveaxis(numbers, axis, -1).reshape(-1, counts.shape[axis])
        masks = np.moveaxis(hidden, axis, -1).reshape(-1, counts.shape[axis])
        values = np.moveaxis(counts, axis, -1).reshape(-1, counts.shape[axis])
        for line, mask, value in zip(lines, masks, values, strict=True):
            if mask.any():
                row = np.zeros(unknown)
                row[line[mask]] = 1.0
                rows.append(row)
                totals.append(float(value[mask].sum()))
    return np.array(rows), np.array(totals)
