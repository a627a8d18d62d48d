"""Counts and sums by group, privately: three ways to bound a person, by rows, groups and stores.

Rows of a person are ranked as a force's load ranks them, and a person has from one to twice the
mean number of rows, evenly spread. The plain DuckDB query on the same store is the floor.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.accuracy import error
from benchmarks.measuring import Figures, Trial
from benchmarks.setting import Parameters, Setting, Workload
from minimisation import Bounds, Categories, Column
from minimisation.forces.vault import Vault
from minimisation.statistics import preparation, private_query
from minimisation.statistics.catalogue import Prepared, StoredTable
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.text_form import parse

NAME = "private-group-by"
EPSILON = 1.0
ALLOWANCE = Allowance(in_all=10, groups=10, rows=3)
FORMS: dict[str, Form] = {"prefix": "prefix", "prepared": "prepared", "ad hoc": "ad_hoc"}
KEY = b"benchmark".ljust(32, b".")
PLAIN = "select area, count(*) as n, sum(value) as total from events group by area"
PEERS = {
    "pandas, no privacy": ("benchmarks.peers.frames", ""),
    "Polars, no privacy": ("benchmarks.peers.frames", "polars"),
    "OpenDP Polars context": ("benchmarks.peers.opendp_context", "opendp-polars"),
    "SmartNoise SQL": ("benchmarks.peers.smartnoise", "smartnoise-sql"),
    "diffprivlib": ("benchmarks.peers.diffprivlib_histogram", "diffprivlib"),
    "Tumult on Spark": ("benchmarks.peers.tumult", "tumult"),
}
"""Case → module and environment of a peer."""


def stored_table(groups: int) -> StoredTable:
    """What a force would have registered."""
    labels = tuple(f"area {place}" for place in range(groups))
    return StoredTable(
        name="events",
        columns=(
            Column(name="area", role="other", domain=Categories(values=labels)),
            Column(name="value", role="other", domain=Bounds(low=0, high=100)),
        ),
        prepared=(Prepared(table="events_by_area", population=(), by=("area",)),),
    )


def generate(setting: Setting, path: Path) -> None:
    """Write the events, rank by rank, and their prepared copy; encrypted or plain."""
    rows, groups = setting.rows, int(setting.parameters["groups"])
    per_person = int(setting.parameters["rows per person"])
    if setting.parameters["store"] == "encrypted":
        # a draft, because a store is complete once its file is there
        draft = path.with_name(f"draft-{path.name}")
        draft.unlink(missing_ok=True)
        vault = Vault(force="bench", path=draft, key=KEY, threads=setting.threads, memory="8GB")
        with vault.create() as connection:
            _fill(connection, rows, groups, per_person)
    else:
        draft = path.with_name(f"draft-{path.name}")
        draft.unlink(missing_ok=True)
        with duckdb.connect(str(draft), config=_config(path, setting.threads, "8GB")) as connection:
            _fill(connection, rows, groups, per_person)
    draft.replace(path)


def _fill(connection: duckdb.DuckDBPyConnection, rows: int, groups: int, per_person: int) -> None:
    """Each pass gives one more row to everybody who has that many; a person's are of 1 to 2r − 1.

    A person has a home area, where half of the rows are.
    """
    layers = 2 * per_person - 1
    people = max(1, round(rows / per_person))
    connection.execute(
        "create table events (person bigint, rank integer, area integer, value smallint)"
    )
    for rank in range(1, layers + 1):
        last = people * (layers - rank + 1) // layers
        drawn = f"hash(person * {layers} + {rank})"
        home = f"hash(person) % {groups}"
        connection.execute(
            f"""insert into events select person, {rank},
            case when {drawn} % 2 = 0 then {home} else ({drawn} // 2) % {groups} end,
            ({drawn} // 1000003) % 101 from range({last}) t(person)"""
        )
    table = stored_table(groups)
    preparation.prepare(connection, table, table.prepared[0])


def connect(setting: Setting, path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the store, with the setting's threads and memory."""
    memory = setting.duckdb_memory
    if setting.parameters["store"] == "encrypted":
        return Vault(
            force="bench", path=path, key=KEY, threads=setting.threads, memory=memory
        ).open()
    config = _config(path, setting.threads, memory)
    return duckdb.connect(str(path), read_only=True, config=config)


def _config(
    path: Path, threads: int, memory: str
) -> dict[str, str | bool | int | float | list[str]]:
    spill = str(path.parent / "spill")
    return {"threads": threads, "memory_limit": memory, "temp_directory": spill}


def trial(setting: Setting, path: Path) -> Trial:
    """The private query's SQL against the plain query; preparation and memory against it too."""
    connection = connect(setting, path)

    def plain() -> object:
        return connection.execute(PLAIN).to_arrow_table()

    if setting.case == "memory bandwidth of the scan":
        return Trial(run=_bandwidth(setting.rows, setting.threads), baseline=plain)
    form = FORMS[setting.case]
    table = stored_table(int(setting.parameters["groups"]))
    plan = choose(parse("rows, sum(value) by area", "events"), table, ALLOWANCE, form)
    engine = DuckDBEngine(connection=connection)
    return Trial(
        run=lambda: engine.sums(plan),
        baseline=plain,
        figures=lambda: _figures(plan, connection),
    )


def _bandwidth(rows: int, threads: int) -> Callable[[], object]:
    """Reads from memory, on all threads, as many bytes as the two columns have."""
    parts = np.array_split(np.zeros(rows * 6 // 8 + threads, dtype=np.int64) + 1, threads)
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(np.max, parts))


def _figures(plan: QueryPlan, connection: duckdb.DuckDBPyConnection) -> Figures:
    """Error of counts and sums, noise and bounding together; exact, because nobody is real."""
    added = private_query.noise_of(plan, EPSILON, 0.0)
    noisy = private_query.run(plan, connection, added)
    found = private_query.finish(plan, [noisy], added)
    exact = exact_figures(connection)
    labels = [int(label.removeprefix("area ")) for label in found.column("area").to_pylist()]
    bounded = private_query.exact_vector(plan, connection)[0].sum() / plan.vector.parts[0].weight
    return {
        "epsilon": EPSILON,
        "bounds": _bounds(plan),
        "rows kept": float(bounded) / sum(count for count, _ in exact.values()),
        "count error": error(
            {area: count for area, (count, _) in exact.items()},
            dict(zip(labels, found.column("rows").to_pylist(), strict=True)),
        ),
        "sum error": error(
            {area: total for area, (_, total) in exact.items()},
            dict(zip(labels, found.column("sum_value").to_pylist(), strict=True)),
        ),
    }


def exact_figures(connection: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, int]]:
    """Area → exact count and sum."""
    return {area: (n, int(total)) for area, n, total in connection.execute(PLAIN).fetchall()}


def _bounds(plan: QueryPlan) -> str:
    if plan.form == "prefix":
        return f"m = {plan.vector.rows}"
    return f"g = {plan.vector.groups}, r = {plan.vector.rows}"


def _setting(case: str, rows: int, rank: int, **more: object) -> Setting:
    """One setting; `more` may change groups, rows per person and store, and the setting itself."""
    chosen: dict[str, object] = {"groups": 1000, "rows per person": 20, "store": "encrypted"}
    chosen |= {name: more.pop(name) for name in list(more) if name in chosen}
    named = "-".join(str(value) for value in chosen.values())
    parameters: Parameters = chosen  # type: ignore[assignment]
    return Setting(
        workload=NAME,
        case=case,
        rows=rows,
        parameters=parameters,
        baseline="plain DuckDB query",
        data=f"events-{rows}-{named}.duckdb",
        rank=rank,
        **more,  # type: ignore[arg-type]
    )


def _settings() -> tuple[Setting, ...]:
    found = [_setting(form, rows, 10, tier="quick") for rows in (10**5, 10**6) for form in FORMS]
    found += [_setting(form, 10**7, 11) for form in FORMS]
    found += [_setting(form, 10**8, 18, seconds=80) for form in FORMS]
    scan = "memory bandwidth of the scan"
    found += [_setting(scan, 10**6, 12, tier="quick"), _setting(scan, 10**7, 12)]
    for form in FORMS:
        found += [_setting(form, 10**6, 30, groups=groups) for groups in (10, 100_000)]
        found += [_setting(form, 10**6, 30, **{"rows per person": each}) for each in (1, 1000)]
        found.append(_setting(form, 10**7, 31, store="plain", seconds=25))
    # at most nine rows of a person: ten are the bound, so that all of the error is noise
    few = {"rows per person": 5, "store": "plain"}
    for case, (module, environment) in PEERS.items():
        where = few | {"module": module, "environment": environment}
        if "no privacy" in case:
            found.append(_setting(case, 10**6, 12, tier="quick", **where))
            found.append(_setting(case, 10**7, 32, **where))
        else:
            # Spark alone needs twenty seconds to start
            seconds, ranks = (60, (36, 58)) if "Spark" in case else (30, (22, 21))
            found += [
                _setting(case, rows, rank, seconds=seconds, **where)
                for rows, rank in zip((10**5, 10**6), ranks, strict=True)
            ]
    for form in FORMS:
        found += [_setting(form, rows, 20, **few) for rows in (10**5, 10**6)]
    found += [_setting(form, 10**7, 33, threads=1, seconds=25) for form in FORMS]
    return tuple(found)


WORKLOAD = Workload(
    name=NAME,
    title="Private counts and sums by group against the plain query",
    settings=_settings(),
    trial=trial,
    generate=generate,
)
