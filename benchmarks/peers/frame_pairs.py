"""pandas and Polars on all pairs of columns: one grouping each, on labels kept as categories."""

import importlib
from itertools import combinations
from pathlib import Path

import duckdb

from benchmarks.measuring import Trial
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """Group the frame by every pair."""
    connection = duckdb.connect(config={"threads": setting.threads})
    connection.execute(f"create table stored as select * from '{path}'")
    names = [f"c{place}" for place in range(10)]
    table = connection.execute(f"select {', '.join(names)} from stored").to_arrow_table()
    pairs = [*((name,) for name in names), *combinations(names, 2)]
    if setting.case.endswith("Polars"):
        pl = importlib.import_module("polars")
        frame = pl.from_arrow(table).cast(pl.Categorical)

        def run() -> object:
            lazy = frame.lazy()
            return pl.collect_all([lazy.group_by(pair).agg(pl.len()) for pair in pairs])
    else:
        frame = table.to_pandas().astype("category")

        def run() -> object:
            return [frame.groupby(list(pair), observed=True).size() for pair in pairs]

    def plain() -> None:
        for pair in pairs:
            by = ", ".join(pair)
            connection.execute(f"select {by}, count(*) from stored group by {by}").fetchall()

    return Trial(run=run, baseline=plain)
