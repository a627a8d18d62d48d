"""The DOCX face, to annotate: blanks are content controls (ECMA-376 part 1, 17.5.2).

Tables are written as XML, because python-docx looks up every cell anew. Each text has a bookmark,
by which it is found again when a pack is verified.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from lxml import etree

from sandbox.pack.document import (
    Blank,
    Block,
    Document,
    Grid,
    Heading,
    Picture,
    Points,
    Say,
)
from sandbox.pack.paper import EMPTY, WIDE, bookmark, turned_pages, widths
from sandbox.report.tables import Cell

TITLE = " · "
"""Between number and key in a control's title."""
SPACES = nsdecls("w")
SMALL = 14
"""Letters of wide tables, in half points."""
PAGE = {True: 9865, False: 14800}
"""Width between the margins in twentieths of a point: upright, turned."""
TONES = {"quiet": "505a5f", "missing": "505a5f", "warning": "942514"}


def write(document: Document) -> bytes:
    """The file."""
    made = docx.Document()
    _styles(made)
    writer = _Writer(made)
    _page(made.sections[0], document.marking, wide=False)
    made.core_properties.title = document.title
    made.core_properties.author = ""
    made.core_properties.comments = document.marking
    made.add_heading(document.title, level=1)
    for word, meaning in document.notices:
        line = made.add_paragraph()
        line.add_run(f"{word}  ").bold = True
        line.add_run(meaning)
    turned = False
    for section in document.every:
        wide = turned_pages(section)
        if section is not document.front:
            if wide != turned:
                _page(made.add_section(WD_SECTION.NEW_PAGE), document.marking, wide=wide)
                turned = wide
            made.add_heading(f"{section.number}  {section.title}", level=2)
        for block in section.blocks:
            writer.add(block)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def _styles(made: Any) -> None:  # noqa: ANN401 - python-docx's own
    normal = made.styles["Normal"]
    normal.font.name, normal.font.size = "Arial", Pt(10.5)
    for level, size in ((1, 20), (2, 15), (3, 12)):
        style = made.styles[f"Heading {level}"]
        style.font.name, style.font.size = "Arial", Pt(size)
        style.font.color.rgb = RGBColor(0x0B, 0x0C, 0x0C)
        fonts = style.element.rPr.rFonts
        for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{name}"), None)


def _page(section: Any, marking: str, *, wide: bool) -> None:  # noqa: ANN401 - as above
    """A4 with the marking above and below."""
    size = (Cm(29.7), Cm(21.0)) if wide else (Cm(21.0), Cm(29.7))
    section.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = size
    section.left_margin = section.right_margin = Cm(1.8)
    section.top_margin = section.bottom_margin = Cm(1.9)
    for part in (section.header, section.footer):
        part.is_linked_to_previous = False
        line = part.paragraphs[0]
        line.text = ""
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        line.add_run(marking).bold = True


class _Writer:
    """Adds blocks to a document."""

    def __init__(self, made: Any) -> None:  # noqa: ANN401 - as above
        self.made = made
        self.marks = 0
        self.adds: dict[type, Callable[[Any], None]] = {
            Say: self.say,
            Points: self.points,
            Grid: self.grid,
            Picture: self.picture,
            Blank: self.blank,
            Heading: lambda b: made.add_heading(b.text, level=3),
        }

    def add(self, block: Block) -> None:
        """Add one block."""
        self.adds[type(block)](block)

    def say(self, block: Say) -> None:
        line = self.made.add_paragraph()
        run = line.add_run(block.text)
        run.bold = block.tone == "finding"
        if block.tone in TONES:
            run.font.color.rgb = RGBColor.from_string(TONES[block.tone].upper())
        self.mark(line, block.anchor)

    def points(self, block: Points) -> None:
        for place, item in enumerate(block.items):
            line = self.made.add_paragraph(item, style="List Bullet")
            self.mark(line, f"{block.anchor}.{place}")

    def picture(self, block: Picture) -> None:
        line = self.made.add_paragraph()
        line.add_run(block.finding).bold = True
        line.paragraph_format.keep_with_next = True
        self.mark(line, block.anchor)
        if not block.png:
            return
        self.made.add_picture(io.BytesIO(block.png), width=Cm(17))
        properties = self.made.inline_shapes[-1]._inline.docPr  # noqa: SLF001 - no other way to it
        properties.set("descr", block.alternative)

    def blank(self, block: Blank) -> None:
        line = self.made.add_paragraph()
        line.add_run(f"Blank {block.number}  ").bold = True
        line.add_run(f"{block.question} ")
        line.paragraph_format.keep_with_next = True
        by = self.made.add_paragraph()
        by.add_run(f"To be filled in by {block.by}.").italic = True
        by.paragraph_format.keep_with_next = True
        self.body(_control(block))

    def grid(self, block: Grid) -> None:
        table = block.table
        caption = self.made.add_paragraph()
        caption.add_run(table.caption).bold = True
        if block.controlled:
            caption.add_run("  controlled access").italic = True
        caption.paragraph_format.keep_with_next = True
        self.body("".join(self.table(block)))
        note = self.made.add_paragraph()
        if table.note:
            note.add_run(table.note).font.size = Pt(8.5)
            self.mark(note, f"{block.anchor}.note")

    def table(self, block: Grid) -> Iterator[str]:
        size = SMALL if len(block.table.headings) > WIDE else SMALL + 3
        yield (
            f'<w:tbl {SPACES}><w:tblPr><w:tblStyle w:val="TableGrid"/>'
            '<w:tblW w:w="5000" w:type="pct"/><w:tblLayout w:type="fixed"/>'
            '<w:tblLook w:firstRow="1" w:firstColumn="1"/></w:tblPr><w:tblGrid>'
        )
        shares = widths(block.table)
        for share in shares:
            yield f'<w:gridCol w:w="{round(share * PAGE[size > SMALL])}"/>'
        yield "</w:tblGrid><w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>"
        for heading in block.table.headings:
            yield _cell(Cell(text=heading), size, bold=True, shade=True)
        yield "</w:tr>"
        for r, row in enumerate(block.table.rows):
            yield "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
            for c, cell in enumerate(row):
                self.marks += 1
                mark = _mark(self.marks, f"{block.anchor}.{r}.{c}")
                yield _cell(cell, size, bold=c == 0, mark=mark)
            yield "</w:tr>"
        yield "</w:tbl>"

    def mark(self, line: Any, anchor: str) -> None:  # noqa: ANN401 - as above
        self.marks += 1
        start, end = _mark(self.marks, anchor)
        element = line._p  # noqa: SLF001 - bookmarks have no other way in
        at = 1 if element.pPr is not None else 0
        element.insert(at, parse_xml(start.replace("/>", f" {SPACES}/>")))
        element.append(parse_xml(end.replace("/>", f" {SPACES}/>")))

    def body(self, xml: str) -> None:
        element = self.made.element.body
        element.insert(len(element) - 1, parse_xml(xml))


