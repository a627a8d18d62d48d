"""Grouped statistics: the declared grid of cells, its exact sums, and the finished table.

Steps send sums (rows, persons, sum and count per column), because sums add up over forces; the
statistics that a question names are finished from them outside. Missing values are a label of
their own. Cells without rows are present as zeros, so that presence itself tells nothing.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.encoding import MISSING, Matrix, numbers, one_hot
from minimisation.contract.questions import GroupedStatistics
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces import sql

LINK = "synthetic person"
"""Column of released rows that says which of them are one invented person's, within a force; no
column of a use case has a space in its name."""

CHUNK = 4096
"""Released rows that are laid on the grid at a time, to bound memory."""


def key_labels(use_case: UseCase, key: str, forces: Sequence[str] = ()) -> tuple[str, ...]:
    """Declared labels of a group key: categories or bin labels, `missing` last where optional."""
    if key == FORCE:
        return tuple(forces)
    column = use_case.column(key)
    domain = column.domain
    labels = domain.values if isinstance(domain, Categories) else ()
    labels = domain.bin_labels if isinstance(domain, Bounds) else labels
    return (*labels, MISSING) if column.optional else labels


def grid(use_case: UseCase, keys: Sequence[str], forces: Sequence[str] = ()) -> pa.Table:
    """Every combination of the keys' declared labels, in declared order; one column per key."""
    labels = [key_labels(use_case, key, forces) for key in keys]
    shape = [len(each) for each in labels]
    places = np.indices(shape).reshape(len(keys), -1)
    return pa.table(
        {
            key: pa.array(np.array(each, dtype=object)[place], pa.string())
            for key, each, place in zip(keys, labels, places, strict=True)
        }
    )


def sum_columns(question: GroupedStatistics) -> tuple[str, ...]:
    """Names of the additive columns: rows, persons, then sum and count per measured column."""
    measured = dict.fromkeys(s.column for s in question.statistics if s.column)
    parts = [name for column in measured for name in (f"sum_{column}", f"count_{column}")]
    return ("rows", "persons", *parts)


def sums_schema(keys: Sequence[str], columns: Sequence[str]) -> pa.Schema:
    """Schema of a table of sums: keys as text, sums as float64."""
    return pa.schema(
        [*((key, pa.string()) for key in keys), *((name, pa.float64()) for name in columns)]
    )


def key_sql(use_case: UseCase, key: str) -> str:
    """SQL for a key's label from the column of the same name."""
    column = use_case.column(key)
    stored = sql.name(key)
    if isinstance(column.domain, Bounds):
        edges, labels = column.domain.edges, column.domain.bin_labels
        cases = " ".join(
            f"when {stored} < {edge!r} then {sql.text(label)}"
            for edge, label in zip(edges, labels, strict=False)
        )
        label = f"case when {stored} is null then null {cases} else {sql.text(labels[-1])} end"
    else:
        label = f"cast({stored} as varchar)"
    return f"coalesce({label}, {sql.text(MISSING)})"


def sums_sql(use_case: UseCase, keys: Sequence[str], columns: Sequence[str]) -> str:
    """SQL that sums the relation `people` by keys (`force` is not a column and is left out)."""
    aggregates = {"rows": "count(*)", "persons": "count(distinct unit)"}
    for name in columns:
        kind, _, column = name.partition("_")
        if column:
            aggregates[name] = f"coalesce({kind}({sql.name(column)}), 0)"
    chosen = [f"{key_sql(use_case, key)} as {sql.name(key)}" for key in keys if key != FORCE]
    chosen += [f"cast({aggregates[name]} as double) as {sql.name(name)}" for name in columns]
    own = [key for key in keys if key != FORCE]
    grouped = f" group by {', '.join(str(i + 1) for i in range(len(own)))}" if own else ""
    return f"select {', '.join(chosen)} from people{grouped}"


