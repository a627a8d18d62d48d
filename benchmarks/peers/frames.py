"""pandas and Polars on the plain group-by: the same operation on frames already in memory."""

import importlib
from pathlib import Path

from benchmarks.measuring import Trial
from benchmarks.peers.events import PLAIN, connect
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """Group the frame; the plain DuckDB query reads its store."""
    connection = connect(setting, path)
    table = connection.execute("select area, value from events").to_arrow_table()
    if setting.case.startswith("Polars"):
        pl = importlib.import_module("polars")
        frame = pl.from_arrow(table)
        lazy = frame.lazy().group_by("area").agg(pl.len(), pl.col("value").cast(pl.Int64).sum())
        run = lazy.collect
    else:
        frame = table.to_pandas()

        def run() -> object:
            return frame.groupby("area")["value"].agg(["count", "sum"])

    return Trial(run=run, baseline=lambda: connection.execute(PLAIN).to_arrow_table())
