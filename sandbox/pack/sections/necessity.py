"""Section 2.10: could the aim be met with less? Options, data-need curves, column ablation.

The second limb of necessity asks for a less intrusive measure that would not unacceptably
compromise the objective (R (Bridges) v South Wales Police [2020] EWCA Civ 1058, applying Bank
Mellat (No 2) [2013] UKSC 39): every option is set beside the floor that was fixed beforehand.
"""

from sandbox.pack.document import Blank, Block, Grid, Heading, Picture, Say, Section, missing
from sandbox.pack.material import Material
from sandbox.pack.sections import curves
from sandbox.report import formats, wording
from sandbox.report.comparison import Comparison, OptionRuns
from sandbox.report.figures import Figure, slug
from sandbox.report.glossary import entry
from sandbox.report.intrusion import answers
from sandbox.report.option_table import TAGS, difference, privacy
from sandbox.report.tables import Cell, Table, memory, seconds


def section(material: Material, drawn: dict[str, Figure]) -> Section:
    """The options matrix, the curves and the ablation."""
    comparison = material.comparison
    blocks: list[Block] = [
        Say(
            text=f"Meet the floor with less intrusion than pooling: {wording.answer(comparison)}",
            tone="finding",
            origin="runs",
        ),
    ]
    if comparison.answered:
        said = wording.utility_finding(comparison)
        blocks.append(picture(material, drawn, "usefulness", said))
    blocks += [Heading(text="Options matrix"), matrix(material)]
    blocks += _unanswered(comparison)
    blocks += [Heading(text="Options needing an explanation for rejection"), *_rejections(material)]
    blocks += [Heading(text="How much data the answer needs"), *curves.blocks(material)]
    blocks += [
        Heading(text="What each column is worth"),
        *curves.ablation(material),
        Blank(
            key="2.10-judgement",
            question="Why is it necessary to use this personal data, and why can the aim not be "
            "met with less, or by other means?",
        ),
    ]
    return Section(number="2.10", title="Necessity", blocks=tuple(blocks))


def picture(material: Material, drawn: dict[str, Figure], kind: str, finding: str) -> Picture:
    """A figure of the comparison; without its drawing where the engine is missing."""
    figure = drawn.get(kind)
    return Picture(
        name=f"{slug(material.comparison)}-{kind}",
        finding=finding,
        alternative=f"Chart of {kind.replace('-', ' ')}. {finding} The same numbers are in the "
        "table.",
        svg=figure.svg if figure else "",
        png=figure.png if figure else b"",
    )


def matrix(material: Material) -> Grid:
    """Every option that answered, with what speaks to necessity."""
    comparison = material.comparison
    named = entry(comparison.floor.measure).title
    reference = (
        f"Against {comparison.reference.name}" if comparison.reference else "Against pooling"
    )
    rows = tuple(_row(comparison, option) for option in comparison.answered)
    return Grid(
        slug="options",
        table=Table(
            caption="Every option, in plan order, with 95% intervals",
            headings=(
                "Option",
                named[:1].upper() + named[1:],
                "Floor met?",
                reference,
                "People's rows out",
                "Values per row",
                "Record-level access",
                "Worst attack",
                "Privacy loss",
                "Time, memory",
            ),
            rows=rows,
            note="Options that meet the floor with less intrusion than pooling are listed below; "
            "the reason for rejecting one is a person's to give.",
        ),
        origin="runs",
        controlled=material.protected,
    )


def _row(comparison: Comparison, option: OptionRuns) -> tuple[Cell, ...]:
    tag, words = TAGS[comparison.verdict(option)]
    worst, *controls = wording.attack(comparison.risk(option))
    rows, cells = option.person_rows, option.person_cells
    width = "none" if not rows else formats.number(cells / rows) if cells else "not told apart"
    value, interval = _headline(comparison, option)
    return (
        Cell(text=option.name, small=(option.stated_summary,) if option.stated_summary else ()),
        Cell(text=value, small=(interval,)),
        Cell(text=words, tag=tag),
        difference(comparison, option),
        Cell(text=formats.number(rows or 0)),
        Cell(text=width),
        Cell(text="yes" if rows else "no"),
        Cell(text=worst, small=tuple(controls)),
        privacy(option),
        Cell(text=seconds(option, "wall_seconds"), small=(memory(option),)),
    )


def _headline(comparison: Comparison, option: OptionRuns) -> tuple[str, str]:
    estimate = comparison.headline(option)
    if estimate is None:
        return "not measured", "no interval was measured"
    share = entry(comparison.floor.measure).share
    value, interval = formats.parts(estimate, share=share)
    return value, interval or "no interval was measured"


def _unanswered(comparison: Comparison) -> list[Block]:
    stopped = [
        (option.name, option.status.capitalize(), "; ".join(option.reasons) or "no reason recorded")
        for option in comparison.options
        if not option.done
    ]
    if not stopped:
        return []
    cells = tuple(tuple(Cell(text=text) for text in row) for row in stopped)
    table = Table(
        caption="Options that gave no answer",
        headings=("Option", "Status", "Reason"),
        rows=cells,
    )
    return [Grid(slug="unanswered", table=table, origin="runs")]


def _rejections(material: Material) -> list[Block]:
    """One blank per option that meets the floor with less intrusion than the proposal."""
    comparison = material.comparison
    good = [o for o in answers(comparison) if o.name != material.governance.proposal]
    if not comparison.answered:
        return [missing("any option", material.compare)]
    if not good:
        text = "None: no option measured is known to meet the floor with less intrusion."
        return [Say(text=text, origin="runs")]
    blocks: list[Block] = [
        Say(
            text=f"{formats.counted(len(good), 'option')} met the floor with less intrusion than "
            "pooling the raw rows. Each needs an explanation if it is rejected for a more "
            "intrusive one.",
            origin="runs",
        )
    ]
    blanks = [
        Blank(
            key=f"2.10-reject-{option.name}",
            question=f"{option.name}: adopted, or rejected because",
        )
        for option in good
    ]
    return [*blocks, *blanks]
