"""The default engine: DuckDB, on the connection of a force's own store."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from minimisation.contract.errors import StoreError
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import QueryPlan


@dataclass(frozen=True, kw_only=True)
class DuckDBEngine:
    """Runs queries as they are compiled."""

    connection: duckdb.DuckDBPyConnection
    """A store with the planned tables in it."""

    def sums(self, plan: QueryPlan) -> pa.Table:
        """Exact bounded sums before noise; see `Engine`."""
        try:
            return self.connection.execute(compile_query(plan)).to_arrow_table()
        except duckdb.Error as error:
            # the original message may print a value
            msg = f"table '{plan.source}' could not be read ({type(error).__name__})"
            raise StoreError(f"{msg}; nothing was released") from None
