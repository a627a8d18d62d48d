"""Section 2.11: advantages beside disadvantages, each linked to a measure; the judgement is human.

Usefulness and attack risk are drawn against each other with dominated options marked; they are
never added up.
"""

from sandbox.evidence_lines import UseCaseFacts
from sandbox.pack.document import Blank, Block, Grid, Heading, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections.necessity import picture
from sandbox.pack.sections.purpose import BUSINESS_AS_USUAL
from sandbox.report import formats, tables, wording
from sandbox.report.comparison import Comparison, OptionRuns
from sandbox.report.figures import Figure
from sandbox.report.glossary import entry
from sandbox.report.pooling import Estimate

ALERTS = "alerts_per_thousand"
FALSE = "false_alerts_per_thousand"


def section(material: Material, drawn: dict[str, Figure]) -> Section:
    """The two columns, the trade-off, alerts, and the blank for the judgement."""
    comparison = material.comparison
    blocks: list[Block] = [
        _two_columns(material),
        Heading(text="Usefulness against attack risk"),
    ]
    if any(wording.on_trade_off(comparison, option) for option in comparison.answered):
        said = wording.trade_off_finding(comparison)
        blocks.append(picture(material, drawn, "trade-off", said))
    table = tables.trade_off(comparison)
    if table.rows:
        controlled = material.protected
        blocks.append(Grid(slug="trade-off", table=table, origin="runs", controlled=controlled))
    else:
        blocks.append(missing("usefulness against attack risk", material.compare))
    blocks += [Heading(text="Alerts, right and wrong, by group"), *alerts(material)]
    blocks += [
        Blank(
            key="2.11-judgement",
            question="Are the advantages worth the disadvantages to individuals, and why?",
        ),
    ]
    return Section(number="2.11", title="Proportionality", blocks=tuple(blocks))


def _two_columns(material: Material) -> Grid:
    """Advantages and disadvantages; each cell says which measure it rests on."""
    pro, con = _advantages(material), _disadvantages(material)
    length = max(len(pro), len(con))
    rows = [
        (
            f"{place + 1}",
            pro[place] if place < len(pro) else "none further",
            con[place] if place < len(con) else "none further",
        )
        for place in range(length)
    ]
    return grid(
        "balance",
        "Advantages to policing, disadvantages to individuals",
        ("Line", "Advantage, with its measure", "Disadvantage, with its measure"),
        rows,
        origin="runs",
        controlled=material.protected,
        note="Lines stand side by side for reading; one does not answer the other.",
    )


def _advantages(material: Material) -> list[str]:
    comparison = material.comparison
    said = [wording.utility_finding(comparison)]
    usual = _option(comparison, BUSINESS_AS_USUAL)
    best = _best(comparison)
    if usual is None or not usual.done:
        said.append(f"Gain over today's practice: not measured ({material.compare}).")
    elif best is not None:
        found = comparison.gain(best, usual)
        words = wording.change(found, comparison.floor.direction)
        share = entry(comparison.floor.measure).share
        figure = f"{formats.estimate(found.estimate, share=share, sign=True)}: " if found else ""
        said.append(f"{best.name} against today's practice: {figure}{words}.")
    found_by_list = best.pooled("recall_top") if best else None
    if best and found_by_list:
        named = entry("recall_top")
        value = formats.estimate(found_by_list, share=named.share)
        said.append(f"{named.title} under {best.name}: {value}.")
    return said


def _disadvantages(material: Material) -> list[str]:
    comparison = material.comparison
    said = [wording.trade_off_finding(comparison), wording.egress_finding(comparison)]
    said += _load(_best(comparison))
    subjects = material.profile.get("subjects", {})
    if subjects:
        kinds = formats.listed([f"{name} ({count})" for name, count in subjects.items()])
        said.append(f"People whose records are read, whatever their part: {kinds}.")
    else:
        said.append(f"Victims, witnesses and bystanders: not measured ({material.inquire}).")
    return said


def _option(comparison: Comparison, name: str) -> OptionRuns | None:
    return next((option for option in comparison.options if option.name == name), None)


def _best(comparison: Comparison) -> OptionRuns | None:
    """The option with the best point estimate of the floor's measure."""
    sign = 1 if comparison.floor.direction == "at_least" else -1
    valued = [
        (sign * estimate.value, option)
        for option in comparison.answered
        if (estimate := comparison.headline(option)) is not None and estimate.value is not None
    ]
    return max(valued, key=lambda pair: pair[0])[1] if valued else None


def _load(option: OptionRuns | None) -> list[str]:
    """How many people the option would flag, in a sentence."""
    right, wrong = per_thousand(option, "") if option else (None, None)
    if option is None or right is None or wrong is None:
        return []
    every, mistaken = formats.number(right + wrong, 1), formats.number(wrong, 1)
    return [f"Of 1,000 people, {option.name} would flag {every}, {mistaken} of them wrongly."]


def per_thousand(option: OptionRuns, group: str) -> tuple[float | None, float | None]:
    """True and false alerts per 1,000 people of a group; None where not measured.

    Where the review load was not measured itself, it follows from the share flagged and precision.
    """
    every, wrong = _value(option.pooled(ALERTS, group)), _value(option.pooled(FALSE, group))
    if every is not None and wrong is not None:
        return every - wrong, wrong
    flagged = _value(option.pooled("flag_rate", group))
    precision = _value(option.pooled("precision", group))
    if flagged is None or precision is None:
        return None, None
    return 1000 * flagged * precision, 1000 * flagged * (1 - precision)


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def alerts(material: Material) -> list[Block]:
    """True and false alerts per 1,000 by protected group, for every option."""
    comparison, case = material.comparison, material.case
    if case.question.target is None:
        text = "The answer is a table about groups; it raises no alert about anybody."
        return [Say(text=text, origin="plan")]
    names = dict.fromkeys(
        f.group
        for o in comparison.answered
        for row in o.done
        for f in row.findings
        if f.measure in ("flag_rate", ALERTS) and not f.force
    )
    rows = [
        (option.name, _group(case, group), *(_rate(value) for value in per_thousand(option, group)))
        for option in comparison.answered
        for group in names
        if None not in per_thousand(option, group)
    ]
    if not rows:
        return [missing("alerts per 1,000 people by group", material.compare)]
    return [
        Say(
            text=f"The list holds the {case.question.top_share:.1%} of people ranked highest, at "
            "one threshold for all groups.",
            origin="plan",
        ),
        grid(
            "alerts",
            "Alerts per 1,000 people of each group",
            ("Option", "Group", "True alerts", "False alerts"),
            rows,
            origin="runs",
            controlled=material.protected,
            note="Groups too small to report are left out. A false alert is a person flagged to "
            "whom the outcome was not recorded.",
        ),
    ]


def _rate(value: float | None) -> str:
    return "not measured" if value is None else formats.number(value, 1)


def _group(case: UseCaseFacts, group: str) -> str:
    column, _, label = group.partition("=")
    return f"{wording.short(case, column)}: {label}" if group else "everyone"
