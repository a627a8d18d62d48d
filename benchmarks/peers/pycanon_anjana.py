"""pyCANON and anjana on the same people: k of the banded table, and banding until k holds."""

import importlib
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measuring import Trial
from benchmarks.setting import Setting

KEYS = ["age", "sex", "ethnicity", "ward"]
LARGE_K = 50
SUPPRESSED = 1.0
"""Most rows that anjana may suppress, in per cent."""


def trial(setting: Setting, path: Path) -> Trial:
    """Frames are in memory; labels are pandas categories, as a coded store's are codes."""
    connection = duckdb.connect(config={"threads": setting.threads})
    connection.execute(f"create table people as select * from '{path}'")
    frame = connection.execute("select * exclude person from people").df()
    grouped = f"select {', '.join(KEYS)}, count(*) from people group by all"
    last: list[Any] = []
    if setting.case.endswith("anjana"):
        anonymity = importlib.import_module("anjana.anonymity")

        def run() -> object:
            last[:] = [anonymity.k_anonymity(frame, [], KEYS, LARGE_K, SUPPRESSED, levels())]
            return last[0]

        def figures() -> dict[str, float | int | str]:
            labels = ", ".join(f"{name} {last[0][name].nunique()}" for name in KEYS)
            return {"k": LARGE_K, "rows kept": len(last[0]) / setting.rows, "labels": labels}
    else:
        anonymity = importlib.import_module("pycanon.anonymity")
        table = banded(frame)
        for name in KEYS:
            table[name] = table[name].astype("category")

        def run() -> object:
            last[:] = [anonymity.k_anonymity(table, KEYS)]
            return last[0]

        def figures() -> dict[str, float | int | str]:
            return {"k": int(last[0])}

    def plain() -> object:
        return connection.execute(grouped).to_arrow_table()

    return Trial(run=run, baseline=plain, figures=figures)


def banded(frame: Any) -> Any:  # noqa: ANN401 - a pandas frame, which is not installed here
    """Ages in bands of five years, by labels."""
    bands = {str(age): str(age // 5 * 5) for age in range(10, 90)}
    return frame.assign(age=frame["age"].map(bands))


def levels() -> dict[str, dict[int, Any]]:
    """Hierarchies as anjana wants them: level → the label of every label of the level below."""
    np = importlib.import_module("numpy")
    ages, wards = range(10, 90), range(64)
    return {
        "age": {
            0: np.array([str(age) for age in ages]),
            1: np.array([str(age // 5 * 5) for age in ages]),
            2: np.array([f"{age // 20 * 20}+" for age in ages]),
        },
        "ward": {
            0: np.array([f"w{ward:02}" for ward in wards]),
            1: np.array([f"d{ward // 8}" for ward in wards]),
            2: np.array([f"r{ward // 32}" for ward in wards]),
        },
    }
