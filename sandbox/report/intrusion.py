"""Intrusion as a partial order: scope, extent and intensity side by side, never one score.

Following the less-intrusive-measure limb of Bank Mellat v HM Treasury (No 2) [2013] UKSC 39,
options are compared with pooling the raw rows respect by respect; an option is called less
intrusive only if it is less in some respect and more in none that was measured.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sandbox.report.comparison import Comparison, OptionRuns, Verdict
from sandbox.report.pooling import Estimate

Order: TypeAlias = Literal["less", "same", "more", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Respect:
    """One respect in which an option is compared with pooling."""

    aspect: Literal["scope", "extent", "intensity"]
    """How many people; how much about them; how much an attacker learns."""
    order: Order
    """The option against pooling."""
    words: str
    """The comparison in words, a clause for a sentence."""


@dataclass(frozen=True, kw_only=True)
class Dominated:
    """An option that another beats on usefulness and on attack risk together."""

    option: str
    """The option."""
    by: str
    """The first option, in plan order, that beats it."""


def respects(comparison: Comparison, option: OptionRuns) -> tuple[Respect, ...]:
    """Scope, extent and intensity of an option against pooling the raw rows."""
    reference = comparison.reference
    pools = reference is not None and bool(reference.person_rows)
    rows = reference.person_rows if pools and reference else None
    cells = reference.person_cells if pools and reference else None
    return (
        _scope(option.person_rows, rows),
        _extent(option.person_cells, cells),
        _intensity(option, reference, comparison.attack_measure),
    )


def _scope(mine: float | None, pooled: float | None) -> Respect:
    if mine == 0:
        return Respect(aspect="scope", order="less", words="no person-level rows leave any force")
    order = _order(mine, pooled)
    words = {
        "less": "fewer person-level rows leave",
        "same": "as many person-level rows leave",
        "more": "more person-level rows leave",
        "unknown": "person-level rows leave, and pooling was not run to compare",
    }
    return Respect(aspect="scope", order=order, words=words[order])


def _extent(mine: float | None, pooled: float | None) -> Respect:
    if mine == 0:
        return Respect(aspect="extent", order="less", words="no value in a person's row leaves")
    order = _order(mine, pooled)
    words = {
        "less": "fewer values about each person leave",
        "same": "as many values about each person leave",
        "more": "more values about each person leave",
        "unknown": "values about each person could not be compared",
    }
    return Respect(aspect="extent", order=order, words=words[order])


def _order(mine: float | None, pooled: float | None) -> Order:
    if mine is None or pooled is None:
        return "unknown"
    return "less" if mine < pooled else "more" if mine > pooled else "same"


def _intensity(option: OptionRuns, reference: OptionRuns | None, measure: str | None) -> Respect:
    """Attack by attack on the same group of people: less on one and more on none is less."""
    pooled = (
        {a.group: a.estimate for a in reference.attacks if a.measure == measure}
        if reference
        else {}
    )
    orders = [
        _apart(attack.estimate, pooled[attack.group])
        for attack in option.attacks
        if attack.measure == measure and attack.group in pooled
    ]
    order: Order = "unknown"
    for candidate in ("same", "less", "more"):
        order = candidate if candidate in orders else order
    words = {
        "less": "the worst attack does less well",
        "same": "the worst attack does no differently that can be told",
        "more": "the worst attack does better",
        "unknown": "no verdict on any attack",
    }
    return Respect(aspect="intensity", order=order, words=words[order])


def _apart(mine: Estimate, theirs: Estimate) -> Order:
    if mine.interval is None or theirs.interval is None:
        return "unknown"
    if mine.interval[1] < theirs.interval[0]:
        return "less"
    return "more" if mine.interval[0] > theirs.interval[1] else "same"


def less_intrusive(found: tuple[Respect, ...]) -> bool:
    """Less in some respect, more in none."""
    orders = {respect.order for respect in found}
    return "less" in orders and "more" not in orders


def answers(comparison: Comparison) -> tuple[OptionRuns, ...]:
    """Options that meet the floor with less intrusion than pooling the raw rows."""
    return tuple(
        option
        for option in comparison.answered
        if option is not comparison.reference
        and comparison.verdict(option) is Verdict.MEETS
        and less_intrusive(respects(comparison, option))
    )


def dominated(comparison: Comparison) -> tuple[Dominated, ...]:
    """Options beaten on usefulness and attack risk together.

    One option beats another if it is at least as useful and no riskier by both point estimates,
    and distinguishably better in one of them: paired interval of usefulness without zero, or
    attack intervals that do not touch.
    """
    found = []
    for option in comparison.answered:
        better = (
            o for o in comparison.answered if o is not option and _beats(comparison, o, option)
        )
        first = next(better, None)
        if first is not None:
            found.append(Dominated(option=option.name, by=first.name))
    return tuple(found)


def _beats(comparison: Comparison, one: OptionRuns, other: OptionRuns) -> bool:
    gain = comparison.gain(one, other)
    risks = [comparison.risk(option) for option in (one, other)]
    values = [risk.estimate.value if risk else None for risk in risks]
    if gain is None or gain.estimate.value is None or values[0] is None or values[1] is None:
        return False
    sign = 1 if comparison.floor.direction == "at_least" else -1
    if sign * gain.estimate.value < 0 or values[0] > values[1]:
        return False
    ends = [risk.estimate.interval if risk else None for risk in risks]
    safer = ends[0] is not None and ends[1] is not None and ends[0][1] < ends[1][0]
    return bool(gain.significant) or safer
