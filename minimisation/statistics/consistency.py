"""Makes noisy tables agree, on request: no count below 0, and margins that are sums of their cells.

Weighted least squares over non-negative cells (Hay, Rastogi, Miklau and Suciu 2010; Barak and
others 2007). It is post-processing, so it costs no privacy; but raising negative counts to 0 moves
small cells upwards, which is why it is not done unasked, and intervals no longer hold exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import lsq_linear
from scipy.sparse import coo_matrix, vstack

from minimisation.statistics.noise import Reals

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
