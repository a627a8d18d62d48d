"""What the faces on paper share, DOCX and ODT: turned pages, column widths, bookmarks."""

import re

from sandbox.pack.document import Grid, Section
from sandbox.pack.pieces import cell_text
from sandbox.report.tables import Table

EMPTY = "Not filled in: write here"
"""What stands in a blank that nobody has filled in."""
WIDE = 6
"""Tables with more columns than this turn their section's pages."""


def bookmark(anchor: str) -> str:
    """An anchor as the name of a bookmark: letters, digits and underscores, at most forty."""
    return "n_" + re.sub(r"[^a-z0-9]", "_", anchor.lower())


def turned_pages(section: Section) -> bool:
    """Whether a section holds a table that is too wide for upright pages."""
    grids = (block for block in section.blocks if isinstance(block, Grid))
    return any(len(grid.table.headings) > WIDE for grid in grids)


def widths(table: Table) -> list[float]:
    """Share of the page's width for each column, by how much stands in it."""
    columns = range(len(table.headings))
    texts = [[table.headings[c], *_column(table, c)] for c in columns]
    needs = [min(max(NARROWEST, _mean(column), *map(_longest, column)), WIDEST) for column in texts]
    return [need / sum(needs) for need in needs]


NARROWEST = 11.0
"""Letters below which a column is given no less room."""

WIDEST = 45.0
"""Letters beyond which a column is given no more room."""


def _column(table: Table, place: int) -> list[str]:
    return [cell_text(row[place]) for row in table.rows if place < len(row)]


def _longest(text: str) -> float:
    return max((len(word) for word in text.split()), default=1) + 2.0


def _mean(texts: list[str]) -> float:
    return sum(len(text) for text in texts) / len(texts)
