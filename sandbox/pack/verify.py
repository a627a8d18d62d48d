"""Checks every number of a pack: match, drift, or cannot-check.

The document is made again from the evidence and compared, text by text, with what each face says.
A number matches if it follows from the evidence and every face says it; it has drifted if any face
says something else; it cannot be checked where no evidence is at hand.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

from minimisation import UseCaseError
from sandbox import evidence
from sandbox.pack import csv_face, docx_face, html, json_face, odt_face, safe, signing
from sandbox.pack.build import build
from sandbox.pack.document import grid
from sandbox.pack.folder import MANIFEST, RUNS, read
from sandbox.pack.material import Governance, Material
from sandbox.pack.paper import bookmark
from sandbox.pack.pieces import Piece, bare, pieces
from sandbox.report.comparison import Comparison

Status: TypeAlias = Literal["match", "drift", "cannot-check"]
Texts: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One piece of text, checked."""

    anchor: str
    """Where it stands."""
    text: str
    """What it should say, as far as is known."""
    status: Status
    """What was found."""
    faces: tuple[str, ...] = ()
    """Faces that say something else."""
    numeric: bool = True
    """Whether it holds a number."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A pack, checked."""

    checked: tuple[Checked, ...]
    """Every piece of generated text."""
    altered: tuple[str, ...]
    """Files that are not as the manifest lists them; annotating a face alters it too."""
    signer: str
    """Fingerprint of the key that signed; empty: not signed."""
    source: str
    """What numbers were derived from again."""

    def count(self, status: Status) -> int:
        """Numbers of a status."""
        return sum(each.numeric and each.status == status for each in self.checked)

    @property
    def drifted(self) -> list[Checked]:
        """Every text that is not what it should be, with or without a number."""
        return [each for each in self.checked if each.status == "drift"]


def verify(pack: Path, evidence_file: Path | None = None) -> Report:
    """Check a pack.

    Args:
        pack: folder or zip.
        evidence_file: where the runs are; those enclosed in the pack if None.

    Raises:
        UseCaseError: if it is no pack, its signature is wrong, or the evidence is of another plan.
    """
    files = read(pack)
    manifest = json.loads(files[MANIFEST])
    signature = files.get(signing.FILE)
    signer = signing.signer(files[MANIFEST], signature) if signature else ""
    altered = tuple(_altered(files, manifest))
    runs = evidence_file.read_bytes() if evidence_file else files.get(RUNS)
    faces = {name: _face(name, files) for name in READERS if name in files}
    faces["tables"] = _tables(files)
    if runs is None or (evidence_file is None and RUNS in altered):
        expected = _stated(files)
        source, known = (
            "nothing: no evidence is at hand, faces were compared with one another",
            False,
        )
    else:
        expected = list(pieces(build(again(manifest, runs))))
        source, known = str(evidence_file or f"{RUNS} in the pack"), True
    checked = tuple(_check(piece, faces, known=known) for piece in expected)
    return Report(checked=checked, altered=altered, signer=signer, source=source)


def again(manifest: Mapping[str, Any], runs: bytes) -> Material:
    """The material of a pack, from its manifest and the evidence.

    Raises:
        UseCaseError: if the evidence is damaged or of another plan.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / RUNS
        path.write_bytes(runs)
        loaded = safe.without_truth(evidence.load(path))
    if loaded.header.plan != manifest["provenance"]["plan"]:
        raise UseCaseError("evidence must be of the pack's own plan; name its evidence.jsonl")
    given = manifest["governance"]
    return Material(
        comparison=Comparison(loaded),
        governance=Governance(
            marking=given["marking"],
            starts=_date(given["starts"]),
            submitted=_date(given["submitted"]),
            proposal=given["proposal"],
        ),
        plan=manifest["plan_file"],
        stores=manifest["stores"],
        benchmarks=manifest["benchmarks"],
        screening=tuple((q, a, advice) for q, a, advice in manifest["screening"]),
        public=manifest["public"],
        draw=False,
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _altered(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = manifest["files"]
    for path, facts in listed.items():
        if path not in files or hashlib.sha256(files[path]).hexdigest() != facts["sha256"]:
            yield path
    yield from (p for p in files if p not in listed and p not in (MANIFEST, signing.FILE))


READERS = {
    "evidence.html": html.read,
    "evidence.docx": docx_face.read,
    "evidence.odt": odt_face.read,
    "evidence.json": json_face.read,
}
"""Faces that hold every text."""
BOOKMARKED = ("evidence.docx", "evidence.odt")
"""Faces in which anchors are names of bookmarks."""


def _face(name: str, files: Mapping[str, bytes]) -> Texts:
    try:
        return READERS[name](files[name])
    except (ValueError, KeyError, TypeError, OSError, SyntaxError):
        return {}


def _tables(files: Mapping[str, bytes]) -> Texts:
    """What the CSV files say."""
    found: dict[str, str] = {}
    for section in _json(files).get("sections", []):
        for block in section["blocks"]:
            content = files.get(block.get("file", ""))
            if block["kind"] == "table" and content is not None:
                table = grid(block["slug"], "", tuple(block["headings"]), [], origin="")
                found |= csv_face.read(replace(table, anchor=block["anchor"]), content)
    return found


def _json(files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(files["evidence.json"])
    except (ValueError, KeyError):
        return {}
    return data


def _stated(files: Mapping[str, bytes]) -> list[Piece]:
    """What the JSON face says, where nothing better is at hand."""
    texts = _face("evidence.json", files)
    return [Piece(anchor=a, text=t, origin="", section="", table="?") for a, t in texts.items()]


def _check(piece: Piece, faces: Mapping[str, Texts], *, known: bool) -> Checked:
    wrong = tuple(name for name, texts in faces.items() if not _says(piece, name, texts))
    status: Status = "drift" if wrong else "match" if known else "cannot-check"
    return Checked(
        anchor=piece.anchor, text=piece.text, status=status, faces=wrong, numeric=piece.numeric
    )


def _says(piece: Piece, face: str, texts: Texts) -> bool:
    if face == "tables":  # a CSV holds cells alone
        return not piece.column or bare(texts.get(piece.anchor, "")) == bare(piece.text)
    key = bookmark(piece.anchor) if face in BOOKMARKED else piece.anchor
    return key in texts and bare(texts[key]) == bare(piece.text)
