"""The verdict on an attack that was tried and counted: what it gave away, if its controls hold.

No bare rate: success comes with what guessing reaches, with the same attack on people who are not
in the data, and with an interval (after Giomi, Boenisch, Wehmeyer and Tasnádi, "A unified framework
for quantifying privacy risk in synthetic data", PoPETs 2023).
"""

from dataclasses import dataclass, replace
from typing import Any

from scipy.special import ndtri

from sandbox.attacks.tally import CHANCE, FEWEST, Source, Tally
from sandbox.attacks.targets import EVERYONE
from sandbox.findings import COLUMN, Finding, Needs
from sandbox.rates import Rate, difference, least_detectable


def failures(tally: Tally, what: str) -> list[str]:
    """Which controls of one attack failed, in words; empty if both hold."""
    found = []
    if not difference(*_pair(tally, what, EVERYONE, Source.COPY), 1.645)[1] > 0:
        found.append("even what gives members away told no more of them than of others")
    gap = difference(*_pair(tally, what, EVERYONE, Source.STRANGERS), CHANCE)
    if not gap[1] <= 0 <= gap[2]:
        found.append("members could be told from others without any release of theirs")
    return found


def findings(  # noqa: PLR0913 - an attack, its counts and how they are read
    name: str,
    background: str,
    tally: Tally,
    z: float | None = None,
    *,
    needs: Needs = "release",
    about: str = "",
) -> list[Finding]:
    """Success and residual risk of the worst attack whose controls hold, or no verdict.

    Args:
        name: of the attack; findings are `<name>_success` and `<name>_risk`.
        background: what the attacker is taken to know.
        tally: counts over the forces.
        z: standard deviations of the interval; by default 95 % over all that was tried.
        needs: whether the option was run again.
        about: the column that was to be found out, if the attack is on one alone.

    Returns:
        For everyone, then the risk for the outliers and each protected group. The risk is the part
        of what was left to find out that being in the data gave away: (attack − control) /
        (1 − control), negative only by chance. The worst attack is the one whose risk is surely
        largest: the largest lower end.
    """
    facts = _Facts(name=name, background=background, needs=needs, about=about)
    tried = [what for what in tally.whats if min(r.tries for r in _pair(tally, what, EVERYONE))]
    faults = {what: failures(tally, what) for what in tried}
    sound = [what for what in tried if not faults[what]]
    if not sound:
        reasons = sorted({text for texts in faults.values() for text in texts})
        why = "; ".join(reasons) or "nothing released could be attacked in this way"
        return [facts.figure("risk", value=None, note=f"no verdict: {why}")]
    wide = float(-ndtri(0.025 / len(sound))) if z is None else z
    worst = max(sound, key=lambda what: _risk(tally, what, wide)[1])
    found = [
        _success(facts, tally, worst),
        _headline(facts, tally, worst, z=wide, sound=sound),
    ]
    return found + [_of_group(facts, tally, worst, group, wide) for group in tally.groups]


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What every figure of an attack says of it."""

    name: str
    background: str
    needs: Needs
    about: str

    def figure(self, kind: str, *, value: float | None, **rest: Any) -> Finding:  # noqa: ANN401 - fields
        """A finding of the attack; a risk is a residual risk."""
        measure = f"{self.name}_{kind}{COLUMN + self.about if self.about else ''}"
        if kind == "risk" and value is not None:
            ends = {"residual_low": rest.get("low"), "residual_high": rest.get("high")}
            rest = {"residual": value, **ends, **rest}
        return Finding(
            measure=measure,
            value=value,
            better="neither",
            attack=self.name,
            background=self.background,
            needs=self.needs,
            **rest,
        )


def _pair(
    tally: Tally, what: str, group: str, source: Source = Source.RELEASE
) -> tuple[Rate, Rate]:
    inside = tally.rate(what, source, inside=True, group=group)
    return inside, tally.rate(what, source, inside=False, group=group)


def _risk(
    tally: Tally,
    what: str,
    z: float,
    group: str = EVERYONE,
    source: Source = Source.RELEASE,
) -> tuple[float, float, float]:
    attack, control = _pair(tally, what, group, source)
    left = 1 - control.share
    if not left > 0:
        return 0.0, 0.0, 1.0
    gap, low, high = difference(attack, control, z)
    return gap / left, max(low / left, -1.0), min(high / left, 1.0)


def _success(facts: _Facts, tally: Tally, what: str) -> Finding:
    attack, control = _pair(tally, what, EVERYONE)
    low, high = attack.wilson()
    guess = tally.rate(what, Source.REFERENCE, inside=True)
    copied = tally.rate(what, Source.COPY, inside=True)
    return facts.figure(
        "success",
        value=attack.share,
        low=low,
        high=high,
        baseline=guess.share if guess.tries else None,
        control=control.share,
        positive=copied.share if copied.tries else None,
        note=f"{what}; {attack.tries:.0f} members attacked",
    )


def _headline(facts: _Facts, tally: Tally, what: str, *, z: float, sound: list[str]) -> Finding:
    skipped = [each for each in tally.whats if each not in sound]
    note = f"worst of {len(sound)} attacks: {what}"
    if skipped:
        note += f"; without verdict, a control failed: {', '.join(skipped)}"
    found = _figure(facts, tally, what, EVERYONE, z)
    return replace(
        found,
        control=_risk(tally, what, z, source=Source.STRANGERS)[0],
        positive=_risk(tally, what, z, source=Source.COPY)[0],
        note=note,
    )


def _of_group(facts: _Facts, tally: Tally, what: str, group: str, z: float) -> Finding:
    if min(rate.tries for rate in _pair(tally, what, group)) < FEWEST:
        note = f"too few to report: under {FEWEST} people"
        return facts.figure("risk", value=None, group=group, note=note)
    return replace(_figure(facts, tally, what, group, z), group=group, note=what)


def _figure(facts: _Facts, tally: Tally, what: str, group: str, z: float) -> Finding:
    """The residual risk of a group or of everyone, with its interval."""
    value, low, high = _risk(tally, what, z, group)
    attack, control = _pair(tally, what, group)
    detectable = least_detectable(attack, control) / max(1 - control.share, 1e-9)
    return facts.figure(
        "risk", value=value, low=low, high=high, baseline=0.0, detectable=detectable
    )
