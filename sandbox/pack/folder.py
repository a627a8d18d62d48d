"""Writes a pack: one folder and one zip, whole or not at all, with a manifest of every file."""

import hashlib
import io
import json
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minimisation import UseCaseError
from minimisation.forces.actors import ActorKey
from sandbox.pack import csv_face, docx_face, html, json_face, json_schema, odt_face, signing
from sandbox.pack.document import Document
from sandbox.pack.material import Material

MANIFEST = "manifest.json"
RUNS = "runs.jsonl"
"""The evidence itself, from which every figure follows; left out of a public copy."""


def contents(document: Document, material: Material, runs: bytes | None) -> dict[str, bytes]:
    """Path → content of every file but the manifest."""
    files = {
        "evidence.html": html.write(document),
        "evidence.docx": docx_face.write(document),
        "evidence.odt": odt_face.write(document),
        "evidence.json": json_face.write(document, material),
        "evidence.schema.json": json_schema.schema(),
        **csv_face.write(document),
    }
    for picture in document.pictures:
        if not picture.png:
            continue
        files[f"figures/{picture.name}.png"] = picture.png
        files[f"figures/{picture.name}.svg"] = picture.svg.encode()
    if runs is not None and not document.public:
        files[RUNS] = runs
    return files


def manifest(files: dict[str, bytes], document: Document, material: Material) -> bytes:
    """What the pack is made of, by SHA-256."""
    record: dict[str, Any] = {
        "schema": 1,
        "kind": "evidence pack",
        "title": document.title,
        "marking": document.marking,
        "public": document.public,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "provenance": json_face.provenance(material),
        "governance": {
            "marking": material.governance.marking,
            "starts": _day(material.governance.starts),
            "submitted": _day(material.governance.submitted),
            "proposal": material.governance.proposal,
        },
        "plan_file": material.plan,
        "stores": {force: dict(facts) for force, facts in material.stores.items()},
        "benchmarks": dict(material.benchmarks),
        "screening": [list(row) for row in material.screening],
        "files": {
            path: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for path, content in sorted(files.items())
        },
    }
    return (json.dumps(record, indent=1, ensure_ascii=False, default=str) + "\n").encode()


def _day(day: object) -> str | None:
    return str(day) if day else None


def write(
    out: Path,
    document: Document,
    material: Material,
    *,
    runs: bytes | None = None,
    key: ActorKey | None = None,
) -> Path:
    """Write the folder and, beside it, the zip.

    Args:
        out: the folder; an earlier pack there is replaced, anything else is refused.
        document: what it says.
        material: what it was made from.
        runs: the evidence file's content.
        key: signs the manifest.

    Returns:
        The zip.

    Raises:
        UseCaseError: if the folder holds something that is no pack.
    """
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir()):
        raise UseCaseError(f"out ({out.name}) must be a new folder or an earlier pack")
    files = contents(document, material, runs)
    listed = manifest(files, document, material)
    files[MANIFEST] = listed
    if key is not None:
        files[signing.FILE] = signing.sign(listed, key)
    draft = out.with_name(f".{out.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    for path, content in files.items():
        target = draft / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    shutil.rmtree(out, ignore_errors=True)
    draft.replace(out)
    archive = out.with_suffix(".zip")
    archive.write_bytes(zipped(files, out.name))
    return archive


def zipped(files: dict[str, bytes], name: str) -> bytes:
    """All files in one zip, under one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(f"{name}/{path}", content)
    return buffer.getvalue()


def read(pack: Path) -> dict[str, bytes]:
    """Path → content of a pack's files, from its folder or its zip.

    Raises:
        UseCaseError: if it is neither, or has no manifest.
    """
    if pack.is_dir():
        files = {
            path.relative_to(pack).as_posix(): path.read_bytes()
            for path in sorted(pack.rglob("*"))
            if path.is_file()
        }
    elif zipfile.is_zipfile(pack):
        with zipfile.ZipFile(pack) as archive:
            files = {
                name.partition("/")[2]: archive.read(name)
                for name in archive.namelist()
                if not name.endswith("/")
            }
    else:
        raise UseCaseError(f"pack ({pack.name}) must be a pack's folder or zip")
    if MANIFEST not in files:
        raise UseCaseError(f"pack ({pack.name}) must hold {MANIFEST}; `sandbox evidence` writes it")
    return files


def answers(pack: Path) -> dict[str, str]:
    """Blank → what people wrote, in the DOCX, the ODT and before.

    Raises:
        UseCaseError: if two files hold different answers to one blank; one must be emptied.
    """
    if not (pack.exists() and (pack.is_file() or (pack / MANIFEST).is_file())):
        return {}
    files = read(pack)
    before = json_face.read_answers(files["evidence.json"])
    found = dict(before)
    readers = {"evidence.docx": docx_face.read_answers, "evidence.odt": odt_face.read_answers}
    fresh: dict[str, str] = {}
    for name, reader in readers.items():
        for key, text in (reader(files[name]) if name in files else {}).items():
            if text == before.get(key):
                continue
            if fresh.get(key, text) != text:
                raise UseCaseError(
                    f"blank ({key}) must be filled in alike in evidence.docx and evidence.odt; "
                    "empty it in one of them"
                )
            fresh[key] = text
    return found | fresh
