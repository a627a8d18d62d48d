"""The JSON face, for machines."""

import json
from typing import Any

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
from sandbox.pack.json_schema import VERSION
from sandbox.pack.material import Material
from sandbox.pack.pieces import Piece, cell_text, pieces


def write(document: Document, material: Material) -> bytes:
    """The file."""
    content = {
        "schema": VERSION,
        "title": document.title,
        "marking": document.marking,
        "public": document.public,
        "notices": [{"word": word, "meaning": meaning} for word, meaning in document.notices],
        "provenance": provenance(material),
        "sections": [
            {
                "number": section.number,
                "title": section.title,
                "blocks": [_block(block) for block in section.blocks],
            }
            for section in document.every
        ],
        "numbers": [_number(piece, material) for piece in pieces(document) if piece.numeric],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def provenance(material: Material) -> dict[str, Any]:
    """What holds for every number: plan, data, snapshot, software, seeds."""
    header, rows = material.header, material.comparison.evidence.rows
    versions = {name: number for row in rows for name, number in row.versions.items()}
    kinds = {"protected": "held by the forces"}
    return {
        "plan": header.plan,
        "use_case": header.use_case.name,
        "data": dict(header.data),
        "data_status": header.data_status,
        "snapshots": {
            force: str(facts.get("snapshot", "not recorded"))
            for force, facts in material.stores.items()
        },
        "versions": versions,
        "seeds": kinds.get(header.data_status, "published"),
        "noise": "operating system, never stored",
        "fixed": header.at.isoformat(),
    }


def _number(piece: Piece, material: Material) -> dict[str, Any]:
    """A number with where it stands and where it came from."""
    number: dict[str, Any] = {
        "anchor": piece.anchor,
        "text": piece.text,
        "section": piece.section,
        "from": piece.origin,
    }
    if piece.table:
        number |= {"table": piece.table, "row": piece.row, "column": piece.column}
    option = next((o for o in material.comparison.answered if o.name == piece.row), None)
    if piece.origin == "runs" and option is not None:
        number["option"] = option.name
        number["runs"] = [f"{option.name}/{row.repeat}" for row in option.done]
        number["seed"] = "operating system" if _noisy(option.done) else "as stated"
    return number


def _noisy(rows: Any) -> bool:  # noqa: ANN401 - rows of evidence
    return any(row.privacy_loss is not None for row in rows)


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Say):
        return {"kind": "text", "tone": block.tone, "text": block.text, "anchor": block.anchor}
    if isinstance(block, Points):
        return {"kind": "list", "items": list(block.items), "anchor": block.anchor}
    if isinstance(block, Heading):
        return {"kind": "heading", "text": block.text}
    if isinstance(block, Picture):
        return {
            "kind": "figure",
            "file": f"figures/{block.name}.png",
            "finding": block.finding,
            "alternative": block.alternative,
            "anchor": block.anchor,
        }
    if isinstance(block, Blank):
        return {
            "kind": "blank",
            "key": block.key,
            "number": block.number,
            "question": block.question,
            "by": block.by,
            "answer": block.answer,
        }
    return _table(block)


def _table(block: Grid) -> dict[str, Any]:
    return {
        "kind": "table",
        "slug": block.slug,
        "caption": block.table.caption,
        "headings": list(block.table.headings),
        "rows": [[cell_text(cell) for cell in row] for row in block.table.rows],
        "note": block.table.note,
        "controlled": block.controlled,
        "file": f"tables/{block.slug}.csv",
        "anchor": block.anchor,
    }


def read(content: bytes) -> dict[str, str]:
    """Anchor → text, from blocks and from the list of numbers; a contradiction shows as both."""
    data = json.loads(content)
    found: dict[str, str] = {}
    for section in data["sections"]:
        for block in section["blocks"]:
            found |= _read(block)
    for number in data["numbers"]:
        anchor, text = number["anchor"], number["text"]
        if found.get(anchor) != text:
            found[anchor] = f"{found.get(anchor, '')} | {text}"
    return found


def _read(block: dict[str, Any]) -> dict[str, str]:
    kind, anchor = block["kind"], block.get("anchor", "")
    if kind in ("text", "figure"):
        return {anchor: block["text" if kind == "text" else "finding"]}
    if kind == "list":
        return {f"{anchor}.{place}": item for place, item in enumerate(block["items"])}
    if kind != "table":
        return {}
    cells = {
        f"{anchor}.{r}.{c}": text
        for r, row in enumerate(block["rows"])
        for c, text in enumerate(row)
    }
    return cells | ({f"{anchor}.note": block["note"]} if block["note"] else {})


def read_answers(content: bytes) -> dict[str, str]:
    """Blank → its answer; empty ones are left out."""
    return {
        block["key"]: block["answer"]
        for section in json.loads(content)["sections"]
        for block in section["blocks"]
        if block["kind"] == "blank" and block["answer"]
    }
