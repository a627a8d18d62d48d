"""The default engine: DuckDB, on the connection of a force's own store.

What one person adds is worked out in memory, in states that DuckDB cannot spill. Where a table has
more rows than memory allows for, people are taken in shares, one after the other: each person is in
one share with all their rows, so that the sums of the shares add up to those of everybody.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.errors import StoreError
from minimisation.forces import sql
from minimisation.statistics.bounding import LIMIT
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.first_rows import expected_share, packed_rows
from minimisation.statistics.planner import QueryPlan

ROW = 60
"""Bytes that the first rows of people with twenty rows each take per row of the table.

Where that is too little, people are taken in twice as many shares.
"""

MOST_SHARES = 1024
"""Shares beyond which a table is given up."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
"""In which DuckDB states its memory limit, each 1,024 times the one before."""


@dataclass(frozen=True, kw_only=True)
class DuckDBEngine:
    """Runs queries as they are compiled."""

    connection: duckdb.DuckDBPyConnection
    """A store with the planned tables in it."""

    def sums(self, plan: QueryPlan) -> pa.Table:
        """Exact bounded sums before noise; see `Engine`."""
        try:
            shares = self.shares(plan)
            while True:
                try:
                    return self._summed(plan, shares)
                except duckdb.OutOfMemoryException:
                    if plan.form != "ad_hoc" or shares >= MOST_SHARES:
                        raise
                    shares *= 2
        except duckdb.Error as error:
            # the original message may print a value
            msg = f"table '{plan.source}' could not be read ({type(error).__name__})"
            raise StoreError(f"{msg}; nothing was released") from None

    def _summed(self, plan: QueryPlan, shares: int) -> pa.Table:
        if shares == 1:
            return self._run(compile_query(plan))
        each = (compile_query(plan, people=(share, shares)) for share in range(shares))
        return added([self._run(statement) for statement in each])

    def shares(self, plan: QueryPlan) -> int:
        """In how many shares people are taken at first; totals can be spilled."""
        if packed_rows(plan) is None:
            return 1
        found = self._run(
            "select max(estimated_size) as rows, current_setting('memory_limit') as most"
            f" from duckdb_tables() where table_name = {sql.text(plan.source)}"
        ).to_pylist()[0]
        rows = (found["rows"] or 0) * expected_share(plan)
        return max(1, math.ceil(rows * ROW / bytes_of(found["most"])))

    def _run(self, statement: str) -> pa.Table:
        return self.connection.execute(statement).to_arrow_table()


def bytes_of(stated: str) -> float:
    """Bytes of a memory limit as DuckDB states it, such as `3.7 GiB`."""
    number, unit = stated.split()
    return float(number) * 2.0 ** (10 * UNITS.index(unit))


def added(tables: Sequence[pa.Table]) -> pa.Table:
    """Sums of several shares as one table, held within ±2^62 as each of them is."""
    cells, places = np.unique(
        np.concatenate([table.column("cell").to_numpy() for table in tables]), return_inverse=True
    )
    ends = np.cumsum([table.num_rows for table in tables])[:-1]
    columns = {"cell": pa.array(cells)}
    for name in tables[0].column_names[1:]:
        total = np.zeros(len(cells), dtype=np.int64)
        for table, place in zip(tables, np.split(places, ends), strict=True):
            so_far, more = total[place], table.column(name).to_numpy()
            least, most = -LIMIT - np.minimum(so_far, 0), LIMIT - np.maximum(so_far, 0)
            total[place] = so_far + np.clip(more, least, most)
        columns[name] = pa.array(total)
    return pa.table(columns)
