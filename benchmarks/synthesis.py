"""Synthesisers on time: marginals and inference apart, whole options, and OpenDP's own beside them.

    python -m benchmarks.synthesis --quick

Records are invented: ten columns of which each follows the one before half of the time. Marginals
grow with rows, inference with cells; the two are never added up unsaid. Every measurement runs in
a process of its own and prints one JSON line: seconds of wall clock and processor, peak memory,
and how far all pairs of columns are from the records' own (total variation, mean over pairs).
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from minimisation import (
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    GroupedStatistics,
    Microdata,
    Option,
    PayloadKind,
    Premises,
    Statistic,
    UseCase,
)
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.policy import Policy
from minimisation.statistics.noise import rho_of
from sandbox.cost import Stopwatch, peak_bytes
from synthetic import (
    ClearedMargins,
    GaussianCopula,
    IndependentColumns,
    PrivateAdaptive,
    PrivateTree,
    SequentialTrees,
    counting,
    measured,
    modelled,
    mst,
    rows,
)

SIZES = (20, 2, 7, 9, 3, 3, 13, 11, 7, 2)
"""Labels of the ten columns."""
NAMES = tuple(f"c{place}" for place in range(len(SIZES)))
EPSILON, DELTA = 1.0, 1e-6
OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        IndependentColumns(),
        GaussianCopula(),
        SequentialTrees(),
        ClearedMargins(),
        PrivateTree(epsilon=EPSILON, delta=DELTA),
        PrivateAdaptive(epsilon=EPSILON, delta=DELTA),
    )
}
PEERS = ("opendp-fixed", "opendp-aim")
TARGETS = {"marginals": 30, "private-tree": 60, "sequential-trees": 60, "gaussian-copula": 20}
"""Seconds on two cores: marginals of 10 million rows, options of 27,253 rows."""


def use_case() -> UseCase:
    """Counts of ten columns; the unit is the record."""
    return UseCase(
        name="benchmark",
        title="How do ten columns go together?",
        purpose="benchmark",
        unit="record",
        as_of=date(2024, 1, 1),
        table="person",
        columns=tuple(
            Column(
                name=name,
                role="quasi_identifier",
                domain=Categories(values=tuple(str(label) for label in range(size))),
            )
            for name, size in zip(NAMES, SIZES, strict=True)
        ),
        question=GroupedStatistics(by=NAMES, statistics=(Statistic(aggregate="rows"),)),
        floor=Floor(measure="total_variation", value=0.1, direction="at_most"),
        business_as_usual=BusinessAsUsual(known=(NAMES[0],)),
    )


def records_sql(size: int) -> str:
    """SQL for so many invented records, the same on any number of threads."""
    columns = [f"{_draw(0)} % {SIZES[0]} as v0"]
    for place in range(1, len(SIZES)):
        labels = SIZES[place]
        follows = f"case when {_draw(place)} % 2 = 0 then v{place - 1} else {_draw(place)} // 2 end"
        columns.append(f"({follows}) % {labels} as v{place}")
    text = ", ".join(f"cast(v{place} as varchar) as c{place}" for place in range(len(SIZES)))
    return f"select i as record_id, i as unit, {', '.join(columns)}, {text} from range({size}) t(i)"


def _draw(place: int) -> str:
    return f"(hash(i * 31 + {place}) % 1000003)"


def records(size: int) -> pa.Table:
    """Invented records as a table."""
    with duckdb.connect() as connection:
        chosen = ", ".join(NAMES)
        sql = f"select record_id, {chosen} from ({records_sql(size)})"
        return connection.execute(sql).to_arrow_table()


def marginals(size: int) -> dict[str, Any]:
    """Time of all 55 margins of so many rows, and of a tree's inference from them."""
    case = use_case()
    cells = rows.cells_of(case)
    cliques = [*counting.singles(cells), *counting.pairs(cells)]
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        connection.execute(f"create table stored as {records_sql(size)}")
        premises = Premises(
            force="nation",
            use_case=case,
            people=connection.table("stored"),
            inputs=None,
            secret=b"",
            hold=lambda *_: None,
        )
        watch = Stopwatch()
        counting.count(premises, cells, cliques)
        counted = watch.wall()
        payload = mst.MeasureTree(epsilon=EPSILON, delta=DELTA).run(premises)
    noisy = measured.from_table(payload)
    watch = Stopwatch()
    model = modelled.fit(cells, noisy, steps=1000, seconds=600)
    fitted = watch.wall()
    watch = Stopwatch()
    modelled.draw(case, cells, noisy, model, np.random.default_rng(1))
    return {"marginal_seconds": counted, "inference_seconds": fitted, "draw_seconds": watch.wall()}


def whole(name: str, size: int) -> dict[str, Any]:
    """Time of a whole option in one force, and what it keeps of the pairs."""
    case, real = use_case(), records(size)
    with forces_of([InMemory(force="nation", records=real)], case) as forces:
        watch = Stopwatch()
        release = OPTIONS[name].apply(forces, case, np.random.default_rng(1))
        wall, cpu = watch.wall(), watch.cpu()
    if not isinstance(release.artefact, Microdata):
        raise TypeError(f"option ({name}) must release rows")
    made = release.artefact.table
    return {"seconds": wall, "cpu_seconds": cpu, "pairs_apart": pairs_apart(real, made)}


@dataclass(frozen=True, kw_only=True)
class InMemory:
    """A store of invented or public records, which nothing needs to protect."""

    force: str
    """Name of the force."""
    records: pa.Table
    """Its records."""

    def open(self) -> duckdb.DuckDBPyConnection:
        """A connection with the records on it."""
        connection = duckdb.connect()
        connection.register("incoming", self.records)
        connection.execute("create table records as select * from incoming")
        return connection


