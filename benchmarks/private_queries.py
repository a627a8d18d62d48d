"""Private queries against the plain one: same table, same machine, same run, ratios of medians.

    python -m benchmarks.private_queries --rows 10000000

Twenty rows per person on average with a heavy tail (person = ⌊P·u²⌋), 1,887 groups, count and sum.
Each form runs in a process of its own: warm-up, then plain and private in turn. Times are shown
with the bounds, the rows that they keep and the expected error, without which they mean nothing.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from minimisation import Bounds, Categories, Column
from minimisation.forces.log import Log
from minimisation.statistics import preparation, private_query
from minimisation.statistics.accounting import Account
from minimisation.statistics.catalogue import Prepared, StoredTable
from minimisation.statistics.desk import Asking, Desk, ask
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.ledger import Ledger
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.quote import quote
from minimisation.statistics.text_form import parse

GROUPS = 1_887
ROWS_PER_PERSON = 20
CHUNK = 10_000_000
"""Rows that are ranked and stored at a time."""
EPSILON = 1.0
ALLOWANCE = Allowance(in_all=10, groups=10, rows=3)
TABLE = StoredTable(
    name="events",
    columns=(
        Column(
            name="area",
            role="other",
            domain=Categories(values=tuple(f"area {place}" for place in range(GROUPS))),
        ),
        Column(name="value", role="other", domain=Bounds(low=0, high=100)),
        Column(
            name="kind",
            role="other",
            domain=Categories(values=tuple(f"kind {place}" for place in range(40))),
        ),
    ),
    prepared=(Prepared(table="events_by_area", population=(), by=("area",)),),
)
CASES: dict[str, tuple[Form, str]] = {
    "prefix": ("prefix", ""),
    "prepared": ("prepared", ""),
    "ad hoc, unfiltered": ("ad_hoc", ""),
    "ad hoc, 1 row in 40": ("ad_hoc", " where kind = 'kind 7'"),
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """One form against the plain query."""

    case: str
    """Form and filter."""
    plain: float
    """Median seconds of the plain query."""
    private: float
    """Median seconds of the private query's SQL."""
    end_to_end: float
    """Median seconds with ledger, noise and the finished table."""
    ratio: float
    """Median of private over plain, run by run."""
    bounds: str
    """What one person may add."""
    kept: float
    """Share of the rows that the bounds keep."""
    error: float
    """Half width of a count's 95 % noise interval."""