def on_grid(sums: pa.Table, cells: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Sums laid on the grid: one row per cell in grid order, zeros where a cell has no rows.

    Rows of `sums` that share a cell are added; rows outside the grid are dropped.
    """
    keys = cells.column_names
    order = {cell: place for place, cell in enumerate(zip(*_lists(cells, keys), strict=True))}
    total = np.zeros((cells.num_rows, len(columns)))
    values = np.column_stack([np.asarray(sums.column(name), dtype=float) for name in columns])
    for row, cell in enumerate(zip(*_lists(sums, keys), strict=True)):
        if cell in order:
            total[order[cell]] += values[row]
    result = cells
    for index, name in enumerate(columns):
        result = result.append_column(name, pa.array(total[:, index]))
    return result


def _lists(table: pa.Table, keys: Sequence[str]) -> list[list[str]]:
    return [table.column(key).to_pylist() for key in keys]


def finish(question: GroupedStatistics, sums: pa.Table) -> pa.Table:
    """The question's table from sums on the grid; a mean over nobody is null."""
    table = sums.select(list(question.by))
    for statistic in question.statistics:
        if statistic.aggregate == "mean":
            count = sums.column(f"count_{statistic.column}")
            none = pa.scalar(None, pa.float64())
            divisor = pc.if_else(pc.greater(count, 0), count, none)
            value = pc.divide(sums.column(f"sum_{statistic.column}"), divisor)
        else:
            value = sums.column(statistic.name)
        table = table.append_column(statistic.name, value)
    return table


def sums_of_rows(use_case: UseCase, rows: pa.Table, forces: Sequence[str]) -> pa.Table:
    """Sums on the grid from released rows, plain or generalised.

    A generalised value counts fractionally in every label it covers. Released rows carry no
    person, so `persons` equals `rows`, unless they are linked by invented persons (`LINK`).
    """
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        raise TypeError("question must be GroupedStatistics")
    columns = sum_columns(question)
    cells = grid(use_case, question.by, forces)
    total = np.zeros((cells.num_rows, len(columns)))
    for start in range(0, rows.num_rows, CHUNK):
        total += _chunk_sums(use_case, rows.slice(start, CHUNK), forces, columns)
    if LINK in rows.column_names:
        total[:, columns.index("persons")] = _invented_persons(use_case, rows, forces)
    result = cells
    for index, name in enumerate(columns):
        result = result.append_column(name, pa.array(total[:, index]))
    return result


def _chunk_sums(
    use_case: UseCase, rows: pa.Table, forces: Sequence[str], columns: Sequence[str]
) -> Matrix:
    question = use_case.question
    weights = np.ones((rows.num_rows, 1))
    for key in question.by if isinstance(question, GroupedStatistics) else ():
        membership = _membership(use_case, key, rows, forces)
        weights = (weights[:, :, None] * membership[:, None, :]).reshape(rows.num_rows, -1)
    values = np.ones((rows.num_rows, len(columns)))
    for index, name in enumerate(columns):
        kind, _, column = name.partition("_")
        if column:
            number = numbers(rows.column(column).combine_chunks())
            known = ~np.isnan(number)
            values[:, index] = np.where(known, number, 0.0) if kind == "sum" else known
    sums: Matrix = weights.T @ values
    return sums


def _invented_persons(use_case: UseCase, rows: pa.Table, forces: Sequence[str]) -> Matrix:
    """Invented persons in every cell, shape (cells,), each counted once; values must be plain."""
    question = use_case.question
    keys = question.by if isinstance(question, GroupedStatistics) else ()
    apart = [rows.column(name) for name in dict.fromkeys((FORCE, LINK, *keys))]
    known = pa.table(apart, names=list(dict.fromkeys((FORCE, LINK, *keys))))
    once = known.group_by(known.column_names).aggregate([])
    return _chunk_sums(use_case, once, forces, ("persons",))[:, 0]


def _membership(use_case: UseCase, key: str, rows: pa.Table, forces: Sequence[str]) -> Matrix:
    labels = key_labels(use_case, key, forces)
    if key == FORCE:
        matches = [np.asarray(pc.equal(rows.column(key), force)) for force in labels]
        return np.column_stack(matches).astype(np.float64)
    return one_hot(use_case.column(key), rows.column(key).combine_chunks(), labels)
