"""What people wrote into a pack's blanks survives the next one."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from minimisation import UseCaseError
from sandbox.pack import docx_face, folder, html, json_face, odt_face
from sandbox.pack.build import build
from sandbox.pack.document import Document
from sandbox.pack.material import Material
from sandbox.pack.paper import EMPTY

Pack = Callable[..., Path]
TEXT = "Sergeant Example & colleagues\nsecond line"


@pytest.mark.parametrize(
    ("name", "part"), [("evidence.docx", "word/document.xml"), ("evidence.odt", "content.xml")]
)
def test_an_annotation_is_read_back_and_stands_in_every_face_of_the_next_pack(
    pack: Pack, material: Callable[..., Material], name: str, part: str
) -> None:
    written = pack()
    write_into(written / name, part, "Sergeant Example &amp; colleagues")
    found = folder.answers(written)
    assert list(found.values()) == ["Sergeant Example & colleagues"]
    (key,) = found
    made = material(answers=found)
    document = build(made)
    for face in (docx_face, odt_face):
        assert face.read_answers(face.write(document)) == found
    assert json_face.read_answers(json_face.write(document, made)) == found
    assert "Sergeant Example &amp; colleagues" in html.write(document).decode()
    assert key == document.blanks[0].key


def test_an_answer_of_several_lines_stays_so(material: Callable[..., Material]) -> None:
    document: Document = build(material(answers={"2.11-judgement": TEXT}))
    for face in (docx_face, odt_face):
        assert face.read_answers(face.write(document)) == {"2.11-judgement": TEXT}


def test_two_answers_to_one_blank_are_refused_by_its_name(pack: Pack) -> None:
    written = pack()
    write_into(written / "evidence.docx", "word/document.xml", "one")
    write_into(written / "evidence.odt", "content.xml", "another")
    with pytest.raises(UseCaseError, match="1-asset-owner"):
        folder.answers(written)


def test_an_untouched_pack_holds_no_answers(pack: Pack) -> None:
    assert folder.answers(pack()) == {}


def test_a_folder_without_a_pack_holds_no_answers(tmp_path: Path) -> None:
    assert folder.answers(tmp_path / "nothing") == {}


@pytest.mark.full
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ["evidence.docx", "evidence.odt"])
def test_an_annotation_survives_libreoffice(pack: Pack, tmp_path: Path, name: str) -> None:
    written = pack()
    part = "word/document.xml" if name.endswith("docx") else "content.xml"
    write_into(written / name, part, "Sergeant Example")
    kind = name.rpartition(".")[2]
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", kind, "--outdir", str(tmp_path)]
    subprocess.run([*command, str(written / name)], check=True, capture_output=True, timeout=120)
    (tmp_path / name).replace(written / name)
    assert list(folder.answers(written).values()) == ["Sergeant Example"]


def write_into(path: Path, part: str, text: str) -> None:
    """Replace what stands in the first empty blank."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    xml = parts[part].decode()
    assert EMPTY in xml
    parts[part] = xml.replace(EMPTY, text, 1).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    path.write_bytes(buffer.getvalue())
