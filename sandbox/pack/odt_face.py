"""The ODT face, to annotate: a zip of XML (OASIS OpenDocument 1.3), each blank a section.

Written by hand: the format is small, and no library is needed for what is used of it.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

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
from sandbox.pack.odt_styles import AUTOMATIC, NAMES, SPACES, styles
from sandbox.pack.paper import EMPTY, WIDE, bookmark, turned_pages, widths
from sandbox.report.tables import Cell

TYPE = "application/vnd.oasis.opendocument.text"

TEXT = f"{{{NAMES['text']}}}"

TABLE = f"{{{NAMES['table']}}}"

STAMP = (2020, 1, 1, 0, 0, 0)
"""Time of every file in the zip, so that equal content gives equal bytes."""


def write(document: Document) -> bytes:
    """The file."""
    pictures = {f"Pictures/{p.name}.png": p.png for p in document.pictures if p.png}
    parts = {
        "content.xml": "".join(_content(document)).encode(),
        "styles.xml": styles(document.marking).encode(),
        "meta.xml": _meta(document).encode(),
        **pictures,
        "META-INF/manifest.xml": _manifest(list(pictures)).encode(),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype", STAMP), TYPE, zipfile.ZIP_STORED)
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, STAMP), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _content(document: Document) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {SPACES} '
    yield f'office:version="1.3">{AUTOMATIC}<office:body><office:text>'
    yield f'<text:h text:style-name="H1" text:outline-level="1">{escape(document.title)}</text:h>'
    for word, meaning in document.notices:
        yield _paragraph(f"{word}: {meaning}", "Finding")
    turned = False
    for section in document.every:
        wide = turned_pages(section)
        if section is not document.front:
            style = "H2" if wide == turned else "H2Turned" if wide else "H2Back"
            turned = wide
            title = escape(f"{section.number}  {section.title}")
            yield f'<text:h text:style-name="{style}" text:outline-level="2">{title}</text:h>'
        for block in section.blocks:
            yield from _block(block)
    yield "</office:text></office:body></office:document-content>"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Say):
        yield _paragraph(block.text, block.tone.capitalize(), block.anchor)
    elif isinstance(block, Points):
        yield '<text:list text:style-name="Bullets">'
        for place, item in enumerate(block.items):
            line = _paragraph(item, "Plain", f"{block.anchor}.{place}")
            yield f"<text:list-item>{line}</text:list-item>"
        yield "</text:list>"
    elif isinstance(block, Heading):
        yield f'<text:h text:style-name="H3" text:outline-level="3">{escape(block.text)}</text:h>'
    elif isinstance(block, Picture):
        yield from _picture(block)
    elif isinstance(block, Blank):
        yield _paragraph(f"Blank {block.number}  {block.question}", "Asked")
        yield _paragraph(f"To be filled in by {block.by}.", "By")
        name = quoteattr(f"blank-{block.key}")
        yield f'<text:section text:style-name="Frame" text:name={name}>'
        for line in (block.answer or EMPTY).split("\n"):
            yield _paragraph(line, "Plain" if block.answer else "Quiet")
        yield "</text:section>"
    else:
        yield from _table(block)


def _paragraph(text: str, style: str, anchor: str = "") -> str:
    mark = f'<text:bookmark text:name="{bookmark(anchor)}"/>' if anchor else ""
    return f'<text:p text:style-name="{style}">{mark}{escape(text)}</text:p>'


def _picture(block: Picture) -> Iterator[str]:
    yield _paragraph(block.finding, "Finding", block.anchor)
    if not block.png:
        return
    wide, high = _size(block.png)
    width, height = 16.5, 16.5 * high / wide
    yield (
        f'<text:p text:style-name="Plain"><draw:frame draw:name={quoteattr(block.name)} '
        f'text:anchor-type="as-char" svg:width="{width}cm" svg:height="{height:.2f}cm">'
        f'<draw:image xlink:href="Pictures/{block.name}.png" xlink:type="simple"/>'
        f"<svg:desc>{escape(block.alternative)}</svg:desc></draw:frame></text:p>"
    )


def _size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header of the picture."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _table(block: Grid) -> Iterator[str]:
    table = block.table
    small = len(table.headings) > WIDE
    mark = "  (controlled access)" if block.controlled else ""
    yield _paragraph(f"{table.caption}{mark}", "Asked")
    yield f'<table:table table:name={quoteattr(block.slug)} table:style-name="Grid">'
    for share in widths(table):
        yield f'<table:table-column table:style-name="C{_percent(share)}"/>'
    yield "<table:table-header-rows><table:table-row>"
    for heading in table.headings:
        yield _cell(Cell(text=heading), small=small, style="Head", bold=True)
    yield "</table:table-row></table:table-header-rows>"
    for r, row in enumerate(table.rows):
        yield '<table:table-row table:style-name="Row">'
        for c, cell in enumerate(row):
            anchor = f"{block.anchor}.{r}.{c}"
            yield _cell(cell, small=small, anchor=anchor, bold=c == 0)
            yield "<table:covered-table-cell/>" * (cell.span - 1)
        yield "</table:table-row>"
    yield "</table:table>"
    anchor = f"{block.anchor}.note" if table.note else ""
    yield _paragraph(table.note, "Note", anchor)


def _percent(share: float) -> int:
    return max(round(100 * share), 1)


def _cell(
    cell: Cell, *, small: bool, anchor: str = "", bold: bool = False, style: str = "Cell"
) -> str:
    size = "Tiny" if small else "Text"
    lines = _paragraph(cell.text, f"{size}{'Bold' if bold else ''}", anchor)
    lines += "".join(_paragraph(each, "Tiny") for each in cell.small)
    span = f' table:number-columns-spanned="{cell.span}"' if cell.span > 1 else ""
    return (
        f'<table:table-cell table:style-name="{style}" office:value-type="string"{span}>'
        f"{lines}</table:table-cell>"
    )


def _meta(document: Document) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-meta {SPACES} '
        f'office:version="1.3"><office:meta><dc:title>{escape(document.title)}</dc:title>'
        f"<dc:subject>{escape(document.marking)}</dc:subject><dc:language>en-GB</dc:language>"
        "</office:meta></office:document-meta>"
    )


def _manifest(pictures: list[str]) -> str:
    entries = [("/", TYPE), *((n, "text/xml") for n in ("content.xml", "styles.xml", "meta.xml"))]
    entries += [(name, "image/png") for name in pictures]
    lines = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="{kind}"/>'
        for path, kind in entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
        f'xmlns:manifest="{NAMES["manifest"]}" manifest:version="1.3">{lines}</manifest:manifest>'
    )


def read(content: bytes) -> dict[str, str]:
    """Name of bookmark → text of its cell or paragraph."""
    found = {}
    for mark in _root(content).iter(f"{TEXT}bookmark", f"{TEXT}bookmark-start"):
        cell = next(mark.iterancestors(f"{TABLE}table-cell"), mark.getparent())
        if cell is not None:
            found[mark.get(f"{TEXT}name")] = " ".join(_line(line) for line in _lines(cell))
    return found


def read_answers(content: bytes) -> dict[str, str]:
    """Blank → what somebody wrote into its section; empty ones are left out."""
    found = {}
    for section in _root(content).iter(f"{TEXT}section"):
        name = section.get(f"{TEXT}name") or ""
        text = "\n".join(_line(line) for line in _lines(section)).strip()
        if name.startswith("blank-") and text and text != EMPTY:
            found[name.removeprefix("blank-")] = text
    return found


def _root(content: bytes) -> Any:  # noqa: ANN401 - lxml's own
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        safe = etree.XMLParser(resolve_entities=False, no_network=True)
        return etree.fromstring(archive.read("content.xml"), safe)


def _lines(element: Any) -> list[Any]:  # noqa: ANN401 - as above
    if element.tag in (f"{TEXT}p", f"{TEXT}h"):
        return [element]
    return list(element.iter(f"{TEXT}p", f"{TEXT}h"))


def _line(paragraph: Any) -> str:  # noqa: ANN401 - as above
    return "".join(paragraph.itertext())