def generate(path: Path, rows: int, threads: int, memory: str = "4GB") -> dict[str, float]:
    """Write the table and its prepared copy, people by people; seconds that each took."""
    people = max(1, rows // ROWS_PER_PERSON)
    chunks = -(-rows // CHUNK)
    share = "(hash(i, 1) / 18446744073709551616.0)"
    events = f"""select cast(floor({people} * {share} * {share}) as bigint) as person,
        cast(hash(i, 2) % {GROUPS} as smallint) as area,
        cast(hash(i, 3) % 101 as smallint) as value,
        cast(hash(i, 4) % 40 as tinyint) as kind, i from range({rows}) t(i)"""
    taken = {}
    with duckdb.connect(str(path)) as connection:
        for setting in (f"threads = {threads}", f"memory_limit = '{memory}'"):
            connection.execute(f"set {setting}")
        connection.execute(f"set temp_directory = '{path.parent / 'spill'}'")
        start = time.perf_counter()
        connection.execute(f"create table drawn as {events}")
        connection.execute(
            "create table events"
            " (person bigint, rank integer, area smallint, value smallint, kind tinyint)"
        )
        for chunk in range(chunks):
            connection.execute(
                f"""insert into events select person, cast(row_number() over (partition by person
                order by hash(i), i) as integer) as rank, area, value, kind
                from drawn where person % {chunks} = {chunk} order by rank"""
            )
        connection.execute("drop table drawn")
        taken["load"] = time.perf_counter() - start
        start = time.perf_counter()
        preparation.prepare(connection, TABLE, TABLE.prepared[0])
        taken["preparation"] = time.perf_counter() - start
    return taken


def measure(path: Path, case: str, runs: int, threads: int, memory: str) -> Result:
    """Run one case in this process."""
    form, where = CASES[case]
    plan = choose(parse(f"rows, sum(value) by area{where}", "events"), TABLE, ALLOWANCE, form)
    filtered = " where kind = 7" if where else ""
    plain_sql = f"select area, count(*), sum(value) from events{filtered} group by area"
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": memory,
    }
    with (
        duckdb.connect(str(path), read_only=True, config=config) as connection,
        tempfile.TemporaryDirectory() as folder,
    ):
        engine = DuckDBEngine(connection=connection)

        def plain() -> None:
            connection.execute(plain_sql).to_arrow_table()

        def private() -> None:
            engine.sums(plan)

        answers = iter(range(1_000))

        def end_to_end() -> None:
            ask(plan, [desk(connection, Path(folder), next(answers))], EPSILON, 0.0, ASKING)

        for step in (plain, private, end_to_end):
            step()
        times = [(seconds(plain), seconds(private), seconds(end_to_end)) for _ in range(runs)]
        kept = _kept(plan, connection, filtered)
    return Result(
        case=case,
        plain=statistics.median(each[0] for each in times),
        private=statistics.median(each[1] for each in times),
        end_to_end=statistics.median(each[2] for each in times),
        ratio=statistics.median(each[1] / each[0] for each in times),
        bounds=_bounds(plan),
        kept=kept,
        error=quote(plan, EPSILON).widths[0].half,
    )


ASKING = Asking(purpose="benchmark", analyst="benchmark")


def seconds(step: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def desk(connection: duckdb.DuckDBPyConnection, folder: Path, number: int) -> Desk:
    """A force's desk with a budget without end."""
    account = Account(epsilon=1e6)
    log = Log(
        path=folder / "ledger.sqlite",
        anchor=folder / "anchor.sqlite",
        key=b"benchmark",
        name="benchmark",
    )
    ledger = Ledger(log=log, releases=folder / "releases")
    # another snapshot each time, so that nothing is answered from the ledger
    return Desk(
        force="one", connection=connection, ledger=ledger, account=account, snapshot=str(number)
    )


def _kept(plan: QueryPlan, connection: duckdb.DuckDBPyConnection, filtered: str) -> float:
    """Share of rows within the bounds; exact, because nobody here is real."""
    row = connection.execute(f"select count(*) from events{filtered}").fetchone()
    rows = private_query.exact_vector(plan, connection)[0].sum() / plan.vector.parts[0].weight
    return float(rows) / (row[0] if row else 1)


def _bounds(plan: QueryPlan) -> str:
    if plan.form == "prefix":
        return f"m = {plan.vector.rows}"
    return f"g = {plan.vector.groups}, r = {plan.vector.rows}"


def main() -> None:
    """Generate, run every case in its own process, print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--table", type=Path, help="existing table of an earlier run")
    parser.add_argument("--opendp", type=Path, help="a Python that has opendp[polars] and duckdb")
    parser.add_argument("--case", choices=CASES, help="run one case only, and print it as JSON")
    given = parser.parse_args()
    if given.case:
        result = measure(given.table, given.case, given.runs, given.threads, given.memory)
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.table or Path(folder) / "events.duckdb"
        if not path.exists():
            for what, taken in generate(path, given.rows, given.threads, given.memory).items():
                sys.stderr.write(f"{what}: {taken:.1f} s\n")
        sys.stdout.write(f"{given.rows:,} rows, {GROUPS:,} groups, {given.threads} threads, ")
        sys.stdout.write(f"{given.memory}, epsilon {EPSILON:g}, {given.runs} runs in turn\n")
        for case in CASES:
            own = [sys.executable, "-m", "benchmarks.private_queries", "--table", str(path)]
            own += ["--case", case, "--runs", str(given.runs), "--threads", str(given.threads)]
            done = subprocess.run(  # noqa: S603 - this very module
                [*own, "--memory", given.memory], check=True, capture_output=True, text=True
            )
            sys.stdout.write(line(Result(**json.loads(done.stdout))) + "\n")
        sys.stdout.write(peer(given.opendp, path) + "\n")


def peer(python: Path | None, path: Path) -> str:
    """OpenDP's Polars context on the same table and the bounds of the ad hoc form, in words."""
    name = f"OpenDP Polars context g = {ALLOWANCE.groups}, r = {ALLOWANCE.rows}: "
    if python is None or not python.exists():
        return f"{name}SKIPPED, name a Python that has opendp[polars] and duckdb with --opendp"
    script = Path(__file__).parent / "peers" / "opendp_polars.py"
    own = [str(python), "-W", "ignore", str(script), str(path)]
    done = subprocess.run(  # noqa: S603 - the peer's own interpreter
        [*own, str(ALLOWANCE.groups), str(ALLOWANCE.rows), "1"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    return (
        f"{name}{found['seconds']:.3f} s, {found['processor']:.1f} s of processor time,"
        f" {found['peak_gb']:.1f} GB"
    )


def line(result: Result) -> str:
    """One case in words."""
    return (
        f"{result.case:<20} {result.bounds:<14} plain {result.plain:.3f} s, private "
        f"{result.private:.3f} s ({result.ratio:.2f}×), end to end {result.end_to_end:.3f} s, "
        f"rows kept {result.kept:.0%}, count ±{result.error:.0f}"
    )


if __name__ == "__main__":
    main()
