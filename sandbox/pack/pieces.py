"""Every piece of a pack's generated text: its anchor, its origin and where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.pack.document import Block, Document, Grid, Origin, Picture, Points, Say, Section
from sandbox.report.tables import Cell


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of generated text and where it stands."""

    anchor: str
    """Its name in every face."""
    text: str
    """What it says."""
    origin: Origin
    """Where its figures come from."""
    section: str
    """Number of its section."""
    table: str = ""
    """Slug of its table."""
    row: str = ""
    """Heading of its row."""
    column: str = ""
    """Heading of its column."""

    @property
    def numeric(self) -> bool:
        """Whether it holds a number."""
        return any(character.isdigit() for character in self.text)


def pieces(document: Document) -> Iterator[Piece]:
    """Every piece of generated text, in order; what people wrote is not among them."""
    for section in document.every:
        for block in section.blocks:
            yield from _pieces(section, block)


def _pieces(section: Section, block: Block) -> Iterator[Piece]:
    number = section.number
    if isinstance(block, Say):
        yield Piece(anchor=block.anchor, text=block.text, origin=block.origin, section=number)
    elif isinstance(block, Picture):
        yield Piece(anchor=block.anchor, text=block.finding, origin=block.origin, section=number)
    elif isinstance(block, Points):
        for place, item in enumerate(block.items):
            anchor = f"{block.anchor}.{place}"
            yield Piece(anchor=anchor, text=item, origin=block.origin, section=number)
    elif isinstance(block, Grid):
        yield from _cells(section, block)


def _cells(section: Section, grid: Grid) -> Iterator[Piece]:
    for r, row in enumerate(grid.table.rows):
        for c, cell in enumerate(row):
            yield Piece(
                anchor=f"{grid.anchor}.{r}.{c}",
                text=cell_text(cell),
                origin=grid.origin,
                section=section.number,
                table=grid.slug,
                row=row[0].text,
                column=grid.table.headings[c],
            )
    if grid.table.note:
        yield Piece(
            anchor=f"{grid.anchor}.note",
            text=grid.table.note,
            origin=grid.origin,
            section=section.number,
            table=grid.slug,
        )


def cell_text(cell: Cell) -> str:
    """A cell on one line, its small print in brackets."""
    return f"{cell.text} ({'; '.join(cell.small)})" if cell.small else cell.text


def bare(text: str) -> str:
    """Text without the layout that faces differ in: white space, brackets, semicolons."""
    return re.sub(r"[\s();\u00a0]+", " ", text).strip()
