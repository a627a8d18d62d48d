"""A target and a released table side by side in DuckDB, counted with signed weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from minimisation import UseCaseError
from minimisation.forces import sql


@contextmanager
def side_by_side(
    target: pa.Table, released: pa.Table, columns: Sequence[str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with `stacked`: the columns of either table, `released` (boolean) and `weight`.

    `weight` is 1/n for a target row and −1/n for a released row, so that a sum over a cell is the
    difference of the two shares.

    Raises:
        UseCaseError: if either table is empty or lacks a column.
    """
    for name, table in (("target", target), ("released", released)):
        missing = sorted(set(columns) - set(table.column_names))
        if missing:
            raise UseCaseError(f"{name} table must have columns {', '.join(missing)}")
        if table.num_rows == 0:
            raise UseCaseError(f"{name} table must have at least one row to be judged")
    chosen = ", ".join(sql.name(column) for column in columns)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("target", target.select(list(columns)))
        connection.register("released", released.select(list(columns)))
        connection.execute(
            f"create table stacked as "
            f"select {chosen}, false as released, 1.0 / {target.num_rows} as weight from target "
            f"union all by name "
            f"select {chosen}, true as released, -1.0 / {released.num_rows} as weight from released"
        )
        yield connection


def value(connection: duckdb.DuckDBPyConnection, statement: str) -> float:
    """The single number that a statement returns; 0 for null."""
    row = connection.execute(statement).fetchone()
    return float(row[0] or 0) if row else 0.0