def _mark(number: int, anchor: str) -> tuple[str, str]:
    name = quoteattr(bookmark(anchor))
    return (
        f'<w:bookmarkStart w:id="{number}" w:name={name}/>',
        f'<w:bookmarkEnd w:id="{number}"/>',
    )


def _cell(
    cell: Cell, size: int, *, bold: bool, shade: bool = False, mark: tuple[str, str] = ("", "")
) -> str:
    fill = '<w:shd w:val="clear" w:fill="E7E9EA"/>' if shade else ""
    span = f'<w:gridSpan w:val="{cell.span}"/>' if cell.span > 1 else ""
    lines = [(cell.text, size, bold), *((small, size - 2, False) for small in cell.small)]
    paragraphs = []
    for place, (text, points, heavy) in enumerate(lines):
        first, last = (mark[0] if place == 0 else ""), (mark[1] if place == len(lines) - 1 else "")
        weight = "<w:b/>" if heavy else ""
        run = f'<w:rPr>{weight}<w:sz w:val="{points}"/></w:rPr>'
        paragraphs.append(
            f'<w:p><w:pPr><w:spacing w:before="20" w:after="20"/></w:pPr>{first}<w:r>{run}'
            f'<w:t xml:space="preserve">{escape(text)}</w:t></w:r>{last}</w:p>'
        )
    return f"<w:tc><w:tcPr>{span}{fill}</w:tcPr>{''.join(paragraphs)}</w:tc>"


def _control(block: Blank) -> str:
    """A rich-text content control that holds the answer."""
    waiting = "" if block.answer else "<w:showingPlcHdr/>"
    grey = "" if block.answer else '<w:rPr><w:color w:val="505A5F"/></w:rPr>'
    lines = (block.answer or EMPTY).split("\n")
    inside = "".join(
        f'<w:p><w:r>{grey}<w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>'
        for line in lines
    )
    title = quoteattr(f"Blank {block.number}{TITLE}{block.key}")
    return (
        f"<w:sdt {SPACES}><w:sdtPr><w:alias w:val={title}/><w:tag w:val={quoteattr(block.key)}/>"
        f"{waiting}</w:sdtPr><w:sdtContent>{inside}</w:sdtContent></w:sdt>"
    )


def read(content: bytes) -> dict[str, str]:
    """Name of bookmark → text of its cell or paragraph."""
    found = {}
    for start in _body(content).iter(qn("w:bookmarkStart")):
        name = start.get(qn("w:name")) or ""
        around = next(
            (each for each in start.iterancestors() if each.tag in (qn("w:tc"), qn("w:p"))), None
        )
        if around is None:
            around = start.getnext()
        cell = next((each for each in start.iterancestors(qn("w:tc"))), around)
        if cell is not None:
            found[name] = _text(cell)
    return found


def read_answers(content: bytes) -> dict[str, str]:
    """Blank → what somebody wrote into its content control; empty ones are left out."""
    found = {}
    for control in _body(content).iter(qn("w:sdt")):
        properties, inside = control.find(qn("w:sdtPr")), control.find(qn("w:sdtContent"))
        if properties is None or inside is None:
            continue
        key = _key(properties)
        lines = list(inside.iter(qn("w:p"))) or [inside]
        text = "\n".join(_line(line) for line in lines).strip()
        if key and text and text != EMPTY:
            found[key] = text
    return found


def _key(properties: Any) -> str:  # noqa: ANN401 - lxml's own
    """A control's tag; LibreOffice drops tags and keeps titles, so that the title bears it too."""
    tag, title = properties.find(qn("w:tag")), properties.find(qn("w:alias"))
    if tag is not None:
        return str(tag.get(qn("w:val")))
    return str(title.get(qn("w:val"))).partition(TITLE)[2] if title is not None else ""


def _body(content: bytes) -> Any:  # noqa: ANN401 - lxml's own
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        safe = etree.XMLParser(resolve_entities=False, no_network=True)
        return etree.fromstring(archive.read("word/document.xml"), safe)


def _line(paragraph: Any) -> str:  # noqa: ANN401 - as above
    parts = paragraph.iter(qn("w:t"), qn("w:br"))
    return "".join("\n" if part.tag == qn("w:br") else part.text or "" for part in parts)


def _text(element: Any) -> str:  # noqa: ANN401 - as above
    if element.tag == qn("w:p"):
        return _line(element)
    return " ".join(_line(paragraph) for paragraph in element.iter(qn("w:p")))
