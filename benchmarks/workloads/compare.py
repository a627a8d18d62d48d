"""The whole of `sandbox compare`: stores, every usual option once, all attacks, the report."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from sandbox.compare import compare
from sandbox.demo_study import demo_plans
from sandbox.report import render
from sandbox.study import Study

NAME = "compare"


def trial(setting: Setting, path: Path) -> Trial:
    """Compare from nothing, in a workspace of its own each time."""
    del path

    def run() -> object:
        workspace = Path(mkdtemp(dir=Path.cwd()))
        plans = demo_plans(workspace, people=setting.rows, repeats=1)
        plan = next(each for each in plans if each.stem == setting.case)
        study = Study(plan_path=plan, workspace=workspace)
        compare(study, lambda *_: None, setting.threads)
        written = render(study.evidence, workspace / "report.html")
        shutil.rmtree(workspace)
        return written

    return Trial(run=run)


WORKLOAD = Workload(
    name=NAME,
    title="The whole comparison",
    settings=tuple(
        Setting(workload=NAME, case=case, rows=rows, rank=rank, seconds=seconds)
        for case, rows, rank, seconds in (
            ("stop-search", 1_000, 29, 80),
            ("serious-violence", 1_000, 38, 100),
            ("stop-search", 5_000, 59, 150),
            ("serious-violence", 5_000, 60, 200),
        )
    ),
    trial=trial,
)
