"""The cells of a grouped question: true sums of them, and released figures, laid on one grid.

Truth is counted on the people that the option saw, in every bootstrap replicate.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Forces, GroupedStatistics, Release, Scene, UseCase, groups
from minimisation.contract.usecase import FORCE
from sandbox.measures import resampling
from sandbox.measures.resampling import REPLICATES, Array, Integers

AXES = ("replicate", "cell", "part")


@dataclass(frozen=True, kw_only=True)
class TrueCells:
    """Exact sums of the question's cells of member people, in every bootstrap replicate."""

    name: str = "true-cells"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Replicate, cell (in grid order), part (as in `groups.sum_columns`), value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Sum this force's member people."""
        question = scene.use_case.grouped
        keys = own_keys(question)
        cells = groups.grid(scene.use_case, keys)
        columns = groups.sum_columns(question)
        chosen = [f"{groups.key_sql(scene.use_case, key)} as key_{i}" for i, key in enumerate(keys)]
        measured = dict.fromkeys(s.column for s in question.statistics if s.column)
        chosen += [f'cast("{column}" as double) as value_{column}' for column in measured]
        rows = scene.members.project(", ".join(["unit", *chosen])).to_arrow_table()
        place = _cell_of(rows, cells, keys)
        inside = place >= 0
        units = np.asarray(rows.column("unit"), dtype=np.int64)
        place, size = place[inside], cells.num_rows
        first = np.unique(np.stack([units[inside], place]), axis=1, return_index=True)[1]
        values = [_values(rows, name, inside) for name in columns]
        counts = np.zeros((REPLICATES + 1, size, len(columns)))
        for which, whole in resampling.blocks(scene, units):
            weight = whole[:, inside]
            for part, (name, each) in enumerate(zip(columns, values, strict=True)):
                once = slice(None) if name != "persons" else first
                weighed = weight[:, once] * each[once]
                counts[which, :, part] = resampling.histogram(place[once], size, weighed)
        return resampling.sparse(counts, AXES)


def _values(rows: pa.Table, name: str, inside: npt.NDArray[np.bool_]) -> Array:
    """What each row inside the grid adds to a sum: itself, its value, or that it has one."""
    kind, _, column = name.partition("_")
    if name == "persons" or not column:
        return np.ones(int(inside.sum()))
    known = np.asarray(rows.column(f"value_{column}"), dtype=float)[inside]
    missing = np.isnan(known)
    values: Array = np.where(missing, 0.0, known) if kind == "sum" else (~missing).astype(float)
    return values


def own_keys(question: GroupedStatistics) -> list[str]:
    """The keys that a force's own rows carry."""
    return [key for key in question.by if key != FORCE]


def truth_of(forces: Forces, release: Release, seed: int) -> Array:
    """True sums of shape (replicates + 1, cells, parts), cells in the question's grid order."""
    question = forces.use_case.grouped
    size = groups.grid(forces.use_case, own_keys(question)).num_rows
    parts = groups.sum_columns(question)
    tables = forces.assess(TrueCells(), release, seed)
    shape = (REPLICATES + 1, size, len(parts))
    each = [resampling.dense([table], AXES, shape) for table in tables.values()]
    if FORCE not in question.by:
        added: Array = np.sum(each, axis=0)
        return added
    labels = [len(groups.key_labels(forces.use_case, key)) for key in own_keys(question)]
    stacked = np.stack(each, axis=1).reshape(REPLICATES + 1, len(each), *labels, len(parts))
    moved = np.moveaxis(stacked, 1, 1 + question.by.index(FORCE))
    return moved.reshape(REPLICATES + 1, -1, len(parts))


def laid(use_case: UseCase, table: pa.Table, forces: tuple[str, ...]) -> pa.Table:
    """A released table laid on the question's grid; a cell that it lacks has no figures (NaN)."""
    question = use_case.grouped
    cells = groups.grid(use_case, question.by, forces)
    values = [name for name in table.column_names if name not in question.by]
    place = _cell_of(table, cells, list(question.by), plain=True)
    result = cells
    for name in values:
        laid = np.full(cells.num_rows, np.nan)
        laid[place[place >= 0]] = np.asarray(table.column(name), dtype=float)[place >= 0]
        result = result.append_column(name, pa.array(laid))
    return result


def _cell_of(rows: pa.Table, cells: pa.Table, keys: list[str], *, plain: bool = False) -> Integers:
    """Place of every row in the grid, −1 outside it. Shape (n,)."""
    columns = keys if plain else [f"key_{i}" for i in range(len(keys))]
    order = {cell: i for i, cell in enumerate(zip(*(cells.column(k).to_pylist() for k in keys)))}  # noqa: B905 - columns of one table
    found = zip(*(rows.column(name).to_pylist() for name in columns))  # noqa: B905 - as above
    return np.array([order.get(cell, -1) for cell in found], dtype=np.int64)
