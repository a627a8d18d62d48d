"""The first page: the answer, what the label and the records carry, and what people must fill in.

Label validity and recording bias stand here because no figure of the pack is better than them.
"""

from sandbox.pack.document import Block, Heading, Points, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections.found import figure_rows
from sandbox.report import fairness, formats, provenance, wording
from sandbox.report.comparison import FEW_REPEATS
from sandbox.report.intrusion import answers


def section(material: Material) -> Section:
    """The first page."""
    comparison = material.comparison
    blocks: list[Block] = [
        Say(text=wording.question(material.header), tone="lead", origin="plan"),
        Say(
            text=f"Floor, fixed beforehand: {wording.floor(comparison)}. "
            f"Runs: {wording.repeats(comparison, FEW_REPEATS)}.",
            origin="runs",
        ),
        Heading(text="Which options meet the floor with less intrusion than pooling?"),
        Say(text=wording.answer(comparison), tone="finding", origin="runs"),
    ]
    good = answers(comparison)
    if good:
        reasons = tuple(f"{o.name}: {wording.reasons(comparison, o)}" for o in good)
        blocks += [
            Points(items=reasons, origin="runs"),
            Say(text=wording.needs_explanation(comparison)),
        ]
    if comparison.answered:
        blocks.append(Points(items=tuple(wording.others(comparison)), origin="runs"))
    blocks += [
        Say(text=f"Warning: {text}", tone="warning", origin="runs")
        for text in (*provenance.warnings(comparison), *fairness.erased(comparison))
    ]
    blocks += _label(material)
    return Section(number="0", title="The answer in brief", blocks=tuple(blocks))


def _label(material: Material) -> list[Block]:
    """What the label means, and how recording shapes it."""
    case = material.case
    target = case.question.target
    blocks: list[Block] = [Heading(text="What the label and the records are worth")]
    if target is not None:
        blocks.append(
            Say(
                text=f"What is predicted is what was recorded: “{case.label(target)}”. A record "
                "follows from where officers look and whom they stop, as well as from conduct; "
                "accuracy against the record is not accuracy about conduct.",
                origin="plan",
            )
        )
    else:
        blocks.append(
            Say(
                text="The figures count what was recorded, which follows from where officers look "
                "and whom they stop, as well as from what happened.",
                origin="plan",
            )
        )
    if case.notes:
        blocks.append(Say(text=case.notes, origin="plan"))
    audit = material.inquiry("label-audit")
    if audit is None:
        what = "how well the label stands for what happened, and recording by group"
        return [*blocks, missing(what, material.inquire)]
    if audit.summary:
        blocks.append(Say(text=audit.summary, origin="inquiry/label-audit"))
    rows = figure_rows(audit.findings)
    blocks.append(
        grid(
            "label-audit",
            f"The label, audited: {formats.counted(len(rows), 'figure')}",
            ("Figure", "Value with 95% interval", "Among", "Guessing or base rate", "Note"),
            rows,
            origin="inquiry/label-audit",
            controlled=audit.controlled,
        )
    )
    return blocks
