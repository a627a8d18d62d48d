"""Verification: a changed digit is found in every face; what was not changed matches."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from minimisation import UseCaseError
from minimisation.forces.actors import ActorKey, Challenge
from sandbox.pack import folder as packs
from sandbox.pack import signing
from sandbox.pack.verify import verify

Pack = Callable[..., Path]
BuildEvidence = Callable[..., Path]


def rewrite_zip(path: Path, name: str, change: Callable[[str], str]) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    parts[name] = change(parts[name].decode()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    path.write_bytes(buffer.getvalue())


def one_digit(text: str) -> str:
    """Raise one digit of the raw pool's headline figure."""
    assert "0.79" in text
    place = text.index("0.79") + 3
    return text[:place] + "8" + text[place + 1 :]


TAMPER = {
    "evidence.html": lambda p: p.write_text(one_digit(p.read_text("utf-8")), "utf-8"),
    "evidence.json": lambda p: p.write_text(one_digit(p.read_text("utf-8")), "utf-8"),
    "evidence.docx": lambda p: rewrite_zip(p, "word/document.xml", one_digit),
    "evidence.odt": lambda p: rewrite_zip(p, "content.xml", one_digit),
    "tables/options.csv": lambda p: p.write_text(one_digit(p.read_text("utf-8")), "utf-8"),
}


def test_an_untouched_pack_matches_in_every_number(pack: Pack) -> None:
    written = pack()
    for path in (written, written.with_suffix(".zip")):
        report = verify(path)
        assert report.count("match") > 200
        assert report.count("drift") == report.count("cannot-check") == 0
        assert (report.altered, report.signer) == ((), "")


@pytest.mark.parametrize("name", list(TAMPER))
def test_a_changed_digit_is_found_in_every_face(pack: Pack, name: str) -> None:
    written = pack()
    TAMPER[name](written / name)
    report = verify(written)
    assert report.altered == (name,)
    face = "tables" if name.endswith(".csv") else name
    assert [each.faces for each in report.drifted] == [(face,)]


def test_a_number_that_contradicts_itself_within_json_is_found(pack: Pack) -> None:
    path = pack() / "evidence.json"
    data = json.loads(path.read_text("utf-8"))
    data["numbers"][5]["text"] = "0.999"
    path.write_text(json.dumps(data), "utf-8")
    assert [e.anchor for e in verify(path.parent).drifted] == [data["numbers"][5]["anchor"]]


def test_a_number_that_was_deleted_is_found(pack: Pack) -> None:
    path = pack() / "evidence.html"
    text = path.read_text("utf-8")
    path.write_text(re.sub(r'<li id="s0\.\d+\.0">.*?</li>', "", text, count=1), "utf-8")
    assert len(verify(path.parent).drifted) == 1


def test_faces_changed_alike_are_still_found_by_the_runs(pack: Pack) -> None:
    written = pack()
    for name, tamper in TAMPER.items():
        if name != "evidence.json":
            tamper(written / name)
    assert {name for each in verify(written).drifted for name in each.faces} == {
        "evidence.html",
        "evidence.docx",
        "evidence.odt",
        "tables",
    }


def test_without_evidence_no_number_is_said_to_match(pack: Pack) -> None:
    written = pack()
    (written / "runs.jsonl").unlink()
    report = verify(written)
    assert report.count("match") == 0
    assert report.count("cannot-check") > 200


def test_runs_that_were_altered_are_not_believed(pack: Pack) -> None:
    written = pack()
    runs = written / "runs.jsonl"
    runs.write_text(runs.read_text("utf-8").replace('"alpha"', '"beta"') + "\n", "utf-8")
    assert verify(written).count("match") == 0


def test_evidence_of_another_plan_is_refused(pack: Pack, build_evidence: BuildEvidence) -> None:
    written = pack()
    other = build_evidence(kind="grouped-statistics")
    with pytest.raises(UseCaseError, match="pack's own plan"):
        verify(written, other)


def test_writing_into_a_blank_is_no_drift(pack: Pack) -> None:
    written = pack()
    answer(written / "evidence.docx", "Chief Constable of Northmoor")
    report = verify(written)
    assert report.altered == ("evidence.docx",)
    assert report.drifted == []


def answer(path: Path, text: str) -> None:
    """Write into the first blank, as Word does."""

    def change(xml: str) -> str:
        empty = "Not filled in: write here"
        assert empty in xml
        return xml.replace(empty, text, 1).replace("<w:showingPlcHdr/>", "", 1)

    rewrite_zip(path, "word/document.xml", change)


def test_a_signed_pack_names_its_signer_and_a_changed_manifest_is_refused(
    pack: Pack, tmp_path: Path
) -> None:
    key = ActorKey.create(tmp_path / "dpo.pem")
    written = pack(key=key)
    assert len(verify(written).signer) == 16
    manifest = written / packs.MANIFEST
    manifest.write_text(manifest.read_text("utf-8").replace("OFFICIAL", "PUBLIC", 1), "utf-8")
    with pytest.raises(UseCaseError, match=r"manifest\.sig"):
        verify(written)


def test_what_an_actors_key_signs_for_a_force_signs_no_pack(pack: Pack, tmp_path: Path) -> None:
    key = ActorKey.create(tmp_path / "key.pem")
    written = pack(key=key)
    manifest = (written / packs.MANIFEST).read_bytes()
    record = json.loads((written / signing.FILE).read_bytes())
    foreign = key.sign(Challenge(force="x", act="ask", nonce=b"0" * 32))
    record["signature"] = base64.b64encode(foreign).decode()
    with pytest.raises(UseCaseError, match="signature of manifest"):
        signing.signer(manifest, json.dumps(record).encode())


def test_a_folder_that_is_no_pack_is_not_overwritten(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "thesis.txt").write_text("mine", "utf-8")
    with pytest.raises(UseCaseError, match="new folder or an earlier pack"):
        pack()
    assert (tmp_path / "pack" / "thesis.txt").read_text("utf-8") == "mine"
