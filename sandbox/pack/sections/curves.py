"""Data-need curves and column ablation: usefulness against columns, people, months and areas."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sandbox.evidence_lines import Inquiry, UseCaseFacts
from sandbox.pack.document import Block, Picture, Say, grid, missing
from sandbox.pack.material import Material
from sandbox.report import formats
from sandbox.report.comparison import Comparison
from sandbox.report.figures import inline, slug
from sandbox.report.glossary import entry
from sandbox.report.pooling import Estimate

TOPICS = {
    "curve/columns": "columns",
    "curve/people": "people",
    "curve/months": "months of history",
    "curve/geography": "geography",
    "curve/forces": "forces",
}
"""Topic → what is cut."""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One setting of a curve."""

    label: str
    """The setting in words."""
    value: float
    """Its figure."""
    low: float | None
    """Lower end of its 95% interval."""
    high: float | None
    """Upper end."""
    kept: float | None = None
    """How much is kept, where that is a number."""


def blocks(material: Material) -> list[Block]:
    """One figure with its table per curve, or how to measure it."""
    found: list[Block] = []
    for topic, cut in TOPICS.items():
        inquiry = material.inquiry(topic)
        if inquiry is None or not dots(inquiry):
            why = f" ({inquiry.summary})" if inquiry and inquiry.summary else ""
            found.append(missing(f"usefulness against {cut}{why}", material.inquire))
            continue
        found += _curve(material, inquiry, topic, cut)
    return found


def dots(inquiry: Inquiry) -> list[Dot]:
    """The settings of a curve, in the evidence's order."""
    return [
        Dot(
            label=label_of(each, inquiry.topic),
            value=each["value"],
            low=each["low"],
            high=each["high"],
            kept=each.get("kept"),
        )
        for each in inquiry.data.get("points", [])
    ]


def label_of(point: Mapping[str, Any], topic: str) -> str:
    """A setting in words: columns by their number, shares in percent, else its own label."""
    kept = point.get("kept")
    if topic == "curve/columns" and kept is not None:
        return formats.counted(round(kept), "column")
    if topic == "curve/people" and kept is not None:
        return f"{100 * kept:g}% of people"
    return str(point.get("label") or kept)


def finding_of(comparison: Comparison, found: list[Dot], cut: str) -> str:
    """What a curve shows, in one line made from its numbers."""
    floor = comparison.floor
    up = floor.direction == "at_least"
    sure = [
        d
        for d in found
        if (end := d.low if up else d.high) is not None
        and (end >= floor.value if up else end <= floor.value)
    ]
    if not sure:
        return f"No setting of {cut} surely meets the floor."
    if len(sure) == len(found):
        return f"Every setting of {cut} tried surely meets the floor."
    least = min(sure, key=lambda d: (d.kept is None, d.kept or 0.0))
    return (
        f"The least of {cut} that surely meets the floor: {least.label}; {len(sure)} of "
        f"{len(found)} settings do."
    )


def _curve(material: Material, inquiry: Inquiry, topic: str, cut: str) -> list[Block]:
    comparison, found = material.comparison, dots(inquiry)
    said = finding_of(comparison, found, cut)
    measure = inquiry.data.get("measure", "auc")
    if measure != comparison.floor.measure:
        said = (
            f"The floor is of another measure; the curve is of {entry(measure).title}, and says "
            "only how it changes."
        )
    name = topic.replace("/", "-")
    case = material.case
    named = any("," in str(point.get("label", "")) for point in inquiry.data["points"])
    rows = [
        (
            dot.label,
            _estimate(dot),
            _floor_words(comparison, dot) if measure == comparison.floor.measure else "no floor",
            *((_kept(case, point),) if named else ()),
        )
        for dot, point in zip(found, inquiry.data["points"], strict=True)
    ]
    table = grid(
        name,
        f"Usefulness against {cut}, with 95% intervals",
        ("Setting", "Figure", "Surely meets the floor?", *(("Kept",) if named else ())),
        rows,
        origin=f"inquiry/{topic}",
        controlled=inquiry.controlled,
    )
    applies = measure == comparison.floor.measure
    line = comparison.floor.value if applies else found[-1].value
    words = "floor" if applies else "last setting"
    drawn = drawing(material, found, name=name, said=said, line=line, words=words)
    summary = [Say(text=inquiry.summary, origin=f"inquiry/{topic}")] if inquiry.summary else []
    return [*summary, drawn, table]


