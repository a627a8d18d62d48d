"""Fairness: each measure by protected group, its change against pooling, and who is too few.

For the equality duty (Equality Act 2010 s.149); figures only, no conclusion.
"""

from dataclasses import dataclass

from sandbox.report import formats
from sandbox.report.comparison import ATTACK, Comparison, OptionRuns
from sandbox.report.glossary import entry
from sandbox.report.pooling import Difference, Estimate, difference
from sandbox.report.tables import Cell, Table


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One measure over the groups of one protected characteristic."""

    heading: str
    """Measure and characteristic."""
    finding: str
    """What the table shows, in words made from its numbers."""
    table: Table
    """Options × groups."""


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """One option's figure for one group."""

    option: str
    group: str
    estimate: Estimate
    against: Difference | None
    apart: bool
    """Whether it differs from pooling by more than chance."""


def panels(comparison: Comparison) -> list[Panel]:
    """One panel per measure and protected column, in the order of the evidence."""
    keys = dict.fromkeys(
        (f.measure, f.group.split("=", 1)[0])
        for option in comparison.answered
        for row in option.done
        for f in row.findings
        if "=" in f.group and not f.force and not f.measure.startswith(ATTACK)
    )
    return [_panel(comparison, measure, column) for measure, column in keys]


def _panel(comparison: Comparison, measure: str, column: str) -> Panel:
    groups = tuple(
        dict.fromkeys(
            f.group
            for option in comparison.answered
            for row in option.done
            for f in row.findings
            if f.measure == measure and f.group.split("=", 1)[0] == column and not f.force
        )
    )
    spots = [
        _spot(comparison, option, measure, group)
        for option in comparison.answered
        for group in groups
    ]
    named, of = entry(measure), comparison.evidence.header.use_case.label(column)
    rows = tuple(
        (
            Cell(text=option.name),
            *(_cell(s, share=named.share) for s in spots if s.option == option.name),
        )
        for option in comparison.answered
    )
    heading = f"{named.title[:1].upper()}{named.title[1:]} by {of}"
    small = _too_small(spots)
    return Panel(
        heading=heading,
        finding=" ".join(part for part in (_finding(comparison, spots), small) if part),
        table=Table(
            caption=heading,
            headings=("Option", *(group.split("=", 1)[1] for group in groups)),
            rows=rows,
        ),
    )


def _spot(comparison: Comparison, option: OptionRuns, measure: str, group: str) -> _Spot:
    reference = comparison.reference
    mine = option.by_repeat(measure, group)
    theirs = reference.by_repeat(measure, group) if reference else {}
    against = difference(mine, theirs) if option is not reference else None
    estimate = option.pooled(measure, group) or Estimate(value=None)
    base = reference.pooled(measure, group) if reference else None
    return _Spot(
        option=option.name,
        group=group,
        estimate=estimate,
        against=against,
        apart=against is not None and _apart(against, estimate, base),
    )


def _apart(against: Difference, mine: Estimate, theirs: Estimate | None) -> bool:
    """By the paired interval where there is one, else by intervals that do not touch."""
    if against.significant is not None:
        return against.significant
    ends = (mine.interval, theirs.interval if theirs else None)
    if ends[0] is None or ends[1] is None:
        return False
    return ends[0][1] < ends[1][0] or ends[0][0] > ends[1][1]


def _cell(spot: _Spot, *, share: bool) -> Cell:
    if spot.estimate.value is None:
        return Cell(text="; ".join(spot.estimate.notes) or "not measured")
    text = formats.estimate(spot.estimate, share=share)
    if spot.against is None or spot.against.estimate.value is None:
        return Cell(text=text)
    value = spot.against.estimate.value * (100 if share else 1)
    unit = " points" if share else ""
    ends = spot.estimate.interval
    scale = 100 if share else 1
    places = formats.decimals(ends[0] * scale, ends[1] * scale) if ends else 1 + 2 * (not share)
    changed = f"{formats.number(value, places, sign=True)}{unit} against pooling"
    return Cell(text=text, small=(changed if spot.apart else f"{changed}, within chance",))


def _finding(comparison: Comparison, spots: list[_Spot]) -> str:
    if comparison.reference is None:
        return "Pooling was not run, so that no change against it can be shown."
    moved = [spot for spot in spots if spot.apart]
    if not moved:
        return f"No group's figure differs from {comparison.reference.name} by more than chance."
    by_option: dict[str, list[str]] = {}
    for spot in moved:
        by_option.setdefault(spot.option, []).append(spot.group.split("=", 1)[1])
    said = [f"{name} ({formats.listed(groups)})" for name, groups in by_option.items()]
    under = formats.listed(said)
    return f"Differs from {comparison.reference.name} by more than chance under {under}."


def _too_small(spots: list[_Spot]) -> str:
    groups = dict.fromkeys(spot.group for spot in spots)
    unmeasured = [
        group.split("=", 1)[1]
        for group in groups
        if all(spot.estimate.value is None for spot in spots if spot.group == group)
    ]
    return f"Too few to report: {formats.listed(unmeasured)}." if unmeasured else ""
