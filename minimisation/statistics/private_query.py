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
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.engine import Engine
from minimisation.statistics.histograms import Tree, histogram_figures, quantile_figure
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.query import Measure


def noise_of(plan: QueryPlan, epsilon: float, delta: float) -> noise.Noise:
    """The noise that a query costs (epsilon, delta) with."""
    return noise.cheapest(plan.vector.l1, plan.vector.l2_squared, epsilon, delta)


def exact_vector(plan: QueryPlan, engine: Engine | duckdb.DuckDBPyConnection) -> noise.Integers:
    """Exact bounded sums before noise, shape (entries, cells); never to be released.

    Args:
        plan: the query.
        engine: what holds its tables; a DuckDB connection stands for the engine on it.

    Raises:
        StoreError: if the store cannot answer; the message names no value, row or path.
    """
    if isinstance(engine, duckdb.DuckDBPyConnection):
        engine = DuckDBEngine(connection=engine)
    sums = engine.sums(plan)
    cells = sums.column("cell").to_numpy().astype(np.int64)
    # a code outside the declared list would be a fault of the load; it must not be an error here
    inside = (cells >= 0) & (cells < plan.cells)
    laid_out = []
    for part in plan.vector.parts:
        names = [f"{part.name}_{place}" for place in range(part.bins)] or [part.name]
        entries = np.zeros((len(names), plan.cells), dtype=np.int64)
        for place, name in enumerate(names):
            entries[place, cells[inside]] = sums.column(name).to_numpy()[inside]
        laid_out.append(Tree(leaves=part.bins).filled(entries) if part.bins else entries)
    return np.concatenate(laid_out)


def run(
    plan: QueryPlan, engine: Engine | duckdb.DuckDBPyConnection, added: noise.Noise
) -> noise.Integers:
    """Noisy weighted sums, shape (entries, cells); cells without rows are noised like any other."""
    exact = exact_vector(plan, engine)
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
        sums=_by_part(plan, total),
        plan=plan.vector,
        noise=added,
        copies=len(vectors),
    )
    columns: dict[str, pa.Array] = {}
    places = np.indices(plan.shape).reshape(len(plan.shape), plan.cells)
    for key, place in zip(plan.query.by, places, strict=True):
        labels = np.array(plan.table.labels(key), dtype=object)
        columns[key] = pa.array(labels[place], pa.string())
    for measure in plan.query.measures:
        for name, figure in figures_of(plan, measure, noisy).items():
            for suffix, values in (
                ("", figure.value),
                ("_low", figure.low),
                ("_high", figure.high),
            ):
                columns[name + suffix] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def _by_part(plan: QueryPlan, total: noise.Reals) -> dict[str, noise.Reals]:
    """Noisy sums per part: one row of the vector, or one per node of a histogram's tree."""
    sums, place = {}, 0
    for part in plan.vector.parts:
        nodes = Tree(leaves=part.bins).nodes if part.bins else 1
        rows = total[place : place + nodes]
        sums[part.name] = rows if part.bins else rows[0]
        place += nodes
    return sums


def entries_of(plan: QueryPlan) -> int:
    """Rows of the noisy vector: one per part, or one per node of a histogram's tree."""
    return sum(Tree(leaves=part.bins).nodes if part.bins else 1 for part in plan.vector.parts)


def figures_of(plan: QueryPlan, measure: Measure, noisy: Noisy) -> dict[str, Figure]:
    """Released column → figure in every cell, with its interval; a histogram has one per bin."""
    if not measure.binned:
        return {measure.name: _figure(measure, noisy)}
    part = noisy.plan.part(f"bins_{measure.column}")
    if measure.level is not None:
        return {measure.name: quantile_figure(noisy, part, plan.table, measure.level)}
    labels = plan.table.labels(measure.column)
    figures = histogram_figures(noisy, part)
    return {f"{measure.name}[{label}]": each for label, each in zip(labels, figures, strict=True)}


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