def _estimate(dot: Dot) -> str:
    return formats.estimate(Estimate(value=dot.value, low=dot.low, high=dot.high))


def _kept(case: UseCaseFacts, point: Mapping[str, Any]) -> str:
    """The columns that a setting keeps, by their labels."""
    return formats.listed([case.label(name) for name in str(point.get("label")).split(", ")])


def _floor_words(comparison: Comparison, dot: Dot) -> str:
    floor = comparison.floor
    if dot.low is None or dot.high is None:
        return "no interval"
    up = floor.direction == "at_least"
    worst, best = (dot.low, dot.high) if up else (-dot.high, -dot.low)
    line = floor.value if up else -floor.value
    return "yes" if worst >= line else "no" if best < line else "not distinguishable"


def drawing(  # noqa: PLR0913 - what a chart says
    material: Material, found: list[Dot], *, name: str, said: str, line: float, words: str
) -> Picture:
    """A curve as a figure; without its drawing where the engine is missing."""
    comparison = material.comparison
    full = f"{slug(comparison)}-{name}"
    text = f"Dot plot with 95% intervals and the line of the {words}. {said}"
    alternative = f"{text} The same numbers are in the table."
    svg, png = "", b""
    if material.draw:
        with suppress(ImportError):
            from sandbox.report import curve_chart  # noqa: PLC0415 - loads the engine

            chart = curve_chart.dots(comparison, found, line=line, words=words)
            svg = inline(curve_chart.svg(chart), full, alternative)
            png = curve_chart.png(chart)
    origin = f"inquiry/{name.replace('curve-', 'curve/')}"
    return Picture(
        name=full, finding=said, alternative=alternative, svg=svg, png=png, origin=origin
    )


def ablation(material: Material) -> list[Block]:
    """What leaving each column out alone costs, and whether it can be dropped."""
    inquiry = material.inquiry("curve/columns")
    needs = needs_of(inquiry)
    if inquiry is None or not needs:
        what = "what each column is worth, left out alone"
        if material.case.question.target is None:
            return [
                Say(
                    text="A table of groups has no columns beyond its keys and figures, which are "
                    "the question itself; coarser keys are the geography and history curves.",
                    origin="plan",
                )
            ]
        return [missing(what, material.inquire)]
    case, margin = material.case, float(inquiry.data.get("margin", 0.0))
    rows, spare = [], []
    for column, dot in needs.items():
        verdict = _keep(dot, margin)
        spare += [column] if verdict == "drop" else []
        category = case.columns[column].category if column in case.columns else None
        rows.append((case.label(column), _estimate(dot), verdict, category or "none stated"))
    said = (
        f"{formats.counted(len(spare), 'column')} of {len(needs)} can each be dropped alone at a "
        f"cost surely below {margin:g}."
        if spare
        else f"No column can be dropped alone at a cost surely below {margin:g}."
    )
    found = [replace(dot, label=case.label(column)) for column, dot in needs.items()]
    drawn = drawing(material, found, name="ablation", said=said, line=margin, words="margin")
    table = grid(
        "ablation",
        "Usefulness lost when one column is left out",
        ("Column", "Lost, with 95% interval", "Verdict", "Category in the Act"),
        rows,
        origin="inquiry/curve/columns",
        controlled=inquiry.controlled,
        note="Drop: surely costs less than the margin. Keep: surely costs something. Needs a "
        "reason: neither can be told. Columns that stand in for each other can each be droppable "
        "alone: read the curve against columns beside this.",
    )
    return [drawn, table]


def needs_of(inquiry: Inquiry | None) -> dict[str, Dot]:
    """Column → what leaving it out alone costs."""
    return {
        each["column"]: Dot(
            label=each["column"], value=each["lost"], low=each["low"], high=each["high"]
        )
        for each in (inquiry.data.get("needs", []) if inquiry else [])
    }


def lost_words(dot: Dot) -> str:
    """What leaving a column out costs, with its interval."""
    return _estimate(dot)


def _keep(dot: Dot, margin: float) -> str:
    if dot.low is None or dot.high is None:
        return "needs a reason"
    if dot.high < margin:
        return "drop"
    return "keep" if dot.low > 0 else "needs a reason"
