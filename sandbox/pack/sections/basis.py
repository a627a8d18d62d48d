"""Sections 3.1 and 3.2: the lawful basis is a person's to state; the figures stand beside it."""

from sandbox.pack.document import Blank, Block, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections import curves
from sandbox.pack.sections.columns import sensitive


def sections(material: Material) -> list[Section]:
    """3.1 and 3.2."""
    return [_lawful(), _strict(material)]


def _lawful() -> Section:
    return Section(
        number="3.1",
        title="Lawful basis",
        blocks=(
            Say(
                text="Part 3 of the Data Protection Act 2018 asks for a law-enforcement purpose, "
                "for data that are adequate, relevant and not excessive, and for a basis in law."
            ),
            Blank(key="3.1-operational", question="Lawful basis for operational data"),
            Blank(
                key="3.1-administrative", question="Lawful basis for administrative data, if any"
            ),
        ),
    )


def _strict(material: Material) -> Section:
    """Each sensitive column with its ablation beside the blank for its strict necessity."""
    case = material.case
    held = [
        name
        for name, column in case.columns.items()
        if sensitive(column.category) or column.role == "sensitive_attribute"
    ]
    blocks: list[Block] = []
    if not held:
        text = "The use case declares no sensitive column."
        blocks.append(Say(text=text, origin="plan"))
    else:
        inquiry = material.inquiry("curve/columns")
        lost = {name: curves.lost_words(dot) for name, dot in curves.needs_of(inquiry).items()}
        asked = {*case.question.features, *case.question.by, case.question.target}
        rows = [
            (
                case.label(name),
                case.columns[name].category or "none stated",
                "yes" if name in asked else "no",
                lost.get(name, "not measured" if name in asked else "not used by the question"),
            )
            for name in held
        ]
        blocks.append(
            grid(
                "strict",
                "Sensitive columns, with what leaving each out costs",
                ("Column", "Category", "Used by the question", "Usefulness lost without it"),
                rows,
                origin="inquiry/curve/columns" if lost else "plan",
                controlled=bool(inquiry and inquiry.controlled),
            )
        )
        if not lost and material.case.question.target is not None:
            blocks.append(missing("usefulness without each sensitive column", material.inquire))
        blocks += [
            Blank(
                key=f"3.2-{name}",
                question=f"{case.label(name)}: why it is strictly necessary, and what was tried "
                "instead",
            )
            for name in held
            if name in asked
        ]
    blocks.append(
        Blank(
            key="3.2-condition",
            question="The condition in Schedule 8 that is relied on, and the policy document",
        )
    )
    return Section(number="3.2", title="Basis for sensitive processing", blocks=tuple(blocks))
