"""How a released table differs from a target in single columns and in how pairs go together.

Total variation distance for columns; Cramér's V with Bergsma's correction for pairs, which ranks
independent columns below any table that keeps dependence.
Bergsma 2013, A bias-correction for Cramér's V and Tschuprow's T.
"""

from collections.abc import Sequence
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.forces import sql
from sandbox.measures_synthetic.tables import side_by_side, value


def univariate_distances(
    target: pa.Table, released: pa.Table, columns: Sequence[str]
) -> dict[str, float]:
    """Total variation distance of every column: 0 is equal, 1 disjoint; missing is a value.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    with side_by_side(target, released, columns) as connection:
        return {
            column: value(
                connection,
                "select sum(abs(gap)) / 2 from (select sum(weight) as gap from stacked "
                f"group by {sql.name(column)})",
            )
            for column in columns
        }


def dependence_differences(
    target: pa.Table, released: pa.Table, columns: Sequence[str]
) -> dict[tuple[str, str], float]:
    """|Cramér's V in the target − V in the released table| of every pair of label columns.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    with side_by_side(target, released, columns) as connection:
        return {
            pair: abs(
                _cramer(connection, pair, "not released") - _cramer(connection, pair, "released")
            )
            for pair in combinations(columns, 2)
        }


def _cramer(connection: duckdb.DuckDBPyConnection, pair: tuple[str, str], side: str) -> float:
    one, other = (f"coalesce(cast({sql.name(column)} as varchar), '')" for column in pair)
    found = connection.execute(
        f"select dense_rank() over (order by a) - 1, dense_rank() over (order by b) - 1, n from ("
        f"select {one} as a, {other} as b, count(*) as n from stacked where {side} group by 1, 2)"
    ).fetchall()
    rows, columns, counts = (np.array(each) for each in zip(*found, strict=True))
    table = np.zeros((int(rows.max()) + 1, int(columns.max()) + 1))
    table[rows.astype(int), columns.astype(int)] = counts
    return cramers_v(table)


def cramers_v(table: np.ndarray) -> float:
    """Bias-corrected Cramér's V of a table of counts; 0 where a column is constant."""
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    squared = float(((table - expected) ** 2 / expected).sum() / total)
    down, across = table.shape
    corrected = max(0.0, squared - (down - 1) * (across - 1) / (total - 1)) if total > 1 else 0.0
    least = min(
        down - (down - 1) ** 2 / max(total - 1, 1), across - (across - 1) ** 2 / max(total - 1, 1)
    )
    return float(np.sqrt(min(1.0, corrected / (least - 1)))) if least > 1 else 0.0
