"""k-marginal score: how close all pairs of columns come, as NIST's SDNist 2.4 defines it.

Numeric columns are cut into twenty bins by rank in the target (bin = ⌊20 × mean rank share⌋, the
last bin open above); every other value and every missing one is a cell of its own. The score is
500 × (2 − mean over pairs of Σ|target share − released share|): 1000 is identity, 0 disjoint.
Task, Bhagat and Howarth 2023, SDNist v2: Deidentified Data Report Tool.
"""

from collections.abc import Sequence
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa

from minimisation import UseCaseError
from minimisation.forces import sql
from sandbox.measures_synthetic.tables import side_by_side, value

BINS = 20
"""Rank bins of a numeric column."""

FRACTIONS = (0.01, 0.05, *(tenth / 10 for tenth in range(1, 10)))
"""Sampling fractions against which a score is read."""


def k_marginal(
    target: pa.Table,
    released: pa.Table,
    columns: Sequence[str],
    numeric: Sequence[str] = (),
    within: str | None = None,
) -> float:
    """The score on all pairs of columns.

    Args:
        target: the real rows.
        released: the synthetic rows.
        columns: at least two columns that are compared.
        numeric: those of them that are cut into rank bins of the target.
        within: a column added to every pair, such as an area; not a member of any pair.

    Returns:
        A score in [0, 1000].

    Raises:
        UseCaseError: if a table is empty, lacks a column, or fewer than two columns are given.
    """
    paired = [column for column in columns if column != within]
    if len(paired) < 2:  # noqa: PLR2004 - a pair is two
        raise UseCaseError(f"columns ({', '.join(paired)}) must be at least two to form a pair")
    kept = [*paired, *([within] if within else [])]
    with side_by_side(target, released, kept) as connection:
        _number_cells(connection, kept, numeric)
        distances = [
            _distance(connection, [*pair, *([within] if within else [])])
            for pair in combinations(paired, 2)
        ]
    return 500 * (2 - float(np.mean(distances)))


def _number_cells(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], numeric: Sequence[str]
) -> None:
    cells = [
        f"{_bin_sql(connection, column) if column in numeric else _label_sql(column)}"
        f" as {sql.name(column)}"
        for column in columns
    ]
    connection.execute(f"create table cells as select {', '.join(cells)}, weight from stacked")


def _label_sql(column: str) -> str:
    return f"cast({sql.name(column)} as varchar)"


def _bin_sql(connection: duckdb.DuckDBPyConnection, column: str) -> str:
    name = sql.name(column)
    cuts = connection.execute(
        f"with counted as (select {name} as x, count(*) as n from stacked "
        f"where not released and {name} is not null group by x), "
        "ranked as (select x, (sum(n) over (order by x) - n + (n + 1) / 2.0)"
        " / sum(n) over () as share from counted) "
        f"select max(x) from ranked group by least(floor({BINS} * share), {BINS - 1}) order by 1"
    ).fetchall()
    tests = " + ".join(f"({name} > {float(cut)!r})::integer" for (cut,) in cuts[:-1])
    return tests or f"{name} * 0"


def _distance(connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> float:
    by = ", ".join(sql.name(key) for key in keys)
    return value(
        connection,
        f"select sum(abs(gap)) from (select sum(weight) as gap from cells group by {by})",
    )
