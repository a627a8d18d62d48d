"""The first page: the answer, what the label and the records carry, and what people must fill in.

Label validity and recording bias stand here because no figure of the pack is better than them.
"""

from sandbox.evidence_lines import Inquiry, UseCaseFacts
from sandbox.findings import Finding
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
        for text in provenance.warnings(comparison)
    ]
    if erased := tuple(fairness.erased(comparison)):
        text = "Warning: some options understate protected groups."
        blocks.append(Say(text=text, tone="warning", origin="runs"))
        blocks.append(Points(items=erased, origin="runs"))
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
    if told := recording(audit, material.case):
        blocks.append(Say(text=told, tone="finding", origin="inquiry/label-audit"))
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


def recording(audit: Inquiry, case: UseCaseFacts) -> str:
    """Of which groups more or less is recorded than of everybody else; empty if not asked."""
    found = [
        each
        for each in audit.findings
        if each.measure == "recording_ratio"
        and None not in (each.value, each.low, each.high)
        and not each.group.endswith("=missing")
    ]
    if not found:
        return ""
    more = [each for each in found if each.low is not None and each.low > 1]
    less = [each for each in found if each.high is not None and each.high < 1]
    what = f"Records of “{case.label(str(audit.data.get('recorded')))}” per event"
    if not more and not less:
        return (
            f"{what}: no significant difference; {formats.counted(len(found), 'group')} looked at."
        )
    parts = [
        f"{way} of {', '.join(_times(each) for each in some)}"
        for way, some in (("more", more), ("fewer", less))
        if some
    ]
    return (
        f"{what}, against everybody else (1 means alike): {'; '.join(parts)}; "
        f"{formats.counted(len(found), 'group')} looked at. "
        "What is recorded unalike stays so in every option."
    )


def _times(finding: Finding) -> str:
    value, low, high = (formats.number(each, 2) for each in _interval(finding))
    return f"{finding.group.replace('=', ' = ')} {value} ({low} to {high})"


def _interval(finding: Finding) -> tuple[float, float, float]:
    return finding.value or 0.0, finding.low or 0.0, finding.high or 0.0
