"""Accuracy beside speed: what peers release at the same ε, δ and bounds on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Row
from benchmarks.scaling import parameters_of
from benchmarks.tables import kind, seconds
from sandbox.report.tables import Cell, Table

ERRORS = {
    "count error": "error of a count",
    "sum error": "error of a sum",
    "pairs apart": "distance of pairs",
}
"""Figure of a row → what it is an error of."""
NOTE = (
    "Root mean square error over all groups, one release each, ε shared by counts and sums; and "
    "mean total variation distance over all pairs of columns, 0 where they are equal. What bounds "
    "fewer rows of a person, or in other ways, says so and is not at equal terms."
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One row beside peers or own rows of the same parameters."""

    row: Row
    """The row; it is done."""
    terms: str
    """ε, δ and bounds."""
    errors: tuple[str, ...]
    """In the order of `ERRORS`; empty where a row has no such figure."""


def compared(rows: Sequence[Row]) -> list[Compared]:
    """Rows with an error where a peer has one on the same rows too, smallest first."""
    with_error = [row for row in rows if row.own and any(name in row.figures for name in ERRORS)]
    peers = {_same(row) for row in with_error if kind(row) == "peer"}
    chosen = [row for row in with_error if _same(row) in peers]
    chosen.sort(key=lambda row: (row.workload, row.rows, _error(row)))
    return [
        Compared(row=row, terms=_terms(row), errors=tuple(_figure(row, name) for name in ERRORS))
        for row in chosen
    ]


def _same(row: Row) -> tuple[str, int, str]:
    return row.workload, row.rows, parameters_of(row)


def _error(row: Row) -> float:
    return min(float(row.figures[name]) for name in ERRORS if name in row.figures)


def _terms(row: Row) -> str:
    given = row.parameters | row.figures
    named = [
        f"{shown} {given[name]:g}"
        for name, shown in (("epsilon", "ε"), ("delta", "δ"))
        if given.get(name)
    ]
    return ", ".join([*named, str(given.get("bounds", given.get("unit", "")))]).strip(", ")


def _figure(row: Row, name: str) -> str:
    value = row.figures.get(name)
    return "" if value is None else f"{value:,.4g}" if value < 1 else f"{value:,.1f}"


def compared_table(found: Sequence[Compared]) -> Table:
    """Time and errors side by side."""
    return Table(
        caption="Error beside time, peers at the same budget",
        headings=("Case", "Rows", "ε, δ and bounds", "Time", *map(str.capitalize, ERRORS.values())),
        rows=tuple(
            (
                Cell(text=each.row.case, small=(each.row.workload, kind(each.row))),
                Cell(text=f"{each.row.rows:,}"),
                Cell(text="", small=(each.terms,)),
                Cell(text=seconds(each.row.own.median if each.row.own else 0.0)),
                *(Cell(text=error) for error in each.errors),
            )
            for each in found
        ),
        note=NOTE,
    )