def forces_of(stores: Iterable[InMemory], case: UseCase) -> Forces:
    """Forces that permit everything and hold nobody out, one per store."""
    policy = Policy(
        use_cases=frozenset({case.name}),
        steps=_EveryStep(),
        kinds=frozenset(PayloadKind),
        minimum_contributors=1,
    )
    members = tuple(
        Force(
            store=store,
            policy=policy,
            ledger=Ledger(epsilon=EPSILON, delta=DELTA),
            secret=b"benchmark".ljust(32, b"."),
        )
        for store in stores
    )
    return Forces(members=members, use_case=case, split=Split(key="1", held_out=0.0))


class _EveryStep(frozenset[str]):
    """Approves every step: the records are invented."""

    def __contains__(self, name: object) -> bool:
        return True


def pairs_apart(real: pa.Table, made: pa.Table) -> float:
    """Mean over all pairs of columns of the total variation between two tables."""
    apart = [
        float(np.abs(_shares(real, pair) - _shares(made, pair)).sum()) / 2
        for pair in combinations(range(len(NAMES)), 2)
    ]
    return round(float(np.mean(apart)), 4)


def _shares(table: pa.Table, pair: tuple[int, int]) -> np.ndarray:
    names = [NAMES[place] for place in pair]
    # OpenDP's table has a label of its own for missing values, of which the records have none
    known = table.select(names).drop_null()
    one, other = (np.asarray(known.column(name).cast(pa.int64())) for name in names)
    cells = SIZES[pair[0]] * SIZES[pair[1]]
    counts = np.bincount(one * SIZES[pair[1]] + other, minlength=cells)
    return np.asarray(counts / max(1, counts.sum()))


def peer(name: str, size: int) -> dict[str, Any]:
    """Time of OpenDP's own synthesiser at the same epsilon, and what it keeps of the pairs."""
    absent = [each for each in ("polars", "mbi") if importlib.util.find_spec(each) is None]
    if absent:
        return {"not_run": f"{' and '.join(absent)} must be installed (opendp[mbi] names versions)"}
    import opendp.prelude as dp  # noqa: PLC0415 - a peer: measured here, no part of the package
    import polars as pl  # noqa: PLC0415 - as above
    from opendp.extras import mbi  # noqa: PLC0415 - as above

    dp.enable_features("contrib")
    real = records(size)
    queries = [mbi.Count(by=pair) for pair in combinations(NAMES, 2)]
    algorithm = (
        mbi.AIM(queries=queries, rounds=10)
        if name == "opendp-aim"
        else mbi.Fixed(queries=[mbi.Count(by=NAMES[at : at + 2]) for at in range(9)])
    )
    rho = rho_of(EPSILON, DELTA)  # the very budget that the private options here spend
    context = dp.Context.compositor(
        data=pl.from_arrow(real.select(NAMES)).lazy(),
        privacy_unit=dp.unit_of(contributions=1),
        privacy_loss=dp.loss_of(rho=rho),
    )
    keys = {
        column: [str(label) for label in range(labels)]
        for column, labels in zip(NAMES, SIZES, strict=True)
    }
    watch = Stopwatch()
    table = context.query(rho=rho).contingency_table(keys=keys, algorithm=algorithm).release()
    made = table.synthesize().to_arrow()
    wall, cpu = watch.wall(), watch.cpu()
    return {"seconds": wall, "cpu_seconds": cpu, "pairs_apart": pairs_apart(real, made)}


def measure(what: str, size: int) -> dict[str, Any]:
    """One measurement as a JSON-able row."""
    row: dict[str, Any] = {"what": what, "rows": size}
    if what == "marginals":
        row |= marginals(size)
    elif what in PEERS:
        row |= peer(what, size)
    else:
        row |= whole(what, size)
    return row | {"peak_bytes": peak_bytes()}


def in_own_process(what: str, size: int, seconds: float) -> dict[str, Any]:
    """The same in a fresh process, which is ended after so many seconds."""
    command = [sys.executable, "-m", __spec__.name, "--one", what, "--rows", str(size)]
    try:
        done = subprocess.run(  # noqa: S603 - this very module
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"what": what, "rows": size, "not_run": f"not done within {seconds:g} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"what": what, "rows": size, "not_run": last[:200]}
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return row


def main(say: Callable[[str], object] = sys.stdout.write) -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows, and no slow mechanism")
    parser.add_argument("--one", help="a single measurement, in this process")
    parser.add_argument("--rows", type=int, help="rows of it")
    parser.add_argument("--seconds", type=float, default=600, help="time for each measurement")
    asked = parser.parse_args()
    if asked.one:
        say(json.dumps(measure(asked.one, asked.rows or 27_253)) + "\n")
        return
    sizes = (100_000, 1_000_000) if asked.quick else (100_000, 1_000_000, 10_000_000)
    slow = ("private-adaptive", "opendp-aim")
    jobs = [("marginals", size) for size in sizes]
    size = 5_000 if asked.quick else 27_253
    jobs += [(name, size) for name in (*OPTIONS, *PEERS) if not (asked.quick and name in slow)]
    for what, count in jobs:
        row = in_own_process(what, count, asked.seconds)
        full = count in (27_253, 10_000_000)
        target = {"target_seconds": TARGETS[what]} if full and what in TARGETS else {}
        say(json.dumps(row | target) + "\n")


if __name__ == "__main__":
    main()
