"""What must be reached, against what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.results import Row
from benchmarks.scaling import Law, laws
from benchmarks.tables import exponent, kind, seconds, times
from benchmarks.workloads.equivalence_classes import ANJANA, GENERALISED, MEASURED, PYCANON
from sandbox.report.tables import Cell, Table

CORE = ("private-group-by", "k-anonymity", "marginals")
"""Workloads whose time must grow no faster than `STEEPEST`, within the memory set."""
STEEPEST = 1.1
FASTER = 50.0
"""How many times faster than a peer k-anonymity must be at a million rows."""
MILLION = 1_000_000
LARGEST = 100 * MILLION
MOST_RATIOS = {
    "prefix": 1.0,
    "prepared": 1.0,
    "ad hoc, unfiltered": 60.0,
    "ad hoc, 1 row in 40": 5.0,
}
"""Case of private statistics → most times the plain query's time."""
MOST_ADDED = 0.25
"""Seconds that policy, ledger and noise may add to the plain query."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that must be reached, and what was measured."""

    what: str
    """The target."""
    measured: str
    """The figures."""
    met: bool | None
    """Whether it is reached; None if nothing was measured."""


def targets(rows: Sequence[Row]) -> list[Target]:
    """All of them."""
    return [
        *_private_statistics(rows),
        _completed(rows),
        *_tpch(rows),
        _faster(rows, MEASURED, PYCANON),
        _faster(rows, GENERALISED, ANJANA),
        _growth(rows),
        _memory(rows),
    ]


def _private_statistics(rows: Sequence[Row]) -> Iterator[Target]:
    done = _done(rows, "private-statistics")
    for case, most in MOST_RATIOS.items():
        what = f"Private statistics, {case}: at most {most:g} times the plain query"
        yield _at_most(what, [row for row in done if row.case == case], most)
    added = [
        row.figures["end to end, seconds"] - row.baseline.median
        for row in done
        if row.case in ("prefix", "prepared") and row.baseline is not None
    ]
    yield Target(
        what=f"Private statistics, ranks stored, end to end: plain query + {seconds(MOST_ADDED)}",
        measured=f"at most + {seconds(max(added))}" if added else "not measured",
        met=max(added) <= MOST_ADDED if added else None,
    )


def _completed(rows: Sequence[Row]) -> Target:
    found = [row for row in rows if row.workload == "private-group-by" and row.rows == LARGEST]
    ran = [row for row in found if row.status != "not run"]
    done = [row for row in ran if row.own is not None]
    return Target(
        what=f"{LARGEST:,} rows in 4 GB: every form completes",
        measured=f"{len(done)} of {len(found)} forms" if ran else "not measured",
        met=len(done) == len(found) if ran else None,
    )


def _tpch(rows: Sequence[Row]) -> Iterator[Target]:
    done = _done(rows, "tpch")
    for query in sorted({row.case for row in done}, key=lambda name: int(name[1:])):
        own = [row for row in done if row.case == query]
        published = own[0].figures["published elsewhere"]
        what = f"TPC-H {query}: below {published:g} times plain DuckDB, published for another"
        yield _at_most(what, own, float(published))


def _at_most(what: str, rows: Sequence[Row], most: float) -> Target:
    """The largest ratio of some rows, of those that have one."""
    ratios = [(row.ratio, row) for row in rows if row.ratio is not None]
    if not ratios:
        return Target(what=what, measured="not measured", met=None)
    worst, row = max(ratios, key=lambda pair: pair[0])
    more = f", {row.parameters['form']}" if "form" in row.parameters else ""
    said = f"largest {times(worst)}{more}, {row.rows:,} rows, of {len(ratios)}"
    return Target(what=what, measured=said, met=worst <= most)


def _faster(rows: Sequence[Row], own: str, peer: str) -> Target:
    found = {row.case: row for row in rows if row.rows == MILLION and row.own is not None}
    name = peer.rsplit(": ", 1)[1]
    what = f"{own}, a million rows: at least {FASTER:.0f} times faster than {name}"
    ours, theirs = found.get(own), found.get(peer)
    if ours is None or theirs is None or ours.own is None or theirs.own is None:
        return Target(what=what, measured="not measured", met=None)
    ratio = theirs.own.median / ours.own.median
    said = f"{seconds(ours.own.median)} against {seconds(theirs.own.median)}: {times(ratio)}"
    return Target(what=what, measured=said, met=ratio >= FASTER)


def _growth(rows: Sequence[Row]) -> Target:
    steep = [
        law
        for law in laws(rows)
        if law.of == "time" and law.workload in CORE and law.sizes[0] >= MILLION
        if _is_own(rows, law)
    ]
    worst = max(steep, key=lambda law: law.exponent, default=None)
    said = "not measured"
    if worst is not None:
        said = f"largest {exponent(worst)}, {worst.workload}: {worst.case}, of {len(steep)} fitted"
    return Target(
        what=f"Time exponent of every core workload from a million rows on at most {STEEPEST}",
        measured=said,
        met=worst.exponent <= STEEPEST if worst is not None else None,
    )


def _memory(rows: Sequence[Row]) -> Target:
    done = [row for name in CORE for row in _done(rows, name)]
    shares = [(row.own.peak_bytes / row.memory / 1e9, row) for row in done if row.own is not None]
    most, row = max(shares, key=lambda pair: pair[0], default=(None, None))
    said = "not measured"
    if row is not None:
        said = f"at most {most:.0%} of the limit, {row.case}, {row.rows:,} rows"
    return Target(
        what="Memory of every core workload within the limit set",
        measured=said,
        met=None if most is None else most <= 1,
    )


def _done(rows: Sequence[Row], workload: str) -> list[Row]:
    return [row for row in rows if row.workload == workload and row.own and kind(row) == "own"]


def _is_own(rows: Sequence[Row], law: Law) -> bool:
    return any(row.case == law.case for row in _done(rows, law.workload))


def targets_table(found: Sequence[Target]) -> Table:
    """Targets with a verdict each."""
    verdict = {True: ("reached", "meets"), False: ("missed", "short"), None: ("open", "unclear")}
    return Table(
        caption="What must be reached",
        headings=("Target", "Measured", "Verdict"),
        rows=tuple(
            (
                Cell(text=each.what),
                Cell(text=each.measured),
                Cell(text=verdict[each.met][0], tag=verdict[each.met][1]),
            )
            for each in found
        ),
    )
