"""docs/benchmarks.md, generated from results so that no figure in it is older than they are."""

from collections.abc import Sequence

from benchmarks.comparisons import ERRORS, NOTE, compared
from benchmarks.page import facts
from benchmarks.results import Results, Row
from benchmarks.scaling import laws
from benchmarks.tables import METHOD, exponent, kind, seconds, times
from benchmarks.targets import targets

HEAD = """# Benchmarks

Generated from `benchmarks/results` by `sandbox bench page --docs docs/benchmarks.md`; the page
with plots and every setting is `benchmarks/results/index.html`. All rows are invented.

```
sandbox bench                          # quick: a few minutes
sandbox bench --tier full --minutes 20 # resumes where it stopped when run again
sandbox bench compare BEFORE AFTER     # flags regressions between two folders of results
sandbox bench page                     # the page of plots and tables
sandbox bench peers                    # environments of the peers, each with pinned versions
```

`python -m benchmarks` does the same from a checkout whose commands were not installed again.
"""


def summary(results: Results) -> str:
    """The whole document."""
    rows = results.rows()
    parts = [HEAD, f"{METHOD}\n", "## Targets\n", _targets(rows), "## Growth with rows\n"]
    parts += [_laws(rows), "## Accuracy beside speed\n", f"{NOTE}\n", _compared(rows)]
    parts += ["## Against peers and baselines\n", _rows(rows)]
    parts += ["## What did not run\n", _missing(rows), "## Machine\n"]
    parts.append("".join(f"- {name}: {value}\n" for name, value in facts(results)))
    return "\n".join(parts)


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _targets(rows: Sequence[Row]) -> str:
    words = {True: "reached", False: "missed", None: "open"}
    cells = [(each.what, each.measured, words[each.met]) for each in targets(rows)]
    return _table(("Target", "Measured", "Verdict"), cells)


def _laws(rows: Sequence[Row]) -> str:
    cells = [
        (
            f"{law.workload}: {law.case}",
            law.parameters,
            f"{law.sizes[0]:,} to {law.sizes[-1]:,}",
            exponent(law),
        )
        for law in laws(rows)
        if law.of == "time"
    ]
    return _table(("Case", "With", "Rows", "Exponent of time (95%)"), cells)


def _compared(rows: Sequence[Row]) -> str:
    cells = [
        (
            f"{each.row.workload}: {each.row.case}" + _peer(each.row),
            f"{each.row.rows:,}",
            each.terms,
            seconds(each.row.own.median if each.row.own else 0.0),
            *each.errors,
        )
        for each in compared(rows)
    ]
    if not cells:
        return "Not measured.\n"
    headings = ("Case", "Rows", "ε, δ and bounds", "Time", *map(str.capitalize, ERRORS.values()))
    return _table(headings, cells)


def _peer(row: Row) -> str:
    return "" if kind(row) == "own" else " (peer)"


def _rows(rows: Sequence[Row]) -> str:
    """Largest size of every case; all sizes are on the page."""
    largest: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row.own is not None:
            known = largest.get((row.workload, row.case))
            if known is None or row.rows > known.rows:
                largest[row.workload, row.case] = row
    cells = []
    for row in largest.values():
        if row.own is not None:
            over = f"{times(row.ratio)} {row.baseline_name}" if row.ratio is not None else ""
            error = row.figures.get("count error")
            cells.append(
                (
                    row.workload,
                    row.case + _peer(row),
                    f"{row.rows:,}",
                    seconds(row.own.median),
                    f"{len(row.own.seconds)}" + ("" if row.warm else ", no warm-up"),
                    over,
                    f"{row.own.peak_bytes / 1e6:,.0f} MB",
                    "" if error is None else f"{error:,.1f}",
                )
            )
    return _table(
        ("Workload", "Case", "Rows", "Time", "Runs", "Over", "Peak memory", "Error of a count"),
        cells,
    )


def _missing(rows: Sequence[Row]) -> str:
    cells = [
        (row.workload, row.case, f"{row.rows:,}", row.status, row.reason.replace("|", "/"))
        for row in rows
        if row.own is None
    ]
    if not cells:
        return "Everything ran.\n"
    return _table(("Workload", "Case", "Rows", "What became of it", "Why"), cells)
