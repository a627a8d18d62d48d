"""Loading nine forces' weekly feeds into encrypted stores, and replacing what was live."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

import duckdb

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from sandbox.demo import generate as invent
from sandbox.demo_study import demo_plans
from sandbox.feeds import load_stores
from sandbox.plan import read_plan

NAME = "loading"
FIRST, WEEKLY = "first load of nine forces", "weekly replacement of nine forces"


def generate(setting: Setting, path: Path) -> None:
    """Invent the feeds."""
    draft = path.with_name(f"draft-{path.name}")
    shutil.rmtree(draft, ignore_errors=True)
    invent(draft, people=setting.rows, seed=1, threads=setting.threads)
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """Load, in turn with reading the same files into a plain DuckDB database."""
    work = Path.cwd()
    plan = read_plan(demo_plans(work, people=setting.rows, repeats=1)[0])

    def load(folder: Path) -> None:
        for home in load_stores(plan, folder / "stores", path, folder / "keys").values():
            home.close()

    def first() -> None:
        folder = Path(mkdtemp(dir=work))
        load(folder)
        shutil.rmtree(folder)

    again = Path(mkdtemp(dir=work))

    def weekly() -> None:
        (again / "stores" / "loaded").unlink(missing_ok=True)  # what says that it is live already
        load(again)

    def plain() -> None:
        folder = Path(mkdtemp(dir=work))
        for file in sorted(path.glob("**/*.parquet")):
            target = folder / f"{file.parent.name}.duckdb"
            with duckdb.connect(str(target), config={"threads": setting.threads}) as connection:
                connection.execute(f"create table {file.stem} as select * from '{file}'")
        shutil.rmtree(folder)

    if setting.case == WEEKLY:
        load(again)
    return Trial(run=weekly if setting.case == WEEKLY else first, baseline=plain)


WORKLOAD = Workload(
    name=NAME,
    title="Loading and weekly replacement",
    settings=tuple(
        Setting(
            workload=NAME,
            case=case,
            rows=people,
            baseline="reading the same files into plain DuckDB",
            data=f"feeds-{people}",
            rank=rank,
            seconds=seconds,
        )
        for people, rank, seconds in ((10_000, 26, 30), (100_000, 42, 50))
        for case in (FIRST, WEEKLY)
    ),
    trial=trial,
    generate=generate,
)
