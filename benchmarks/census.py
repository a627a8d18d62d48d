"""Synthesisers on a public census extract: what they keep, repeat and erase, with intervals.

    SANDBOX_SHARED=../shared python -m benchmarks.census --repeats 5

NIST's national extract of the American Community Survey 2019 in ten demographic columns (Task,
Bhagat and Howarth 2023, SDNist v2). Scores are NIST's k-marginal of pairs, 1,000 is identity. Every
run is a process of its own; nothing is left out or picked. Intervals are Student's over repeats.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.special import stdtrit

from benchmarks.synthesis import InMemory, forces_of
from minimisation import (
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    GroupedStatistics,
    Microdata,
    Option,
    Statistic,
    UseCase,
)
from sandbox.cost import Stopwatch
from sandbox.measures_synthetic import cell_counts, inside, records
from sandbox.measures_synthetic.k_marginal import k_marginal
from synthetic import (
    ClearedMargins,
    FederatedMargins,
    GaussianCopula,
    GenerativeNetwork,
    IndependentColumns,
    PrivateAdaptive,
    PrivateTree,
    SequentialTrees,
    VariationalAutoencoder,
)
from synthetic.counting import Clique

LABELS = {
    "sex": "1 2",
    "msp": "1 2 3 4 5 6 N",
    "rac1p": "1 2 3 4 5 6 7 8 9",
    "housing_type": "1 2 3",
    "own_rent": "0 1 2",
    "edu": "N 1 2 3 4 5 6 7 8 9 10 11 12",
    "pincp_decile": "N 0 1 2 3 4 5 6 7 8 9",
    "dvet": "N 1 2 3 4 5 6",
    "deye": "1 2",
}
"""Column → its public labels; `N` is not asked."""

COLUMNS = ("agep", *LABELS)
SMALLEST = 50
"""Groups of so many people must not be erased."""

PATIENT = 3600.0
"""Seconds for each fit and training: more than any needs, so that no score depends on the load."""

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        IndependentColumns(),
        GaussianCopula(),
        ClearedMargins(),
        SequentialTrees(seconds=PATIENT),
        GenerativeNetwork(seconds=PATIENT),
        VariationalAutoencoder(seconds=PATIENT),
        PrivateTree(seconds=PATIENT),
        PrivateAdaptive(seconds=PATIENT),
        FederatedMargins(seconds=PATIENT),
    )
}


def use_case() -> UseCase:
    """Counts of nine columns and the mean age; the unit is the record."""
    columns = (
        Column(name="agep", role="quasi_identifier", domain=Bounds(low=0, high=99)),
        *(
            Column(
                name=name, role="quasi_identifier", domain=Categories(values=tuple(each.split()))
            )
            for name, each in LABELS.items()
        ),
    )
    return UseCase(
        name="census-extract",
        title="How do ten columns go together?",
        purpose="benchmark",
        unit="record",
        as_of=date(2020, 1, 1),
        table="person",
        columns=columns,
        question=GroupedStatistics(
            by=tuple(LABELS),
            statistics=(Statistic(aggregate="rows"), Statistic(aggregate="mean", column="agep")),
        ),
        floor=Floor(measure="total_variation", value=0.1, direction="at_most"),
        business_as_usual=BusinessAsUsual(known=("sex",)),
    )


def extract(shared: Path) -> pa.Table:
    """The ten columns, the area and a record id of 27,253 people."""
    raw = pq.read_table(shared / "data" / "nist_acs_national2019.parquet")
    return pa.table(
        {
            "agep": pc.cast(raw["AGEP"], pa.float64()),
            **{name: raw[name.upper()] for name in LABELS},
            "area": pc.cast(raw["PUMA"], pa.string()),
            "record_id": pa.array(range(raw.num_rows)),
        }
    )


def parts(real: pa.Table, how: str, repeat: int) -> tuple[dict[str, pa.Table], pa.Table]:
    """Whom the option sees, force by force, and other people: all, one half, or area by area."""
    if how == "halves":
        order = np.random.default_rng(repeat).permutation(real.num_rows)
        own, other = (real.take(pa.array(np.sort(side))) for side in np.array_split(order, 2))
        return {"nation": own}, other
    if how == "areas":
        areas = pc.unique(real["area"]).to_pylist()
        return {area: real.filter(pc.equal(real["area"], area)) for area in areas}, real.slice(0, 0)
    return {"nation": real}, real.slice(0, 0)


def measure(real: pa.Table, name: str, how: str, repeat: int) -> dict[str, Any]:
    """Every figure of one run."""
    case = use_case()
    seen, others = parts(real, how, repeat)
    stores = [
        InMemory(force=force, records=table.drop_columns(["area"])) for force, table in seen.items()
    ]
    with forces_of(stores, case) as opened:
        watch = Stopwatch()
        release = OPTIONS[name].apply(opened, case, np.random.default_rng(repeat))
        seconds = watch.wall()
    if not isinstance(release.artefact, Microdata):
        raise TypeError(f"option ({name}) must release rows")
    own = pa.concat_tables(seen.values())
    return {"seconds": seconds} | figures(own, others, release.artefact.table)


def figures(own: pa.Table, others: pa.Table, made: pa.Table) -> dict[str, float]:
    """What a table keeps of its own people and of others, and what it repeats of either."""
    cells = inside.cells_of(use_case(), COLUMNS)
    sides = [inside.codes_of(cells, table) for table in (own, others, made)]
    counts = [cell_counts.counted(cells, side) for side in sides]
    alone: dict[Clique, np.ndarray] = {
        clique: each for clique, each in counts[0].items() if len(clique) == 1
    }
    found: dict[str, float] = {"k_marginal": k_marginal(own, made, COLUMNS, ["agep"])}
    for what, kept in (("columns", alone), ("pairs", counts[0])):
        there, _, gone = cell_counts.groups_kept(cells, kept, counts[2], SMALLEST)
        found |= {f"groups_{what}": there, f"erased_{what}": gone}
    stacked = [np.concatenate(each) for each in zip(*sides, strict=True)]
    ends = np.cumsum([own.num_rows, others.num_rows])
    keys = np.split(records.keys(stacked, range(len(cells))), ends)
    unique, hits, strangers, chance = records.repeated(*keys)
    found["unique_repeated"] = hits / unique
    if others.num_rows:
        found["k_marginal_others"] = k_marginal(others, made, COLUMNS, ["agep"])
        found["strangers_repeated"] = chance / strangers
        # what as many fresh people as there are members score and repeat
        found["fresh_k_marginal"] = k_marginal(own, others, COLUMNS, ["agep"])
        found["fresh_repeated"] = records.repeated(keys[0], keys[1][:0], keys[1])[1] / unique
    return found


def in_own_process(shared: Path, name: str, how: str, repeat: int) -> dict[str, Any]:
    """The same in a fresh process."""
    command = [sys.executable, "-m", __spec__.name, "--one", name, how, str(repeat)]
    environment = os.environ | {"SANDBOX_SHARED": str(shared)}
    done = subprocess.run(  # noqa: S603 - this very module
        command, capture_output=True, text=True, check=False, env=environment
    )
    head = {"option": name, "how": how, "repeat": repeat}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return head | {"not_run": last[:200]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return head | found


def interval(values: list[float]) -> str:
    """Mean and 95 % interval of Student over repeats."""
    middle = float(np.mean(values))
    if len(values) < 2:  # noqa: PLR2004 - one repeat has no spread
        return f"{middle:.4g}"
    half = float(stdtrit(len(values) - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{middle:.4g} ± {half:.2g}"


def table_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per option and way of seeing people, as Markdown."""
    lines = []
    for option, how in dict.fromkeys((row["option"], row["how"]) for row in rows):
        own = [row for row in rows if (row["option"], row["how"]) == (option, how)]
        done = [row for row in own if "not_run" not in row]
        names = [key for key in (done[0] if done else {}) if key not in ("option", "how", "repeat")]
        shown = [f"{name} {interval([row[name] for row in done])}" for name in names]
        lines.append(f"| {option} | {how} | {len(done)} of {len(own)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main(say: Callable[[str], object] = sys.stdout.write) -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--one", nargs=3, metavar=("OPTION", "HOW", "REPEAT"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--options", nargs="*", default=[*OPTIONS])
    parser.add_argument("--how", nargs="*", default=["all", "halves"])
    asked = parser.parse_args()
    shared = Path(os.environ.get("SANDBOX_SHARED", "../shared"))
    if asked.one:
        name, how, repeat = asked.one
        say(json.dumps(measure(extract(shared), name, how, int(repeat))) + "\n")
        return
    rows = []
    for name in asked.options:
        for how in asked.how:
            for repeat in range(asked.repeats):
                rows.append(in_own_process(shared, name, how, repeat))
                say(json.dumps(rows[-1]) + "\n")
    say(table_of(rows) + "\n")


if __name__ == "__main__":
    main()
