"""What a membership trial found: the attack's success, or no verdict where a control failed."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
from scipy.special import betaincinv

from minimisation import Forces, Microdata, Release
from sandbox.attacks.attack import Array
from sandbox.attacks.tally import CHANCE, FEWEST
from sandbox.attacks.targets import EVERYONE
from sandbox.attacks.trial import AXES, BINS, MembershipTrial, Trial, groups_of
from sandbox.findings import Finding
from sandbox.measures import ranking, resampling
from sandbox.measures.outcome import headline
from sandbox.measures.resampling import REPLICATES

ALLOWED = (0.01, 0.001)
"""Shares of the others who may be accused."""

UNRESOLVED = "nobody may be accused falsely"
"""How the note begins of a rate so low that so few others cannot show it."""

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
    counts, by_group = counted(forces, release, seed, trial or MembershipTrial())
    if counts[Trial.RELEASE, 0].sum() == 0:
        return [_none("no verdict: nobody is held out, so nobody can be compared with members")]
    failed = failures(counts, rows=isinstance(release.artefact, Microdata))
    if failed:
        return [_none(f"no verdict, controls failed: {'; '.join(failed)}")]
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
    names = groups_of(forces.use_case)
    groups = [
        of_group(by_group[place], name) for place, name in enumerate(names) if name != EVERYONE
    ]
    return [_described(each) for each in (found, *low, *groups)]


def counted(
    forces: Forces, release: Release, seed: int, trial: MembershipTrial
) -> tuple[Array, Array]:
    """Counts of (trial, replicate, member, bin) of everyone, and (group, member, bin)."""
    tables = list(forces.assess(trial, release, seed).values())
    everyone = [each.filter(pc.equal(each.column("group"), 0)) for each in tables]
    axes = tuple(axis for axis in AXES if axis != "group")
    counts = resampling.dense(everyone, axes, (len(Trial), REPLICATES + 1, 2, BINS))
    groups = [each.filter(pc.greater(each.column("group"), 0)) for each in tables]
    size = len(groups_of(forces.use_case))
    return counts, resampling.dense(groups, ("group", "member", "bin"), (size, 2, BINS))


def of_group(counts: Array, group: str) -> Finding:
    """The attack on the people of one group; DeLong's interval (Biometrics 1988).

    Args:
        counts: (2, bins) others and members by score.
        group: whom they are of.
    """
    attacked = counts.sum(axis=-1)
    if attacked.min() < FEWEST:
        note = f"too few to report: under {FEWEST} people"
        return Finding(
            measure="membership_auc", value=None, better="neither", group=group, note=note
        )
    value = float(ranking.auc(counts))
    half = 1.96 * delong(counts)
    fewest = float(attacked.min())
    beyond = 1 - 0.025 ** (1 / fewest)  # what none of so many allows, where nothing varied
    low = min(value - half, 1 - beyond) if value == 1 else value - half
    high = max(value + half, beyond) if value == 0 else value + half
    return Finding(
        measure="membership_auc",
        value=value,
        better="neither",
        low=max(low, 0.0),
        high=min(high, 1.0),
        baseline=0.5,
        detectable=least_detectable(attacked),
        group=group,
        note=f"{attacked.sum():.0f} people attacked",
    )


def delong(counts: Array) -> float:
    """Standard error of the area under the curve of (2, bins) counts of others and members."""
    others, members = counts
    below = (np.cumsum(others) - others / 2) / others.sum()
    above = 1 - (np.cumsum(members) - members / 2) / members.sum()
    total = 0.0
    for weight, part in ((members, below), (others, above)):
        size = weight.sum()
        mean = weight @ part / size
        total += float(weight @ (part - mean) ** 2 / max(size - 1, 1) / size)
    return float(np.sqrt(total))


def _described(found: Finding) -> Finding:
    """The finding with what it is a result of, and the residual risk where it has a value."""
    attack = MembershipTrial().attack
    named = replace(found, attack=attack.name, background=attack.background, needs=attack.needs)
    if found.value is None or found.baseline is None or found.note.startswith(UNRESOLVED):
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
        note="" if others[-1] * allowed >= 1 else f"{UNRESOLVED}: under {1 / allowed:.0f} others",
    )


def _none(note: str) -> Finding:
    return _described(Finding(measure="membership_auc", value=None, better="neither", note=note))


def _guessed(counts: Array) -> bool:
    """Whether (2, bins) counts are such as guessing gives."""
    gap = abs(float(ranking.auc(counts)) - 0.5)
    return gap <= CHANCE * deviation(counts.sum(axis=-1)) + ROUNDING
