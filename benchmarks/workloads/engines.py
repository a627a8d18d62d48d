"""Engines: the same compiled queries on the same integers, by DuckDB and by local Spark."""

import os
import sys
from pathlib import Path

from benchmarks.measuring import Figures, Trial
from benchmarks.setting import Setting, Value, Workload
from benchmarks.workloads import private_group_by
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.planner import choose
from minimisation.statistics.spark_engine import SparkEngine, local_session, write_parquet
from minimisation.statistics.text_form import parse

NAME = "engines"
DUCKDB, SPARK = "DuckDB", "Spark, local"
FORMS = ("prefix", "prepared")
"""With stored ranks both engines add up the same integers."""


def trial(setting: Setting, path: Path) -> Trial:
    """The query's exact sums by one engine, in turn with the plain query in DuckDB."""
    connection = private_group_by.connect(setting, path)
    table = private_group_by.stored_table(int(setting.parameters["groups"]))
    asked = parse("rows, sum(value) by area", "events")
    form = private_group_by.FORMS[str(setting.parameters["form"])]
    plan = choose(asked, table, private_group_by.ALLOWANCE, form)
    duck = DuckDBEngine(connection=connection)

    def plain() -> object:
        return connection.execute(private_group_by.PLAIN).to_arrow_table()

    if setting.case == DUCKDB:
        return Trial(run=lambda: duck.sums(plan), baseline=plain)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    write_parquet(connection, table, Path.cwd())
    spark = SparkEngine(session=local_session(setting.threads), folder=str(Path.cwd()))

    def figures() -> Figures:
        ours, theirs = (
            sorted(tuple(map(int, row.values())) for row in engine.sums(plan).to_pylist())
            for engine in (duck, spark)
        )
        return {"same integers": "yes" if ours == theirs else "no"}

    return Trial(
        run=lambda: spark.sums(plan),
        baseline=plain,
        figures=figures,
    )


def _setting(case: str, form: str, rows: int, threads: int, rank: int) -> Setting:
    chosen: dict[str, Value] = {"groups": 1000, "rows per person": 20, "store": "plain"}
    named = "-".join(str(value) for value in chosen.values())
    return Setting(
        workload=NAME,
        case=case,
        rows=rows,
        parameters=chosen | {"form": form},
        baseline="plain DuckDB query",
        data=f"events-{rows}-{named}.duckdb",
        environment="spark" if case == SPARK else "",
        threads=threads,
        rank=rank,
        seconds=50,
    )


WORKLOAD = Workload(
    name=NAME,
    title="Engines on the same integers",
    settings=tuple(
        _setting(case, form, rows, threads, rank)
        for rows, rank, forms in ((10**6, 27, FORMS), (10**7, 34, FORMS[:1]))
        for form in forms
        for case, threads in ((DUCKDB, 1), (DUCKDB, 2), (SPARK, 2))
    ),
    trial=trial,
    generate=private_group_by.generate,
)
