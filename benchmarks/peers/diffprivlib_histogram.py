"""diffprivlib on the group-by's counts, for people who have no more rows than others' bound.

It bounds nobody's rows: its unit is one row, so that a person's ε is shared among their rows.
"""

import importlib
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figures, Trial
from benchmarks.peers.events import EPSILON, MOST_ROWS, PLAIN, connect, figures
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """A histogram over the public areas."""
    tools = importlib.import_module("diffprivlib.tools")
    connection = connect(setting, path)
    areas = connection.execute("select area from events").fetchnumpy()["area"]
    groups = int(setting.parameters["groups"])
    last: list[Any] = []
    each = EPSILON / 2 / MOST_ROWS  # half for counts, as of the others

    def run() -> object:
        counts, _ = tools.histogram(areas, epsilon=each, bins=groups, range=(-0.5, groups - 0.5))
        last[:] = [counts]
        return counts

    def found() -> Figures:
        counts = {area: float(count) for area, count in enumerate(last[0])}
        return figures(connection, counts, {}, f"m = {MOST_ROWS} taken for granted; no sums")

    return Trial(
        run=run, baseline=lambda: connection.execute(PLAIN).to_arrow_table(), figures=found
    )
