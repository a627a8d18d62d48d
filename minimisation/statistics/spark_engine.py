"""Spark as the engine, for tables too large for one machine: the same SQL, transpiled.

The encoded tables lie in Parquet files that the platform encrypts itself. With stored ranks the
integers are those of DuckDB. Spark hashes otherwise, so that the ad hoc form keeps other groups of
a person, within the same bounds; no engine's hash is ever stored.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from minimisation.contract.errors import MissingEngineError, StoreError
from minimisation.forces import sql
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import QueryPlan

Session: TypeAlias = Any
"""A `pyspark.sql.SparkSession`; Spark is not imported before it is asked for."""

BATCH = 1_000_000
"""Rows that are written at a time."""


@dataclass(frozen=True, kw_only=True)
class SparkEngine:
    """Runs queries on Parquet files, in a session that the platform has set up."""

    session: Session
    """The platform's."""
    folder: str
    """Where the files are, as Spark addresses it."""

    def sums(self, plan: QueryPlan) -> pa.Table:
        """Exact bounded sums before noise; see `Engine`."""
        errors = importlib.import_module("pyspark.errors")
        names = {plan.source, *(each.table for each in plan.table.references.values())}
        try:
            for name in sorted(names):
                rows = self.session.read.parquet(f"{self.folder}/{name}.parquet")
                rows.createOrReplaceTempView(name)
            return self.session.sql(spark_sql(compile_query(plan, rows_first=False))).toArrow()
        except errors.PySparkException as error:
            # the original message may print a value
            msg = f"table '{plan.source}' could not be read ({type(error).__name__})"
            raise StoreError(f"{msg}; nothing was released") from None


def local_session(threads: int = 2) -> Session:
    """A session on this machine alone, for trials and tests.

    Raises:
        MissingEngineError: if Spark is not installed.
    """
    try:
        spark = importlib.import_module("pyspark.sql")
    except ModuleNotFoundError:
        raise MissingEngineError(
            "Spark must be installed: pip install 'minimisation-sandbox[spark]', and Java 17"
        ) from None
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(threads),
    }
    builder = spark.SparkSession.builder.master(f"local[{threads}]").appName("sandbox")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def write_parquet(
    connection: duckdb.DuckDBPyConnection, table: StoredTable, folder: Path
) -> list[Path]:
    """Write a stored table, those that it refers to and its prepared copies; the files.

    They are not encrypted: the platform that they are for does that.
    """
    names = [table.name, *(copy.table for copy in table.prepared)]
    names += [reference.table for reference in table.references.values()]
    written = []
    for name in dict.fromkeys(names):
        path = folder / f"{name}.parquet"
        rows = connection.execute(f"select * from {sql.name(name)}").to_arrow_reader(BATCH)
        with pq.ParquetWriter(path, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
        written.append(path)
    return written


def spark_sql(text: str) -> str:
    """A compiled query in Spark's SQL."""
    tree = sqlglot.parse_one(text, read="duckdb")
    return tree.transform(_translated).sql("spark")


def _translated(node: exp.Expression) -> exp.Expression:
    """What the transpiler leaves as it is: 128-bit integers, lists, shifts and hashes."""
    if isinstance(node, exp.Sum):
        # Spark adds whole numbers in 64 bits; a decimal of 38 digits holds what DuckDB's sum holds
        return exp.Sum(this=exp.cast(node.this, "decimal(28, 0)"))
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.INT128:
        return exp.DataType.build("decimal(38, 0)")
    if isinstance(node, exp.Min) and node.args.get("count"):
        ordered = _call("sort_array", _call("collect_list", node.this))
        return _call("slice", ordered, exp.Literal.number(1), node.args["count"])
    if isinstance(node, exp.BitwiseRightShift) and node.this.name.lower() == "hash":
        # of 64 bits and signed: the shift must not copy the sign
        return _call(
            "shiftrightunsigned", _call("xxhash64", *node.this.expressions), node.expression
        )
    return node


def _call(name: str, *given: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(given))
