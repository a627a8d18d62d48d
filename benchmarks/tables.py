"""Results in words and tables, for the page and the summary."""

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.scaling import Law, parameters_of
from sandbox.report import formats
from sandbox.report.tables import Cell, Table

TAGS = {"done": "", "skipped": "unclear", "not run": "unclear"}
METHOD = (
    "Each setting runs in a process of its own, with its threads and DuckDB's memory limited: a "
    "warm-up, then five runs or more in turn with its baseline; fewer where they take long, as is "
    "said beside each. Times are medians, with fastest and slowest; ratios are medians of ratios "
    "run by run. Nothing that failed is left out."
)


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


def kind(row: Row) -> str:
    """`own` or `peer`."""
    return "peer" if row.environment or "pandas" in row.case else "own"
