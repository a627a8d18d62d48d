"""What shadow attacks found: success over people and runs with intervals, or no verdict.

A pair of a person and a run is one try. Pairs of one person, and of one run, are alike, so
intervals draw people and runs anew together (Owen, "The pigeonhole bootstrap", 2007), which is
wider than the truth rather than narrower.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sandbox.attacks import tally, verdict
from sandbox.attacks.attack import Array
from sandbox.attacks.targets import EVERYONE, Flags
from sandbox.findings import Finding
from sandbox.measures import ranking
from sandbox.measures.resampling import REPLICATES


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Scores of people in runs, and whether they were in."""

    scores: Array
    """(runs, n) of the option's runs."""
    inside: Flags
    """(runs, n) who was in which."""
    strangers: Array
    """(runs, m) of people who were in none."""
    coins: Flags
    """(runs, m) memberships drawn for them that mean nothing."""
    leak: Array
    """(runs, n) of runs that give people away by construction."""
    caught: Flags
    """(runs, n) who was in which of these."""
    groups: Mapping[str, Flags]
    """Group → which of the n people belong to it; everyone first."""
    seed: int
    """Of the bootstrap."""


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """Figures of one set of pairs: observed first, then one per replicate."""

    counts: Array
    """(2, bins) others and members by score."""
    area: Array
    """Area under the curve."""
    rates: Mapping[float, Array]
    """Share of others accused → share of members found."""

    @property
    def tries(self) -> Array:
        """Others and members tried. Shape (2,)."""
        found: Array = self.counts.sum(axis=-1)
        return found

    @property
    def deviation(self) -> float:
        """Standard deviation of the area, at least that of independent guesses."""
        return max(verdict.deviation(self.tries), float(np.nanstd(self.area[1:])))


def told(name: str, background: str, trials: Trials) -> list[Finding]:
    """Findings of one attack: for everyone, then for every group; or no verdict.

    Args:
        name: of the attack; findings are `<name>_auc` and `<name>_tpr_at_…`.
        background: what the attacker is taken to know.
        trials: what was tried.
    """
    rng = np.random.default_rng(trials.seed)
    drawn = trials.groups[EVERYONE]
    found, leak = (
        resampled(scores[:, drawn], inside[:, drawn], rng)
        for scores, inside in ((trials.scores, trials.inside), (trials.leak, trials.caught))
    )
    control = resampled(trials.strangers, trials.coins, rng)
    faults = failures(leak, control)
    if faults:
        note = f"no verdict, controls failed: {'; '.join(faults)}"
        return [tally.none(f"{name}_auc", note, attack=name)]
    runs, people = trials.inside.shape
    note = (
        f"{runs} refits on draws of {trials.inside.sum(axis=1).mean():.0f} people on average; "
        f"{people} people, each in about half of them"
    )
    facts = Finding(
        measure=f"{name}_auc",
        value=None,
        better="neither",
        attack=name,
        background=background,
        needs="refit",
    )
    results = [
        replace(
            _area(facts, found),
            control=float(control.area[0]),
            positive=float(leak.area[0]),
            note=note,
        ),
        *(_rate(facts, found, allowed) for allowed in verdict.ALLOWED),
    ]
    for group, belongs in trials.groups.items():
        about = replace(facts, group=group)
        if group != EVERYONE and belongs.sum() < tally.FEWEST:
            note = f"too few to report: under {tally.FEWEST} people"
            results.append(replace(about, note=note))
        elif group != EVERYONE:
            pairs = trials.scores[:, belongs], trials.inside[:, belongs]
            results.append(_area(about, resampled(*pairs, rng)))
    return results


def resampled(scores: Array, inside: Flags, rng: np.random.Generator) -> Resampled:
    """Area under the curve and rates at few false positives, observed and in every replicate.

    Args:
        scores: (runs, n).
        inside: (runs, n).
        rng: draws runs and people anew.
    """
    distinct, place = np.unique(scores.round(9), return_inverse=True)
    place, size = place.reshape(scores.shape) + inside * len(distinct), 2 * len(distinct)
    area = np.empty(REPLICATES + 1)
    rates = {allowed: np.empty(REPLICATES + 1) for allowed in verdict.ALLOWED}
    observed = np.zeros((2, len(distinct)))
    for replicate in range(REPLICATES + 1):
        runs, people = rng.poisson(1.0, scores.shape[0]), rng.poisson(1.0, scores.shape[1])
        weight = np.outer(runs, people) if replicate else np.ones(scores.shape)
        added = np.bincount(place.ravel(), weight.ravel(), size)
        counts: Array = added.reshape(2, -1).astype(np.float64)
        observed = counts if replicate == 0 else observed
        area[replicate] = ranking.auc(counts)
        for allowed, found in rates.items():
            found[replicate] = _found(counts, allowed)
    return Resampled(counts=observed, area=area, rates=rates)


def failures(leak: Resampled, control: Resampled) -> list[str]:
    """Which controls failed, in words; empty if both hold."""
    found = []
    if not np.nanpercentile(leak.area[1:], 2.5) > 0.5 + verdict.ROUNDING:
        found.append("the attack did not find whom runs gave away on purpose")
    gap = abs(float(control.area[0]) - 0.5)
    if not gap <= tally.CHANCE * control.deviation + verdict.ROUNDING:
        found.append("people who were in no run could be told from one another")
    return found


def _found(counts: Array, allowed: float) -> float:
    others, members = (side[::-1].cumsum() for side in counts)
    within = np.searchsorted(others, allowed * others[-1], side="right") - 1
    return float(members[within] / members[-1]) if within >= 0 and members[-1] else 0.0


def _area(facts: Finding, found: Resampled) -> Finding:
    low, high = (float(each) for each in np.nanpercentile(found.area[1:], (2.5, 97.5)))
    named = replace(
        facts,
        value=float(found.area[0]),
        low=min(low, float(found.area[0])),
        high=max(high, float(found.area[0])),
        baseline=0.5,
        detectable=0.5 + (1.96 + 0.84) * found.deviation,
    )
    return _left(named)


def _rate(facts: Finding, found: Resampled, allowed: float) -> Finding:
    """The interval holds the exact one of independent pairs and the bootstrap's."""
    exact = verdict.at_low_false_positives(found.counts, allowed)
    low, high = np.nanpercentile(found.rates[allowed][1:], (2.5, 97.5))
    named = replace(
        facts,
        measure=exact.measure.replace("membership", facts.attack),
        value=exact.value,
        low=min(exact.low or 0.0, float(low)),
        high=max(exact.high or 0.0, float(high)),
        baseline=allowed,
        note=exact.note,
    )
    return named if exact.note.startswith(verdict.UNRESOLVED) else _left(named)


def _left(finding: Finding) -> Finding:
    """The finding with its residual risk."""
    least = finding.baseline or 0.0
    value, low, high = (
        None if each is None else (each - least) / (1 - least)
        for each in (finding.value, finding.low, finding.high)
    )
    return replace(finding, residual=value, residual_low=low, residual_high=high)
