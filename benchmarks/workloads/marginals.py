"""k-way marginals: all pairs of columns counted inside a force, and the k-marginal score."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from benchmarks.synthesis import NAMES, records_sql, use_case
from minimisation import Premises
from sandbox.measures_synthetic.k_marginal import k_marginal
from synthetic import counting
from synthetic import rows as synthetic_rows

NAME = "marginals"
COUNTED, SCORED = "all single columns and pairs of ten", "k-marginal score of ten columns"
FRAMES = {"pandas": "", "Polars": "polars"}
PAIRS = [(one, other) for place, one in enumerate(NAMES) for other in NAMES[place + 1 :]]


def generate(setting: Setting, path: Path) -> None:
    """Write the synthesis benchmark's records, ten dependent columns, as Parquet."""
    draft = path.with_name(f"draft-{path.name}")
    with duckdb.connect(config={"threads": setting.threads}) as connection:
        connection.execute(f"copy ({records_sql(setting.rows)}) to '{draft}' (format parquet)")
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """Count or score, in turn with one plain DuckDB query per pair."""
    connection = duckdb.connect(
        config={
            "threads": setting.threads,
            "memory_limit": setting.duckdb_memory,
            "temp_directory": str(Path.cwd() / "spill"),
        }
    )
    connection.execute(f"create table stored as select * from '{path}'")

    def plain() -> None:
        for pair in PAIRS:
            by = ", ".join(pair)
            connection.execute(f"select {by}, count(*) from stored group by {by}").fetchall()

    if setting.case == SCORED:
        table = pq.read_table(path, columns=list(NAMES))
        return Trial(run=lambda: k_marginal(table, table, NAMES), baseline=plain)
    case = use_case()
    cells = synthetic_rows.cells_of(case)
    premises = Premises(
        force="bench",
        use_case=case,
        people=connection.table("stored"),
        inputs=None,
        secret=b"",
        hold=lambda *_: None,
    )
    cliques = [*counting.singles(cells), *counting.pairs(cells)]
    return Trial(run=lambda: counting.count(premises, cells, cliques), baseline=plain)


def _setting(case: str, rows: int, rank: int, **more: object) -> Setting:
    return Setting(
        workload=NAME,
        case=case,
        rows=rows,
        parameters={"columns": len(NAMES)},
        baseline="one plain DuckDB query per pair",
        data=f"records-{rows}.parquet",
        rank=rank,
        **more,  # type: ignore[arg-type]
    )


def _settings() -> tuple[Setting, ...]:
    found = [_setting(COUNTED, rows, 17, tier="quick") for rows in (10**5, 10**6)]
    found.append(_setting(COUNTED, 10**7, 19, seconds=55))
    found.append(_setting(SCORED, 10**5, 17, tier="quick"))
    found.append(_setting(SCORED, 10**6, 35, seconds=25))
    for name, environment in FRAMES.items():
        found.append(
            _setting(
                f"{COUNTED}: {name}",
                10**6,
                36,
                environment=environment,
                module="benchmarks.peers.frame_pairs",
                seconds=30,
            )
        )
    return tuple(found)


WORKLOAD = Workload(
    name=NAME,
    title="k-way marginals",
    settings=_settings(),
    trial=trial,
    generate=generate,
)
