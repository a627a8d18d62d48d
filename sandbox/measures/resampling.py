"""Poisson bootstrap over people: every replicate gives each person a weight drawn from Poisson(1).

Weights come from the assessment's seed and the force's name alone, so that replicate i reweights
the same people alike for every option; differences between options are then paired. Counts by
person add up over forces, which a bootstrap that draws with replacement does not allow.
Hanley and MacGibbon, "Creating non-parametric bootstrap samples using Poisson frequencies" (2006).
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Scene

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

HELD = 20_000_000
"""Most weights that are held at a time."""

REPLICATES = 200
"""Replicates besides the observed data, which is replicate 0."""


def weights(scene: Scene, units: Integers) -> Array:
    """Weight of every row in every replicate; all rows of a person weigh alike.

    Eight bytes per row and replicate: use `blocks` where rows are many.

    Args:
        scene: seeds the draw.
        units: (n,) the person or record of each row.

    Returns:
        (REPLICATES + 1, n); the first row is ones.
    """
    return np.vstack([block for _, block in blocks(scene, units)])


def blocks(scene: Scene, units: Integers) -> Iterator[tuple[slice, Array]]:
    """The same weights a few replicates at a time, so that memory does not grow with replicates.

    Args:
        scene: seeds the draw.
        units: (n,) the person or record of each row.

    Yields:
        Which replicates, from 0, and their weights, shape (replicates, n) of at most `HELD` numbers
        unless one replicate has more; replicate 0 is ones and comes alone.
    """
    size = max(1, HELD // max(len(units), 1))
    known, place = np.unique(units, return_inverse=True)
    rng = scene.rng()
    yield slice(0, 1), np.ones((1, len(units)))
    for start in range(1, REPLICATES + 1, size):
        end = min(start + size, REPLICATES + 1)
        drawn = rng.poisson(1.0, (end - start, len(known))).astype(np.float64)
        yield slice(start, end), drawn[:, place]


def histogram(bins: Integers, size: int, weight: Array) -> Array:
    """Weighted counts per bin in every replicate.

    Args:
        bins: (n,) bin of every row, in [0, size).
        size: number of bins.
        weight: (replicates, n).

    Returns:
        (replicates, size).
    """
    counts = [np.bincount(bins, weights=row, minlength=size) for row in weight]
    return np.stack(counts).astype(np.float64)  # of nobody, numpy counts in integers


def sparse(counts: Array, names: tuple[str, ...]) -> pa.Table:
    """The non-zero entries of an array as a table: one index column per axis, then `value`."""
    places = np.nonzero(counts)
    columns = {n: pa.array(p.astype(np.int32)) for n, p in zip(names, places, strict=True)}
    return pa.table({**columns, "value": pa.array(counts[places])})


def sparse_schema(names: tuple[str, ...]) -> pa.Schema:
    """Schema of what `sparse` returns."""
    return pa.schema([*((name, pa.int32()) for name in names), ("value", pa.float64())])


def dense(tables: Iterable[pa.Table], names: tuple[str, ...], shape: tuple[int, ...]) -> Array:
    """The arrays of several forces, added up."""
    total = np.zeros(shape)
    for table in tables:
        places = tuple(np.asarray(table.column(name)) for name in names)
        np.add.at(total, places, np.asarray(table.column("value")))
    return total


def interval(replicates: Array) -> tuple[float, float] | tuple[None, None]:
    """95 % percentile interval, leaving out replicates in which the figure is undefined."""
    known = replicates[np.isfinite(replicates)]
    if len(known) < REPLICATES // 2:
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
