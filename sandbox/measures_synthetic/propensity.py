"""Propensity mean squared error: can a small tree tell released rows from real ones?

SDNist 2.4: a decision tree of depth 6 on both tables; pMSE = mean of (p − c)², where c is the
share of released rows. 0 means that it cannot; c(1 − c) that it always can.
Snoke, Raab, Nowok, Dibben and Slavkovic 2018, General and specific utility measures.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from minimisation.forces import sql
from sandbox.measures_synthetic.tables import side_by_side

DEPTH = 6
"""Depth of the tree."""


def propensity_mse(
    target: pa.Table, released: pa.Table, columns: Sequence[str], numeric: Sequence[str] = ()
) -> float:
    """PMSE of the tree.

    Args:
        target: the real rows.
        released: the synthetic rows.
        columns: what the tree sees.
        numeric: those it sees as numbers (a missing one as −1 below the least); others are
            numbered in the order of their labels.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    chosen = [_seen(column, numeric=column in numeric) for column in sorted(columns)]
    with side_by_side(target, released, columns) as connection:
        rows = connection.execute(f"select {', '.join(chosen)}, released from stacked").fetchnumpy()
    made = np.asarray(rows.pop("released"), dtype=bool)
    ranks = [np.unique(np.asarray(values), return_inverse=True)[1] for values in rows.values()]
    return float(np.mean((chances(ranks, made) - np.mean(made)) ** 2))


def chances(features: Sequence[np.ndarray], made: np.ndarray) -> np.ndarray:
    """Chance of every row to be released, by its leaf of a tree grown on all rows, shape (n,).

    Every node is split at the threshold that lowers Gini's impurity most (Breiman and others 1984);
    all nodes of a level are split at once, from counts per node and value.

    Args:
        features: whole numbers from 0, one (n,) array per column, in an order that means something.
        made: (n,) whether a row is released.
    """
    node = np.zeros(len(made), dtype=np.int64)
    for _ in range(DEPTH):
        best = np.full(int(node.max()) + 1, 1e-12)
        right = np.zeros(len(made), dtype=bool)
        for column in features:
            gain, threshold = _best_split(node, len(best), column, made)
            better = gain > best
            best[better] = gain[better]
            right = np.where(better[node], column > threshold[node], right)
        node = np.unique(2 * node + right, return_inverse=True)[1]
    share: np.ndarray = np.bincount(node, weights=made) / np.bincount(node)
    return share[node]


def _best_split(
    node: np.ndarray, nodes: int, column: np.ndarray, made: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much the best threshold of a column explains in every node, and that threshold."""
    width = int(column.max(initial=0)) + 1
    place = node * width + column
    shape, size = (nodes, width), nodes * width
    rows = np.bincount(place, minlength=size).reshape(shape).cumsum(axis=1).astype(np.float64)
    hits = np.bincount(place, weights=made, minlength=size).reshape(shape).cumsum(axis=1)
    whole, found = rows[:, -1:], hits[:, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = hits**2 / rows + (found - hits) ** 2 / (whole - rows) - found**2 / whole
    explained = np.where((rows > 0) & (rows < whole), explained, 0.0)
    threshold = explained.argmax(axis=1)
    return explained[np.arange(nodes), threshold], threshold


def _seen(column: str, *, numeric: bool) -> str:
    name = sql.name(column)
    if numeric:
        return f"coalesce({name}, min({name}) over () - 1, 0)::double as {name}"
    number = f"try_cast({name} as double)"
    return (
        f"dense_rank() over (order by {number} nulls first, cast({name} as varchar) nulls first)"
        f"::double as {name}"
    )
