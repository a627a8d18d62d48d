"""The figures that private statistics must reach: `benchmarks.private_queries`, case by case.

Twenty rows per person on average with a heavy tail, 1,887 groups, count and sum.
"""

from pathlib import Path

import duckdb

from benchmarks import private_queries as asked
from benchmarks.measuring import Figures, Trial
from benchmarks.setting import Setting, Workload
from minimisation.statistics.desk import ask
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.planner import choose
from minimisation.statistics.quote import quote
from minimisation.statistics.text_form import parse

NAME = "private-statistics"


def generate(setting: Setting, path: Path) -> None:
    """Write the table and its prepared copy."""
    draft = path.with_name(f"draft-{path.name}")
    draft.unlink(missing_ok=True)
    asked.generate(draft, setting.rows, setting.threads, "6GB")
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """The private query's SQL in turn with the plain query; end to end apart."""
    form, where = asked.CASES[setting.case]
    query = parse(f"rows, sum(value) by area{where}", "events")
    plan = choose(query, asked.TABLE, asked.ALLOWANCE, form)
    filtered = " where kind = 7" if where else ""
    plain = f"select area, count(*), sum(value) from events{filtered} group by area"
    connection = duckdb.connect(
        str(path),
        read_only=True,
        config={
            "threads": setting.threads,
            "memory_limit": setting.duckdb_memory,
            "temp_directory": str(Path.cwd() / "spill"),
        },
    )

    engine = DuckDBEngine(connection=connection)

    def figures() -> Figures:
        return {
            "epsilon": asked.EPSILON,
            "bounds": asked._bounds(plan),  # noqa: SLF001 - the same words as in its own table
            "rows kept": asked._kept(plan, connection, filtered),  # noqa: SLF001 - as above
            "end to end, seconds": min(whole(1), whole(2)),
            "count ±": quote(plan, asked.EPSILON).widths[0].half,
        }

    def whole(number: int) -> float:
        desk = asked.desk(connection, Path.cwd(), number)
        return asked.seconds(lambda: ask(plan, [desk], asked.EPSILON, 0.0, asked.ASKING))

    return Trial(
        run=lambda: engine.sums(plan),
        baseline=lambda: connection.execute(plain).to_arrow_table(),
        figures=figures,
    )


WORKLOAD = Workload(
    name=NAME,
    title="Private statistics against the plain query, with a heavy tail of rows per person",
    settings=tuple(
        Setting(
            workload=NAME,
            case=case,
            rows=rows,
            parameters={"groups": asked.GROUPS, "rows per person": asked.ROWS_PER_PERSON},
            baseline="plain DuckDB query",
            data=f"heavy-tail-{rows}.duckdb",
            rank=rank,
            seconds=100 if rows == 10**8 else 40,
        )
        for rows, rank in ((10**7, 20), (3 * 10**7, 24), (10**8, 44))
        for case in asked.CASES
    ),
    trial=trial,
    generate=generate,
)
