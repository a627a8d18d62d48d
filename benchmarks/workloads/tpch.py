"""TPC-H as private queries, the customer as the person: `benchmarks.tpch`, query by query."""

from pathlib import Path

from benchmarks.measuring import Figures, Trial
from benchmarks.private_queries import EPSILON
from benchmarks.setting import Setting, Workload
from benchmarks.tpch import CASES, end_to_end, opened, prepare
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.planner import Form

NAME = "tpch"
LINES = 6_000_000
"""Line items of scale factor 1."""
FORMS: dict[str, Form] = {"ad hoc": "ad_hoc", "prepared": "prepared"}


def generate(setting: Setting, path: Path) -> None:
    """Make the tables with `tpchgen-cli`, and what the private side reads."""
    prepare(path.parent, int(setting.parameters["scale"]))


def trial(setting: Setting, path: Path) -> Trial:
    """The private query's SQL in turn with the standard's; end to end apart."""
    case = CASES[setting.case]
    form = FORMS[str(setting.parameters["form"])]
    plan = case.plan(form)
    session = opened(path, setting.threads, setting.duckdb_memory)
    connection = session.__enter__()  # open until this process ends
    engine = DuckDBEngine(connection=connection)

    def figures() -> Figures:
        return {
            "epsilon": EPSILON,
            "end to end, seconds": end_to_end(plan, connection),
            "rows kept": case.kept(connection, form),
            "first figure ±": case.error(form),
            "published elsewhere": case.published,
        }

    return Trial(
        run=lambda: (session, engine.sums(plan)),
        baseline=lambda: connection.execute(case.plain_sql).to_arrow_table(),
        figures=figures,
    )


WORKLOAD = Workload(
    name=NAME,
    title="TPC-H, the customer as the person",
    settings=tuple(
        Setting(
            workload=NAME,
            case=case,
            rows=LINES * scale,
            parameters={"scale": scale, "form": form},
            baseline="the standard's query in DuckDB",
            data=f"tpch-{scale}.duckdb",
            rank=rank,
            seconds=20 * scale**0.25,
        )
        for scale, rank in ((1, 25), (10, 40))
        for form in FORMS
        for case in CASES
    ),
    trial=trial,
    generate=generate,
)
