"""Runs a planned query on a store: exact integers, noise in one draw, the finished table."""

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.statistics import noise
from minimisation.statistics.answers import (
    Figure,
    Noisy,
    mean_figure,
    sum_figure,
    variance_figure,
)
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.query import Measure


def noise_of(plan: QueryPlan, epsilon: float, delta: float) -> noise.Noise:
    """The noise that a query costs (epsilon, delta) with."""
    return noise.cheapest(plan.vector.l1, plan.vector.l2_squared, epsilon, delta)


def exact_vector(plan: QueryPlan, connection: duckdb.DuckDBPyConnection) -> noise.Integers:
    """Exact bounded sums before noise, shape (parts, cells); never to be released."""
    sums = connection.execute(compile_query(plan)).to_arrow_table()
    cells = sums.column("cell").to_numpy().astype(np.int64)
    # a code outside the declared list would be a fault of the load; it must not be an error here
    inside = (cells >= 0) & (cells < plan.cells)
    vector = np.zeros((len(plan.vector.parts), plan.cells), dtype=np.int64)
    for place, part in enumerate(plan.vector.parts):
        vector[place, cells[inside]] = sums.column(part.name).to_numpy()[inside]
    return vector


def run(
    plan: QueryPlan, connection: duckdb.DuckDBPyConnection, added: noise.Noise
) -> noise.Integers:
    """Noisy weighted sums, shape (parts, cells); cells without rows are noised like any other."""
    exact = exact_vector(plan, connection)
    return noise.perturb(exact.ravel(), added).reshape(exact.shape)


def finish(plan: QueryPlan, vectors: Sequence[noise.Integers], added: noise.Noise) -> pa.Table:
    """The released table from one or several forces' noisy sums.

    Args:
        plan: the query.
        vectors: one result of `run` per force; they are added.
        added: the noise in each of them.

    Returns:
        One row per cell: the keys, then each figure with `_low` and `_high`, its 95 % interval.
    """
    total = np.sum([vector.astype(np.float64) for vector in vectors], axis=0)
    noisy = Noisy(
        sums={part.name: total[place] for place, part in enumerate(plan.vector.parts)},
        plan=plan.vector,
        noise=added,
        copies=len(vectors),
    )
    columns: dict[str, pa.Array] = {}
    places = np.indices(plan.shape).reshape(len(plan.shape), -1)
    for key, place in zip(plan.query.by, places, strict=True):
        labels = np.array(plan.table.labels(key), dtype=object)
        columns[key] = pa.array(labels[place], pa.string())
    for measure in plan.query.measures:
        figure = _figure(measure, noisy)
        for suffix, values in (("", figure.value), ("_low", figure.low), ("_high", figure.high)):
            columns[measure.name + suffix] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def _figure(measure: Measure, noisy: Noisy) -> Figure:
    part = noisy.plan.part
    if not measure.column:
        return sum_figure(noisy, part(measure.kind), 1.0)
    if measure.kind == "sum":
        own = part(f"sum_{measure.column}")
        return sum_figure(noisy, own, own.grid.step if own.grid else 1.0)
    centred, count = part(f"centred_{measure.column}"), part(f"count_{measure.column}")
    if measure.kind == "variance":
        return variance_figure(noisy, part(f"squared_{measure.column}"), centred, count)
    return mean_figure(noisy, centred, count)
