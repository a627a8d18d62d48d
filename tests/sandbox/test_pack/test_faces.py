"""Five faces, one content: marked on every page, whole without script, valid by their schema."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import jsonschema
import pytest
from lxml import etree

from sandbox.pack import csv_face, docx_face, html, json_face, json_schema, odt_face
from sandbox.pack.build import build
from sandbox.pack.document import Document
from sandbox.pack.material import Material
from sandbox.pack.paper import bookmark
from sandbox.pack.pieces import Piece, bare, pieces

Build = Callable[..., Document]
MARK = "OFFICIAL · SYNTHETIC"
KINDS = ["binary-outcome", "grouped-statistics"]


@pytest.fixture
def made(material: Callable[..., Material]) -> tuple[Document, Material]:
    content = material()
    return build(content), content


@pytest.mark.parametrize("kind", KINDS)
def test_every_face_says_every_text(material: Callable[..., Material], kind: str) -> None:
    content = material(kind)
    document = build(content)
    for face in (docx_face, odt_face):
        said = face.read(face.write(document))
        wrong = [p for p in pieces(document) if not same(p, said, bookmark(p.anchor))]
        assert wrong == []
    for said in (
        html.read(html.write(document)),
        json_face.read(json_face.write(document, content)),
    ):
        assert [p for p in pieces(document) if not same(p, said, p.anchor)] == []


def same(piece: Piece, said: dict[str, str], key: str) -> bool:
    return bare(said[key]) == bare(piece.text)


def test_a_table_of_figures_stands_in_its_csv(made: tuple[Document, Material]) -> None:
    document, _ = made
    files = csv_face.write(document)
    assert len(files) == len(document.grids)
    rows = list(csv.reader(io.StringIO(files["tables/options.csv"].decode("utf-8-sig"))))
    assert rows[0][0] == "Option"
    assert {row[-1] for row in rows[1:]} == {MARK}


def test_no_spreadsheet_takes_a_difference_for_a_formula(made: tuple[Document, Material]) -> None:
    for content in csv_face.write(made[0]).values():
        for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))):
            assert not any(cell.startswith(("=", "+", "@")) for cell in row)


def test_the_json_keeps_to_its_schema(made: tuple[Document, Material]) -> None:
    data = json.loads(json_face.write(*made))
    jsonschema.Draft202012Validator.check_schema(json_schema.SCHEMA)
    jsonschema.validate(data, json_schema.SCHEMA)
    assert len(data["numbers"]) > 200


def test_the_schema_refuses_what_the_face_never_says(made: tuple[Document, Material]) -> None:
    data = json.loads(json_face.write(*made))
    for broken in (
        data | {"marking": ""},
        data | {"score": 7},
        data | {"provenance": data["provenance"] | {"plan": "short"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, json_schema.SCHEMA)


def test_every_number_in_json_says_where_it_came_from(made: tuple[Document, Material]) -> None:
    data = json.loads(json_face.write(*made))
    assert all(number["from"] for number in data["numbers"])
    runs = [n for n in data["numbers"] if n.get("option") == "dp-statistics"]
    assert runs
    assert {n["seed"] for n in runs} == {"operating system"}
    assert all(n["runs"] for n in runs)


def test_the_page_needs_no_script_and_nothing_from_elsewhere(
    made: tuple[Document, Material],
) -> None:
    page = html.write(made[0]).decode()
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert page.count("<h1") == 1
    assert page.count("<caption") == page.count("<table>")
    assert MARK in page


def test_a_reader_finds_the_answer_before_anything_else(made: tuple[Document, Material]) -> None:
    page = html.write(made[0]).decode()
    asked = page.index("Which options meet the floor with less intrusion")
    assert asked < page.index("<nav")
    assert asked < page.index("<table")
    assert page[:asked].count("<p") < 8


def test_word_sees_a_content_control_per_blank_and_the_marking_on_every_page(
    made: tuple[Document, Material],
) -> None:
    document, _ = made
    content = docx_face.write(document)
    opened = docx.Document(io.BytesIO(content))
    for section in opened.sections:
        assert section.header.paragraphs[0].text == MARK
        assert section.footer.paragraphs[0].text == MARK
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        tags = re.findall(r'<w:tag w:val="([^"]+)"', archive.read("word/document.xml").decode())
    assert tags == [blank.key for blank in document.blanks]


def test_the_odt_starts_with_its_type_and_marks_its_pages(made: tuple[Document, Material]) -> None:
    content = odt_face.write(made[0])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert archive.read("styles.xml").decode().count(MARK) == 4
        for name in ("content.xml", "styles.xml", "meta.xml", "META-INF/manifest.xml"):
            etree.fromstring(archive.read(name))
    assert content == odt_face.write(made[0])


def test_every_file_of_a_pack_bears_its_marking(pack: Callable[..., Path]) -> None:
    folder = pack()
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".json", ".csv") and path.name != "evidence.schema.json":
            text = path.read_text("utf-8")
            empty = path.suffix == ".csv" and text.count("\n") == 1
            assert empty or MARK in text, path.name
