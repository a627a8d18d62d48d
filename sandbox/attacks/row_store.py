"""A force's store in memory: rows at hand, which options are run on again."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from minimisation.forces.analysis import FLAT


@dataclass(frozen=True, kw_only=True)
class RowStore:
    """A store of one flat file."""

    force: str
    """Name of the force."""
    rows: pa.Table
    """Columns of the use case, `record_id`, `person_id` and `linkage_token`."""

    def open(self) -> duckdb.DuckDBPyConnection:
        """A connection that holds the rows and nothing else."""
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.register("incoming", self.rows)
        connection.execute(f"create table {FLAT} as select * from incoming")
        connection.unregister("incoming")
        return connection
