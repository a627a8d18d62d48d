"""Results in words and tables, for the page and the summary."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Row
from benchmarks.scaling import Law, laws, parameters_of
from benchmarks.workloads.equivalence_classes import ANJANA, GENERALISED, MEASURED, PYCANON
from sandbox.report import formats
from sandbox.report.tables import Cell, Table

TAGS = {"done": "", "skipped": "unclear", "not run": "unclear"}
CORE = ("private-group-by", "k-anonymity", "marginals")
"""Workloads whose time must grow no faster than `STEEPEST`."""
STEEPEST = 1.1
FASTER = 50.0
"""How many times faster than a peer k-anonymity must be at a million rows."""
MILLION = 1_000_000
METHOD = (
    "Each setting runs in a process of its own, with its threads and DuckDB's memory limited: a "
    "warm-up, then five runs or more in turn with its baseline. Times are medians, with fastest "
    "and slowest; ratios are medians of ratios run by run. Nothing that failed is left out."
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that must be reached, and what was measured."""

    what: str
    """The target."""
    measured: str
    """The figures."""
    met: bool | None
    """Whether it is reached; None if nothing was measured."""


def runs_table(rows: Sequence[Row], title: str) -> Table:
    """Every setting of a workload, those without a time too."""
    return Table(
        caption=title,
        headings=("Case", "Rows", "Time", "Over baseline", "Peak memory", "Spilled", "Also"),
        rows=tuple(_cells(row) for row in rows),
        note="Peak memory is of the process during the runs; in brackets, with child processes.",
    )


def _cells(row: Row) -> tuple[Cell, ...]:
    small = (parameters_of(row),)
    name, size = Cell(text=row.case, small=small), Cell(text=f"{row.rows:,}")
    if row.own is None:
        tag = TAGS.get(row.status, "short")
        rest = [Cell(text="") for _ in range(4)]
        return name, size, Cell(text=row.status, small=(row.reason,), tag=tag), *rest
    low, high = row.own.spread
    count = len(row.own.seconds)
    spread = f"{seconds(low)} to {seconds(high)}, {formats.counted(count, 'run')}"
    spread += "" if row.warm else ", no warm-up"
    cpu = f"processor {seconds(row.own.cpu_seconds)}"
    return (
        name,
        size,
        Cell(text=seconds(row.own.median), small=(spread, cpu)),
        Cell(text=times(row.ratio), small=(_base(row),) if row.baseline else ()),
        Cell(
            text=formats.size(row.own.peak_bytes),
            small=(f"({formats.size(row.peak_tree_bytes)})",),
        ),
        Cell(text=formats.size(row.spill_bytes) if row.spill_bytes else "none"),
        Cell(text="", small=tuple(f"{key}: {_figure(row.figures[key])}" for key in row.figures)),
    )


def _base(row: Row) -> str:
    taken = seconds(row.baseline.median) if row.baseline else ""
    return f"{row.baseline_name}: {taken}"


def _figure(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def seconds(value: float) -> str:
    """Seconds with three significant digits; milliseconds below a second."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"


def times(ratio: float | None) -> str:
    """A ratio as a reader says it."""
    return "" if ratio is None else f"{ratio:.2f}×" if ratio < 10 else f"{ratio:,.0f}×"  # noqa: PLR2004 - digits that runs bear out


def laws_table(found: Sequence[Law]) -> Table:
    """Exponents with intervals."""
    cells = []
    for law in found:
        if law.of != "time":
            continue
        memory = next(
            each
            for each in found
            if each.of == "memory"
            and (each.workload, each.case, each.parameters)
            == (law.workload, law.case, law.parameters)
        )
        sizes = ", ".join(f"{size:,}" for size in law.sizes)
        cells.append(
            (
                Cell(text=f"{law.workload}: {law.case}", small=(law.parameters,)),
                Cell(text=sizes),
                Cell(text=exponent(law)),
                Cell(text=f"{memory.exponent:.2f}"),
            )
        )
    return Table(
        caption="Fitted exponents of rows",
        headings=("Case", "Rows", "Time grows as rows to the power of", "Memory"),
        rows=tuple(cells),
        note="95% intervals by resampling runs; they cover how runs differ, not how a curve bends.",
    )


def exponent(law: Law) -> str:
    """An exponent and its interval."""
    return f"{law.exponent:.2f} ({law.low:.2f} to {law.high:.2f})"


def targets(rows: Sequence[Row]) -> list[Target]:
    """What must be reached, against what was measured."""
    found = [_speed(rows, MEASURED, PYCANON), _speed(rows, GENERALISED, ANJANA)]
    steep = [
        law
        for law in laws(rows)
        if law.of == "time" and law.workload in CORE and len(law.sizes) > 1
        if law.sizes[0] >= MILLION and _is_own(rows, law)
    ]
    worst = max(steep, key=lambda law: law.exponent, default=None)
    what = f"Time exponent of every core workload from a million rows on at most {STEEPEST}"
    measured = (
        f"largest {exponent(worst)}, {worst.workload}: {worst.case}, of {len(steep)} fitted"
        if worst
        else "not measured"
    )
    met = worst.exponent <= STEEPEST if worst else None
    found.append(Target(what=what, measured=measured, met=met))
    done = [row for row in rows if row.own and not row.environment and row.workload in CORE]
    over = [row for row in done if row.own and row.own.peak_bytes > row.memory * 1e9]
    most = max((row.own.peak_bytes / row.memory / 1e9 for row in done if row.own), default=None)
    found.append(
        Target(
            what="Memory of every core workload within the limit set",
            measured="not measured" if most is None else f"at most {most:.0%} of the limit",
            met=not over if done else None,
        )
    )
    return found


def _is_own(rows: Sequence[Row], law: Law) -> bool:
    return any(
        row.case == law.case and row.workload == law.workload and kind(row) == "own" for row in rows
    )


def kind(row: Row) -> str:
    """`own` or `peer`."""
    return "peer" if row.environment or "pandas" in row.case else "own"


def _speed(rows: Sequence[Row], own: str, peer: str) -> Target:
    found = {row.case: row for row in rows if row.rows == MILLION and row.own is not None}
    name = peer.rsplit(": ", 1)[1]
    what = f"{own}, a million rows: at least {FASTER:.0f} times faster than {name}"
    ours, theirs = found.get(own), found.get(peer)
    if ours is None or theirs is None or ours.own is None or theirs.own is None:
        return Target(what=what, measured="not measured", met=None)
    ratio = theirs.own.median / ours.own.median
    said = f"{seconds(ours.own.median)} against {seconds(theirs.own.median)}: {times(ratio)}"
    return Target(what=what, measured=said, met=ratio >= FASTER)


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
