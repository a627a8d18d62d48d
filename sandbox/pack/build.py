"""Puts the document together: every section of the form, in order, then the pack's own."""

from dataclasses import replace

from minimisation import MissingEngineError
from sandbox.pack import safe
from sandbox.pack.document import Blank, Block, Document, Section, grid, placed
from sandbox.pack.material import Material
from sandbox.pack.sections import (
    basis,
    equality,
    factors,
    four_stage,
    front,
    governance,
    guide_index,
    lifecycle,
    necessity,
    plans,
    proportionality,
    purpose,
    reading,
    risks,
    screening,
    transparency,
)
from sandbox.report import figures
from sandbox.report.figures import Figure


def build(material: Material) -> Document:
    """The pack's content.

    Args:
        material: evidence and what people added.

    Returns:
        The document with anchors and with answers of an earlier copy in its blanks; without
        controlled figures if it is to be published.
    """
    drawn = _figures(material)
    document = Document(
        title=material.header.title,
        marking=material.marking,
        notices=_notices(material),
        front=front.section(material),
        sections=tuple(_sections(material, drawn)),
    )
    document = _with_answers(document, material)
    if material.public:
        document = safe.published(document, protected=material.protected)
    document = placed(document)
    return placed(_with_list(document))


def _figures(material: Material) -> dict[str, Figure]:
    if not material.draw:
        return {}
    try:
        return figures.draw(material.comparison)
    except MissingEngineError:
        return {}


def _sections(material: Material, drawn: dict[str, Figure]) -> list[Section]:
    return [
        governance.section(material),
        *purpose.sections(material),
        necessity.section(material, drawn),
        proportionality.section(material, drawn),
        *basis.sections(material),
        lifecycle.retention(material),
        *factors.sections(material),
        lifecycle.rights(material),
        four_stage.section(material),
        equality.section(material),
        risks.section(material),
        guide_index.section(),
        transparency.section(material),
        plans.section(material),
        reading.section(material),
        screening.section(material),
    ]


def _notices(material: Material) -> tuple[tuple[str, str], ...]:
    found = []
    if material.header.synthetic_demo:
        text = "Invented people and invented forces. No figure here describes anyone."
        found.append(("SYNTHETIC", text))
    if material.protected and not material.public:
        text = (
            "Usefulness and attacks were measured on protected data, outside any privacy "
            "guarantee. Do not publish this copy."
        )
        found.append(("CONTROLLED ACCESS", text))
    if material.public:
        found.append(("PUBLIC COPY", "Controlled figures were left out; each place says so."))
    if material.case.unit == "record":
        text = "The source names no person: nothing here is a statement about people."
        found.append(("UNIT: RECORD", text))
    return tuple(found)


def _with_answers(document: Document, material: Material) -> Document:
    def filled(block: Block) -> Block:
        if isinstance(block, Blank) and block.key in material.answers:
            return replace(block, answer=material.answers[block.key])
        return block

    sections = [
        replace(section, blocks=tuple(filled(block) for block in section.blocks))
        for section in document.every
    ]
    return replace(document, front=sections[0], sections=tuple(sections[1:]))


def _with_list(document: Document) -> Document:
    """The list of blanks at the end of the first page."""
    rows = [
        (f"{blank.number}", blank.section, blank.question, blank.by) for blank in document.blanks
    ]
    table = grid(
        "blanks",
        f"What people must fill in: {len(rows)} blanks",
        ("Blank", "Section", "What is asked", "By"),
        rows,
        origin="code",
        note="The tool ticks no box and draws no conclusion.",
    )
    first = replace(document.front, blocks=(*document.front.blocks, table))
    return replace(document, front=first)
