"""SmartNoise SQL on the private group-by: at most ten rows of a person, over its pandas reader."""

import importlib
from pathlib import Path

from benchmarks.measuring import Figures, Trial
from benchmarks.peers.events import EPSILON, HIGH, LOW, MOST_ROWS, PLAIN, connect, figures
from benchmarks.setting import Setting

QUERY = "SELECT area, COUNT(*) AS n, SUM(value) AS total FROM bench.events GROUP BY area"
DELTA = 1e-9


def trial(setting: Setting, path: Path) -> Trial:
    """Ask the same question; rare areas are not censored, because areas are public."""
    snsql = importlib.import_module("snsql")
    connection = connect(setting, path)
    frame = connection.execute("select person, area, value::int as value from events").df()
    meta = {
        "": {
            "bench": {
                "events": {
                    "max_ids": MOST_ROWS,
                    "censor_dims": False,
                    "person": {"type": "int", "private_id": True},
                    "area": {"type": "int"},
                    "value": {"type": "int", "lower": LOW, "upper": HIGH},
                }
            }
        }
    }
    privacy = snsql.Privacy(epsilon=EPSILON / 2, delta=DELTA)  # of each figure
    last: list[list[tuple[int, float, float]]] = []

    def run() -> object:
        reader = snsql.from_connection(frame, engine="pandas", privacy=privacy, metadata=meta)
        last[:] = [reader.execute(QUERY)[1:]]
        return last[0]

    def found() -> Figures:
        counts = {area: n for area, n, _ in last[0]}
        sums = {area: total for area, _, total in last[0]}
        return figures(connection, counts, sums, f"m = {MOST_ROWS}", DELTA)

    return Trial(
        run=run, baseline=lambda: connection.execute(PLAIN).to_arrow_table(), figures=found
    )
