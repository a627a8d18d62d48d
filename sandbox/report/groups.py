"""One measure for each group of one protected column, under every option, and its change.

A change is told from chance by the paired interval where there is one, else by intervals that do
not touch; where a figure has no interval, nothing is said of chance.
"""

from dataclasses import dataclass, replace

from sandbox.report import formats
from sandbox.report.comparison import Comparison, OptionRuns, is_attack
from sandbox.report.glossary import GAP, entry
from sandbox.report.pooling import Difference, Estimate, difference
from sandbox.report.tables import Cell, Table


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One option's figure for one group, or for one column as a whole."""

    option: str
    """Option name."""
    measure: str
    """Measure name."""
    group: str
    """`ethnicity=black`; the column's name alone for a gap between its groups."""
    estimate: Estimate
    """The figure; no value where it was not measured."""
    against: Difference | None
    """The figure minus that under pooling; None for pooling itself and without a pair."""
    apart: bool | None
    """Whether it differs from pooling by more than chance; None where that cannot be said."""

    @property
    def label(self) -> str:
        """The group without its column."""
        return self.group.split("=", 1)[-1]

    @property
    def change(self) -> float | None:
        """Change against pooling."""
        return self.against.estimate.value if self.against else None


def measured(comparison: Comparison) -> dict[str, dict[str, tuple[str, ...]]]:
    """Protected column → measure → the groups that it was taken for, in the evidence's order."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for option in comparison.answered:
        for finding in (each for row in option.done for each in row.findings):
            if finding.group and not finding.force and not is_attack(finding):
                column = finding.group.split("=", 1)[0]
                measures = found.setdefault(column, {})
                measures.setdefault(finding.measure, {})[finding.group] = None
    return {
        column: {measure: tuple(groups) for measure, groups in measures.items()}
        for column, measures in found.items()
    }


def spots(comparison: Comparison, measure: str, groups: tuple[str, ...]) -> list[Spot]:
    """Every option's figure for every group, option by option."""
    return [
        _spot(comparison, option, measure, group)
        for option in comparison.answered
        for group in groups
    ]


def _spot(comparison: Comparison, option: OptionRuns, measure: str, group: str) -> Spot:
    reference = comparison.reference
    estimate = option.pooled(measure, group) or Estimate(value=None)
    against, apart = None, None
    if reference is not None and option is not reference:
        against = difference(option.by_repeat(measure, group), reference.by_repeat(measure, group))
        apart = _apart(against, estimate, reference.pooled(measure, group))
    return Spot(
        option=option.name,
        measure=measure,
        group=group,
        estimate=estimate,
        against=against,
        apart=apart,
    )


def _apart(against: Difference | None, mine: Estimate, theirs: Estimate | None) -> bool | None:
    if against is None or against.significant is not None:
        return against.significant if against else None
    ends = (mine.interval, theirs.interval if theirs else None)
    if ends[0] is None or ends[1] is None:
        return None
    return ends[0][1] < ends[1][0] or ends[0][0] > ends[1][1]


def too_few(found: list[Spot]) -> list[str]:
    """Groups that no option has a figure for."""
    groups = dict.fromkeys(spot.group for spot in found)
    shown = {spot.group for spot in found if spot.estimate.value is not None}
    return [group for group in groups if group not in shown]


def table(comparison: Comparison, found: list[Spot], caption: str) -> Table:
    """Options × groups of one measure; one row where every option has the same figures."""
    left_out = too_few(found)
    found = [spot for spot in found if spot.group not in left_out]
    groups = list(dict.fromkeys(spot.group for spot in found))
    by_option = {
        option.name: [spot for spot in found if spot.option == option.name]
        for option in comparison.answered
    }
    same = len({tuple(spot.estimate for spot in row) for row in by_option.values()}) == 1
    if same:
        by_option = {"every option": next(iter(by_option.values()))}
    rows = tuple(
        (Cell(text=name), *(cell(spot) for spot in row)) for name, row in by_option.items()
    )
    return Table(
        caption=caption,
        headings=("Option", *(group.split("=", 1)[-1] for group in groups)),
        rows=rows if groups else (),
        note="" if same else moved(comparison, found),
    )


def cell(spot: Spot) -> Cell:
    """A figure with its interval, and its change against pooling in small type.

    A gap between shares is in percentage points, without a unit.
    """
    share = entry(spot.measure).share
    gap = share and spot.measure.endswith(GAP)
    if spot.estimate.value is None:
        return Cell(text="; ".join(spot.estimate.notes) or "not measured")
    shown = _in_points(spot.estimate) if gap else spot.estimate
    text = formats.estimate(shown, share=share and not gap)
    from_nothing = spot.apart is None and spot.change == spot.estimate.value
    if spot.change is None or from_nothing:  # an error beside none: the figure says it all
        return Cell(text=text)
    if spot.change == 0:
        return Cell(text=text, small=("no change",))
    scale = 100 if share else 1
    ends = [end * scale for end in spot.estimate.interval or ()]
    places = formats.decimals(*ends) if len(set(ends)) > 1 else 1 + 2 * (not share)
    unit = " points" if share and not gap else ""
    changed = formats.number(spot.change * scale, places, sign=True) + unit
    return Cell(text=text, small=(f"{changed}, within chance" if spot.apart is False else changed,))


def _in_points(given: Estimate) -> Estimate:
    value, low, high = (
        None if each is None else 100 * each for each in (given.value, given.low, given.high)
    )
    return replace(given, value=value, low=low, high=high)


def moved(comparison: Comparison, found: list[Spot]) -> str:
    """Which options change which groups' figures by more than chance, in one sentence."""
    reference = comparison.reference
    if reference is None:
        return "Pooling was not run, so that no change against it can be shown."
    if all(spot.apart is None for spot in found):
        return ""
    by_option: dict[str, list[str]] = {}
    for spot in found:
        if spot.apart:
            by_option.setdefault(spot.option, []).append(spot.label)
    if not by_option:
        return f"No group's figure differs from {reference.name} by more than chance."
    under = [f"{name} ({formats.listed(labels)})" for name, labels in by_option.items()]
    return f"Differs from {reference.name} by more than chance under {formats.listed(under)}."
