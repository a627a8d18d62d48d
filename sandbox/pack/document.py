"""The pack's content, once: sections of paragraphs, tables, figures and blanks for people.

Five writers render it (HTML, DOCX, ODT, JSON, CSV). Every piece of text has an anchor, so that a
figure can be traced to where it came from and found again in every face.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from sandbox.report.tables import Cell, Table

Tone: TypeAlias = Literal["plain", "lead", "finding", "quiet", "warning", "missing"]

Origin: TypeAlias = str
"""Where a text's figures come from: `plan`, `runs`, `stores`, `code`, `person`, `benchmarks`, or
the topic of an inquiry, such as `inquiry/profile`."""


@dataclass(frozen=True, kw_only=True)
class Say:
    """A paragraph."""

    text: str
    """What it says."""
    tone: Tone = "plain"
    """How it is set."""
    origin: Origin = "code"
    """Where its figures come from."""
    anchor: str = ""
    """Its place, filled in by `placed`."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """A list of short items."""

    items: tuple[str, ...]
    """What they say."""
    origin: Origin = "code"
    """Where their figures come from."""
    anchor: str = ""
    """Its place; item n is `anchor.n`."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table; its first column heads the rows."""

    slug: str
    """Short name: of its CSV file, and in anchors."""
    table: Table
    """Caption, headings, rows, note."""
    origin: Origin = "runs"
    """Where its figures come from."""
    controlled: bool = False
    """Whether its figures were taken on people's data beside a release, and stay inside."""
    anchor: str = ""
    """Its place; the cell in row r and column c is `anchor.r.c`."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A chart with its one-line finding; the table behind it follows it."""

    name: str
    """File name without its ending."""
    finding: str
    """What it shows, made from its numbers."""
    alternative: str
    """What a reader who cannot see it needs."""
    svg: str
    """As an SVG element with a title."""
    png: bytes
    """As a picture."""
    origin: Origin = "runs"
    """Where its figures come from."""
    anchor: str = ""
    """Its place."""


@dataclass(frozen=True, kw_only=True)
class Blank:
    """What a named person must write; the tool never fills it in and ticks nothing."""

    key: str
    """Stable name, by which an answer is found again in a later pack."""
    question: str
    """What is to be answered."""
    by: str = "the information asset owner"
    """Who answers."""
    answer: str = ""
    """What somebody wrote into an earlier copy of this pack."""
    number: int = 0
    """Its place in the list at the front, filled in by `placed`."""
    section: str = ""
    """Number of its section, filled in by `placed`."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading within a section."""

    text: str
    """What it says."""


Block: TypeAlias = Say | Points | Grid | Picture | Blank | Heading


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the form, or one of the pack's own."""

    number: str
    """As on the form, such as `2.10`; a letter for the pack's own."""
    title: str
    """Heading in our words."""
    blocks: tuple[Block, ...]
    """Content."""

    @property
    def slug(self) -> str:
        """An id: `s2-10`."""
        return "s" + re.sub(r"[^a-z0-9]+", "-", self.number.lower())


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole pack."""

    title: str
    """What is assessed."""
    marking: str
    """Protective marking, on every page and file."""
    notices: tuple[tuple[str, str], ...]
    """Banners: a word in capitals and what it means."""
    front: Section
    """First page."""
    sections: tuple[Section, ...]
    """The rest, in order."""
    public: bool = False
    """Whether controlled figures were left out."""

    @property
    def every(self) -> tuple[Section, ...]:
        """The first page and the rest."""
        return (self.front, *self.sections)

    def of(self, kind: type) -> list[Block]:
        """Every block of a kind, in order."""
        return [b for section in self.every for b in section.blocks if isinstance(b, kind)]

    @property
    def blanks(self) -> list[Blank]:
        """Every blank, in order."""
        return [block for block in self.of(Blank) if isinstance(block, Blank)]

    @property
    def grids(self) -> list[Grid]:
        """Every table, in order."""
        return [block for block in self.of(Grid) if isinstance(block, Grid)]

    @property
    def pictures(self) -> list[Picture]:
        """Every figure, in order."""
        return [block for block in self.of(Picture) if isinstance(block, Picture)]


def placed(document: Document) -> Document:
    """The document with anchors and the numbers of its blanks filled in.

    Raises:
        ValueError: if two blanks or two tables have one name.
    """
    count = 0
    sections = []
    for section in document.every:
        blocks: list[Block] = []
        for place, block in enumerate(section.blocks):
            if isinstance(block, Blank):
                count += 1
                blocks.append(replace(block, number=count, section=section.number))
            elif isinstance(block, Grid):
                blocks.append(replace(block, anchor=f"{section.slug}.{block.slug}"))
            elif isinstance(block, Heading):
                blocks.append(block)
            else:
                blocks.append(replace(block, anchor=f"{section.slug}.{place}"))
        sections.append(replace(section, blocks=tuple(blocks)))
    done = replace(document, front=sections[0], sections=tuple(sections[1:]))
    for names in ([b.key for b in done.blanks], [g.slug for g in done.grids]):
        if len(set(names)) != len(names):
            raise ValueError("blanks and tables must each have a name of their own")
    return done


def grid(  # noqa: PLR0913 - the parts of a table
    slug: str,
    caption: str,
    headings: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    origin: Origin,
    note: str = "",
    controlled: bool = False,
) -> Grid:
    """A table of plain text."""
    cells = tuple(tuple(Cell(text=text) for text in row) for row in rows)
    table = Table(caption=caption, headings=headings, rows=cells, note=note)
    return Grid(slug=slug, table=table, origin=origin, controlled=controlled)


def missing(what: str, command: str) -> Say:
    """What was not measured, and the command that would measure it."""
    return Say(text=f"Not measured: {what}. To measure it: {command}", tone="missing")
