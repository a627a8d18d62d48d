"""The CSV face: one file per table, and so one behind every figure; each row bears the marking."""

import csv
import io

from sandbox.pack.document import Document, Grid
from sandbox.pack.pieces import cell_text

MARKING = "marking"
"""Heading of the last column."""


def write(document: Document) -> dict[str, bytes]:
    """Path → file."""
    return {f"tables/{grid.slug}.csv": _file(grid, document.marking) for grid in document.grids}


def _file(grid: Grid, marking: str) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*grid.table.headings, MARKING])
    for row in grid.table.rows:
        cells = [_guarded(cell_text(cell)) for cell in row]
        padding = [""] * (len(grid.table.headings) - len(cells))
        writer.writerow([*cells, *padding, marking])
    return buffer.getvalue().encode("utf-8-sig")


def _guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t", "-") else text


def read(grid: Grid, content: bytes) -> dict[str, str]:
    """Anchor → text of one table."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline="")))
    return {
        f"{grid.anchor}.{r}.{c}": text.removeprefix("'")
        for r, row in enumerate(rows[1:])
        for c, text in enumerate(row[: len(grid.table.headings)])
    }
