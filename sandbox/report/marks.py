"""Where every mark of a chart goes: plain numbers, computed without any drawing engine."""

import math
from dataclasses import dataclass, replace

import numpy as np
from sklearn.isotonic import isotonic_regression

from sandbox.report import formats, wording
from sandbox.report.comparison import Comparison, OptionRuns
from sandbox.report.glossary import entry
from sandbox.report.intrusion import dominated

PADDING = 0.06
"""Empty share of an axis beyond its outermost mark."""
LABEL_GAP = 17
"""Pixels from one label's middle to the next."""
SAME_POINT = 5
"""Pixels within which marks share a label."""
LONGEST = 48
"""Characters of a shared label."""
DOMINATED = "hollow: dominated by another option"
"""Legend of a mark that another beats on both axes."""
UNBEATEN = "filled: not dominated"
"""Every other mark."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One option in a chart."""

    name: str
    """Option name."""
    verdict: str
    """Floor verdict in words; the mark's shape says the same."""
    label: str
    """Direct label: the names of all options on this point; empty where another mark bears it."""
    standing: str = ""
    """`DOMINATED` or `UNBEATEN`; the former is drawn hollow."""
    useful: float = 0.0
    """Headline figure."""
    useful_low: float = 0.0
    """Lower end of its interval; the figure itself where there is none."""
    useful_high: float = 0.0
    """Upper end."""
    risk: float = 0.0
    """Worst attack."""
    risk_low: float = 0.0
    """Lower end of its interval; the figure itself where there is none."""
    risk_high: float = 0.0
    """Upper end."""
    label_x: float = 0.0
    """Where the label starts, on the risk axis."""
    label_y: float = 0.0
    """Where the label's middle is, on the usefulness axis."""
    bytes_drawn: float | None = None
    """Bytes out; None where nothing leaves, which a logarithmic axis cannot show."""
    bytes_label: str = ""
    """Bytes out, and person-level rows, in words."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis: its title and its ends."""

    title: str
    """Title with unit and direction."""
    low: float
    """Smallest value shown."""
    high: float
    """Largest value shown."""


def useful_marks(comparison: Comparison) -> list[Mark]:
    """Every option with a headline figure, the most useful first."""
    sign = -1 if comparison.floor.direction == "at_least" else 1
    found = [_mark(comparison, option) for option in comparison.answered]
    return sorted((mark for mark in found if mark is not None), key=lambda m: sign * m.useful)


def trade_off_marks(
    comparison: Comparison, width: float, height: float, label_x: float
) -> list[Mark]:
    """Every option with a headline figure and a verdict on the attack, labels spread apart.

    Args:
        comparison: the comparison.
        width: pixels from the least to the greatest risk.
        height: pixels from the bottom to the top of the chart.
        label_x: where labels start, on the risk axis.
    """
    drawn = [o for o in comparison.answered if wording.on_trade_off(comparison, o)]
    marks = [mark for mark in (_mark(comparison, option) for option in drawn) if mark]
    useful, risk = useful_axis(comparison, marks), risk_axis(comparison, marks)
    up, across = height / (useful.high - useful.low), width / (risk.high - risk.low)
    clusters = _clusters(marks, across, up)
    targets = [(cluster[0].useful - useful.low) * up / height for cluster in clusters]
    places = spread(targets, LABEL_GAP / height)
    return [
        replace(
            mark,
            label="" if rank else ", ".join(each.name for each in cluster),
            label_x=label_x,
            label_y=useful.low + place * height / up,
        )
        for cluster, place in zip(clusters, places, strict=True)
        for rank, mark in enumerate(cluster)
    ]


def _clusters(marks: list[Mark], across: float, up: float) -> list[list[Mark]]:
    """Marks that sit on one point and whose names fit one label, by rising usefulness.

    Args:
        marks: the marks.
        across: pixels per unit of risk.
        up: pixels per unit of usefulness.
    """
    clusters: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda each: each.useful):
        for cluster in clusters:
            apart = math.hypot(
                (mark.risk - cluster[0].risk) * across, (mark.useful - cluster[0].useful) * up
            )
            length = sum(len(each.name) + 2 for each in cluster) + len(mark.name)
            if apart <= SAME_POINT and length <= LONGEST:
                cluster.append(mark)
                break
        else:
            clusters.append([mark])
    return clusters


