"""A workload that goes wrong in every way, for the tests of the harness."""

import os
import time
from pathlib import Path

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload

NAME = "awkward"


def trial(setting: Setting, path: Path) -> Trial:
    del path
    steps = {"adds": _add, "fails": _fail, "hangs": _hang, "hoards": _hoard, "spills": _spill}
    return Trial(run=steps[setting.case], baseline=_add, figures=lambda: {"process": os.getpid()})


def _add() -> int:
    return sum(range(1000))


def _fail() -> None:
    raise ValueError("planted")


def _hang() -> None:
    time.sleep(600)


def _hoard() -> None:
    held = []
    while True:
        held.append(b"x" * 50_000_000)
        time.sleep(0.01)


def _spill() -> None:
    folder = Path.cwd() / "spill-1"
    folder.mkdir(exist_ok=True)
    (folder / "duckdb_temp_storage-0.tmp").write_bytes(bytes(1000))
    time.sleep(1.2)  # longer than from one look to the next


def setting(case: str, seconds: float = 1.0, environment: str = "") -> Setting:
    return Setting(
        workload=NAME,
        case=case,
        rows=1,
        baseline="adding",
        runs=5,
        seconds=seconds,
        memory=1,
        environment=environment,
    )


WORKLOAD = Workload(
    name=NAME,
    title="What goes wrong",
    settings=(setting("adds"), setting("fails"), setting("hoards")),
    trial=trial,
)
