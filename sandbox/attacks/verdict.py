"""What a membership trial found: the attack's success, or no verdict where a control failed."""

from dataclasses import replace

import numpy as np
from scipy.special import betaincinv

from minimisation import Forces, Microdata, Release
from sandbox.attacks.attack import Array
from sandbox.attacks.trial import AXES, BINS, MembershipTrial, Trial
from sandbox.findings import Finding
from sandbox.measures import ranking, resampling
from sandbox.measures.outcome import headline
from sandbox.measures.resampling import REPLICATES

CHANCE = 3.29
"""Standard deviations within which 99.9 % of guesses fall; controls are tried so often that at
95 % many a sound trial would be thrown away."""

ALLOWED = (0.01, 0.001)
"""Shares of the others who may be accused."""

NAMES = {0.01: "1_percent", 0.001: "0_1_percent"}
"""How a share is written in the name of a measure."""

ROUNDING = 0.005
"""What the bins of a score may move an area under a curve by."""


def findings(
    forces: Forces, release: Release, seed: int, trial: MembershipTrial | None = None
) -> list[Finding]:
    """The attack's success with its interval, baseline and controls, or no verdict.

    Args:
        forces: opened.
        release: what is attacked.
        seed: the assessment's seed, equal for all options.
        trial: the trial; `MembershipTrial()` if None.
    """
    tables = forces.assess(trial or MembershipTrial(), release, seed)
    counts = resampling.dense(tables.values(), AXES, (len(Trial), REPLICATES + 1, 2, BINS))
    if counts[Trial.RELEASE, 0].sum() == 0:
        return [_none("nobody is held out, so nobody can be compared with members")]
    failed = failures(counts, rows=isinstance(release.artefact, Microdata))
    if failed:
        return [_none(f"controls failed, no verdict: {'; '.join(failed)}")]
    success = headline("membership_auc", ranking.auc(counts[Trial.RELEASE]), "neither")
    attacked = counts[Trial.RELEASE, 0].sum(axis=-1)
    found = replace(
        success,
        baseline=0.5,
        control=float(ranking.auc(counts[Trial.HOLDOUT, 0])),
        positive=float(ranking.auc(counts[Trial.LEAK, 0])),
        detectable=least_detectable(attacked),
        note=f"{attacked.sum():.0f} people attacked",
    )
    low = [at_low_false_positives(counts[Trial.RELEASE, 0], each) for each in ALLOWED]
    return [_described(each) for each in (found, *low)]


def _described(found: Finding) -> Finding:
    """The finding with what it is a result of, and the residual risk where it has a value."""
    attack = MembershipTrial().attack
    named = replace(found, attack=attack.name, background=attack.background, needs=attack.needs)
    if found.value is None or found.baseline is None:
        return named
    least, left = found.baseline, 1 - found.baseline
    return replace(
        named,
        residual=(found.value - least) / left,
        residual_low=None if found.low is None else (found.low - least) / left,
        residual_high=None if found.high is None else (found.high - least) / left,
    )


def failures(counts: Array, *, rows: bool) -> list[str]:
    """What is wrong with a trial, in words; empty if its controls hold.

    Args:
        counts: (trial, replicate, member, bin).
        rows: whether the release is rows, whose leak has a known ceiling.
    """
    leak, ceiling = ranking.auc(counts[Trial.LEAK]), ceiling_of(counts[Trial.TWINS, :, 0, :2])
    noise = 1.96 * float(np.std(leak[1:]))
    reached = abs(leak[0] - ceiling[0]) <= ROUNDING if rows else leak[0] - noise > 0.5 + ROUNDING
    means = "a raw copy" if rows else "a release made of a few people"
    checks = {
        f"the attack did not find whom {means} gives away": bool(reached),
        "held-out people could be told from held-out people": _guessed(counts[Trial.HOLDOUT, 0]),
        "members could be told from others without any release of theirs": _guessed(
            counts[Trial.UNRELATED, 0]
        ),
    }
    return [text for text, holds in checks.items() if not holds]


def ceiling_of(twins: Array) -> Array:
    """The most that exact matches can tell: others with an exact twin among members count half.

    Args:
        twins: (..., 2) held-out people attacked, without and with a twin.
    """
    ceiling: Array = 1 - twins[..., 1] / np.maximum(twins.sum(axis=-1), 1) / 2
    return ceiling


def least_detectable(attacked: Array) -> float:
    """Area under the curve that a trial of this size tells from 0.5 four times in five.

    Args:
        attacked: (2,) others and members.
    """
    return 0.5 + (1.96 + 0.84) * deviation(attacked)


def deviation(attacked: Array) -> float:
    """Standard deviation of the area under the curve of guesses (Mann and Whitney 1947).

    Args:
        attacked: (2,) others and members.
    """
    others, members = attacked
    return float(np.sqrt((others + members + 1) / (12 * others * members)))


def at_low_false_positives(counts: Array, allowed: float = 0.01) -> Finding:
    """True-positive rate where at most `allowed` of the others are accused.

    The interval is exact (Clopper and Pearson, Biometrika 1934).

    Args:
        counts: (2, bins) others and members by score.
        allowed: share of the others.
    """
    others, members = counts[0][::-1].cumsum(), counts[1][::-1].cumsum()
    within = np.flatnonzero(others <= allowed * others[-1])
    hits, tries = (float(members[within[-1]]) if len(within) else 0.0), float(members[-1])
    return Finding(
        measure=f"membership_tpr_at_{NAMES[allowed]}_fpr",
        value=hits / tries,
        better="neither",
        low=float(betaincinv(hits, tries - hits + 1, 0.025)) if hits else 0.0,
        high=float(betaincinv(hits + 1, tries - hits, 0.975)) if hits < tries else 1.0,
        baseline=allowed,
        note=""
        if others[-1] * allowed >= 1
        else f"no false accusation: under {1 / allowed:.0f} others",
    )


def _none(note: str) -> Finding:
    return _described(Finding(measure="membership_auc", value=None, better="neither", note=note))


def _guessed(counts: Array) -> bool:
    """Whether (2, bins) counts are such as guessing gives."""
    gap = abs(float(ranking.auc(counts)) - 0.5)
    return gap <= CHANCE * deviation(counts.sum(axis=-1)) + ROUNDING