def spread(targets: list[float], gap: float) -> list[float]:
    """Places in [0, 1], at least a gap apart, as near to rising targets as can be.

    Least squares under order constraints, by isotonic regression of the targets less their
    rank times the gap.
    """
    if not targets:
        return []
    gap = min(gap, 1 / len(targets))
    steps = gap * np.arange(len(targets))
    fitted = isotonic_regression(np.array(targets) - steps, y_min=0.0, y_max=1.0 - steps[-1])
    return [float(place) for place in fitted + steps]


def egress_marks(comparison: Comparison) -> list[Mark]:
    """Every option that answered, in plan order, with the bytes that left."""
    return [
        Mark(
            name=option.name,
            verdict=comparison.verdict(option).value,
            label=option.name,
            bytes_drawn=option.bytes_out or None,
            bytes_label=_bytes_label(option),
        )
        for option in comparison.answered
    ]


def useful_axis(comparison: Comparison, marks: list[Mark]) -> Axis:
    """The headline measure's axis, floor included."""
    ends = [end for mark in marks for end in (mark.useful_low, mark.useful_high)]
    better = "higher" if comparison.floor.direction == "at_least" else "lower"
    title = entry(comparison.floor.measure).title
    return _axis(
        f"{title[:1].upper()}{title[1:]}, {better} is better", [*ends, comparison.floor.value]
    )


def risk_axis(comparison: Comparison, marks: list[Mark]) -> Axis:
    """The attack measure's axis, guessing included."""
    ends = [end for mark in marks for end in (mark.risk_low, mark.risk_high)]
    guessing = baseline(comparison)
    title = entry(comparison.attack_measure or "membership").title.removeprefix("worst ")
    ends += [] if guessing is None else [guessing]
    return _axis(f"Worst {title}, lower is safer", ends)


def baseline(comparison: Comparison) -> float | None:
    """What guessing reaches in the attack that options are compared by."""
    found = [comparison.risk(option) for option in comparison.answered]
    return next((risk.baseline for risk in found if risk and risk.baseline is not None), None)


def ticks(axis: Axis, most: int = 6) -> list[float]:
    """Round numbers within an axis."""
    step = 10 ** math.floor(math.log10((axis.high - axis.low) / most))
    while (axis.high - axis.low) / step > most:
        step *= 2 if round(step / 10 ** math.floor(math.log10(step)), 6) != 2 else 2.5  # noqa: PLR2004
    first = math.ceil(axis.low / step)
    return [round(k * step, 10) for k in range(first, math.floor(axis.high / step) + 1)]


def _axis(title: str, values: list[float]) -> Axis:
    low, high = min(values), max(values)
    room = (high - low) * PADDING or max(abs(high), 1.0) * PADDING
    return Axis(title=title, low=low - room, high=high + room)


def _mark(comparison: Comparison, option: OptionRuns) -> Mark | None:
    estimate = comparison.headline(option)
    if estimate is None or estimate.value is None:
        return None
    beaten = option.name in {pair.option for pair in dominated(comparison)}
    useful = estimate.interval or (estimate.value, estimate.value)
    mark = Mark(
        name=option.name,
        verdict=comparison.verdict(option).value,
        label=option.name,
        standing=DOMINATED if beaten else UNBEATEN,
        useful=estimate.value,
        useful_low=useful[0],
        useful_high=useful[1],
    )
    attack = comparison.risk(option)
    if attack is None or attack.estimate.value is None:
        return mark
    risk = attack.estimate.interval or (attack.estimate.value, attack.estimate.value)
    return replace(mark, risk=attack.estimate.value, risk_low=risk[0], risk_high=risk[1])


def _bytes_label(option: OptionRuns) -> str:
    rows = option.person_rows
    people = f", {formats.counted(round(rows), 'person-level row')}" if rows else ""
    return f"{formats.size(option.bytes_out)}{people}" if option.bytes_out else "nothing leaves"
