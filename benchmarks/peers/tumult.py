"""Tumult Analytics on local Spark: counts and sums by public area, at most ten rows of a person."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figures, Trial
from benchmarks.peers.events import EPSILON, HIGH, LOW, MOST_ROWS, PLAIN, connect, figures
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """Count and sum, each with half of epsilon, on a frame that Spark reads from Parquet."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    sql = importlib.import_module("pyspark.sql")
    an = importlib.import_module("tmlt.analytics")
    connection = connect(setting, path)
    parquet = Path.cwd() / "events.parquet"
    connection.execute(
        f"copy (select person, area::bigint as area, value::bigint as value from events)"
        f" to '{parquet}' (format parquet)"
    )
    spark = (
        sql.SparkSession.builder.master(f"local[{setting.threads}]")
        .config("spark.driver.memory", f"{setting.memory}g")
        .config("spark.sql.shuffle.partitions", 2 * setting.threads)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    frame = spark.read.parquet(str(parquet))
    keys = an.KeySet.from_dict({"area": list(range(int(setting.parameters["groups"])))})
    last: list[Any] = []

    def run() -> object:
        session = an.Session.from_dataframe(
            privacy_budget=an.PureDPBudget(EPSILON),
            source_id="events",
            dataframe=frame,
            protected_change=an.AddRowsWithID("person"),
        )
        bounded = an.QueryBuilder("events").enforce(an.MaxRowsPerID(MOST_ROWS)).groupby(keys)
        half = an.PureDPBudget(EPSILON / 2)
        last[:] = [
            session.evaluate(query, half).toPandas()
            for query in (bounded.count("n"), bounded.sum("value", LOW, HIGH, "total"))
        ]
        return last

    def found() -> Figures:
        counts, sums = last
        return figures(
            connection,
            dict(zip(counts["area"], counts["n"], strict=True)),
            dict(zip(sums["area"], sums["total"], strict=True)),
            f"m = {MOST_ROWS}",
        )

    return Trial(
        run=run, baseline=lambda: connection.execute(PLAIN).to_arrow_table(), figures=found
    )
