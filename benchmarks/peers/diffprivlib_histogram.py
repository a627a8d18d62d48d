"""diffprivlib on the group-by's counts: it bounds nobody's rows, so its unit is one row."""

import importlib
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figures, Trial
from benchmarks.peers.events import EPSILON, PLAIN, connect, figures
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """A histogram over the public areas."""
    tools = importlib.import_module("diffprivlib.tools")
    connection = connect(setting, path)
    areas = connection.execute("select area from events").fetchnumpy()["area"]
    groups = int(setting.parameters["groups"])
    last: list[Any] = []

    def run() -> object:
        counts, _ = tools.histogram(areas, epsilon=EPSILON, bins=groups, range=(-0.5, groups - 0.5))
        last[:] = [counts]
        return counts

    def found() -> Figures:
        counts = {area: float(count) for area, count in enumerate(last[0])}
        return figures(connection, counts, {}, "unit: one row; no bound on a person")

    return Trial(
        run=run, baseline=lambda: connection.execute(PLAIN).to_arrow_table(), figures=found
    )
