"""The four-stage test of Bank Mellat v HM Treasury (No 2) [2013] UKSC 39, with figures for each.

As applied to police analytics in R (Bridges) v South Wales Police [2020] EWCA Civ 1058. The tool
lays figures under each question and answers none.
"""

from sandbox.pack.document import Blank, Block, Heading, Points, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections.purpose import BUSINESS_AS_USUAL
from sandbox.report import formats, wording
from sandbox.report.comparison import OptionRuns
from sandbox.report.glossary import entry
from sandbox.report.intrusion import answers, respects


def section(material: Material) -> Section:
    """Objective, rational connection, less intrusive measure, fair balance."""
    return Section(
        number="A",
        title="The four questions of proportionality",
        blocks=(
            Heading(text="First: is the objective important enough?"),
            Say(
                text=f"Objective in the plan: {material.header.purpose or 'not stated'}",
                origin="plan",
            ),
            Blank(key="A-objective", question="Why the objective justifies limiting rights"),
            Heading(text="Second: is the measure rationally connected to it?"),
            *_connection(material),
            Blank(key="A-connection", question="Why the answer would serve the objective in use"),
            Heading(
                text="Third: would something less intrusive do without compromising it unduly?"
            ),
            *_less(material),
            Blank(key="A-less", question="Why nothing less intrusive is proposed"),
            Heading(text="Fourth: is the balance fair?"),
            Say(
                text="Numbers affected stand in section 2.6, errors and their harms in section "
                "2.11 and the equality section, residual risk in the risk register."
            ),
            Blank(key="A-balance", question="Whether severity of effects is outweighed, and why"),
        ),
    )


def _connection(material: Material) -> list[Block]:
    """Gain over business as usual on held-out people."""
    comparison = material.comparison
    usual = next((o for o in comparison.answered if o.name == BUSINESS_AS_USUAL), None)
    if usual is None:
        return [missing("the gain over business as usual", material.compare)]
    share = entry(comparison.floor.measure).share
    rows = []
    for option in comparison.answered:
        if option is usual:
            continue
        found = comparison.gain(option, usual)
        figure = (
            formats.estimate(found.estimate, share=share, sign=True) if found else "not measured"
        )
        rows.append((option.name, figure, wording.change(found, comparison.floor.direction)))
    return [
        grid(
            "gain",
            "Gain over business as usual, on people whom no option saw",
            ("Option", "Difference, with 95% interval", "In words"),
            rows,
            origin="runs",
            controlled=material.protected,
        )
    ]


def _less(material: Material) -> list[Block]:
    """The partial order of intrusion, respect by respect."""
    comparison = material.comparison
    if not comparison.answered:
        return [missing("intrusion of any option", material.compare)]
    rows = [
        (
            option.name,
            comparison.verdict(option).value,
            *(respect.words for respect in respects(comparison, option)),
        )
        for option in comparison.answered
        if option is not comparison.reference
    ]
    good: tuple[OptionRuns, ...] = answers(comparison)
    blocks: list[Block] = [
        grid(
            "intrusion",
            "Intrusion against pooling the raw rows: a partial order, not a rank",
            ("Option", "Floor", "Scope: people", "Extent: data", "Intensity: how revealing"),
            rows,
            origin="runs",
            controlled=material.protected,
        )
    ]
    if good:
        names = tuple(f"{option.name} needs an explanation if rejected" for option in good)
        blocks.append(Points(items=names, origin="runs"))
    return blocks
