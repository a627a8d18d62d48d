"""Which attacks a release is put to and on how many people, and the worst of what they found.

Attacks on single people share one draw of people and one set of controls, which are most of the
time that they take.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from scipy.special import ndtri

from minimisation import Forces, Microdata, Option, Release, RiskModel, Statistics
from sandbox.attacks import (
    attribute_inference,
    audit,
    averaging,
    copies,
    differencing,
    gradient_inversion,
    likelihood_ratio,
    outside_match,
    predicates,
    reconstruction,
    shadow,
    singling_out,
    tally,
    tally_verdict,
    targets,
    verdict,
)
from sandbox.attacks.attribute_inference import AttributeInference
from sandbox.attacks.kept import NOTHING, Kept
from sandbox.attacks.linkability import Linkability
from sandbox.attacks.outside_match import OutsideMatch
from sandbox.attacks.singling_out import SinglingOut
from sandbox.attacks.targeted import TargetedAttack, TargetedTrial
from sandbox.findings import Finding
from sandbox.measures import formal, unique_records

SetName: TypeAlias = Literal["membership", "quick", "full"]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A set of attacks."""

    name: SetName
    """Its name in a plan."""
    forces: int | None
    """Most forces whose people are attacked, spread over all; None: all. Membership takes all."""
    people: int
    """Most members, and most others, whom the attacks on single people are tried on per force."""
    predicates: int
    """Most descriptions of a kind that are tried in each force to single somebody out."""
    trained: bool
    """Whether attribute inference also trains a model, by far the slowest of all."""
    releases: int
    """Releases of a table that an attacker averages, where the option may be run again."""
    refits: int
    """Times that shadow attackers run the option on draws of people, where it may be run again."""
    audit_seconds: float
    """Time for running a private option again on invented people to audit its claim."""


MEMBERSHIP = Suite(
    name="membership",
    forces=0,
    people=0,
    predicates=0,
    trained=False,
    releases=0,
    refits=0,
    audit_seconds=0.0,
)
QUICK = Suite(
    name="quick",
    forces=3,
    people=150,
    predicates=60,
    trained=False,
    releases=4,
    refits=0,
    audit_seconds=2.0,
)
FULL = Suite(
    name="full",
    forces=None,
    people=targets.MOST,
    predicates=predicates.MOST,
    trained=True,
    releases=8,
    refits=shadow.REFITS,
    audit_seconds=20.0,
)
SUITES = {each.name: each for each in (MEMBERSHIP, QUICK, FULL)}
"""By name. Membership is tried on as many people in each of them, so that repeats pool."""


def findings(  # noqa: PLR0913 - a release, and what may be done about it
    forces: Forces,
    release: Release,
    seed: int,
    suite: Suite,
    history: Sequence[Release] = (),
    *,
    refit: Option | None = None,
    kept: Kept = NOTHING,
) -> list[Finding]:
    """What every attack of the set found, the formal view, and the worst attack.

    Args:
        forces: opened.
        release: what is attacked; not `Held`.
        seed: the assessment's seed, equal for all options.
        suite: which attacks.
        history: tables about the same people, the assessed release's last; fewer than two: none.
        refit: the option, where it may be run again on these people; None on protected data.
        kept: results of earlier runs; by default every attack is run.
    """
    found = kept.found("membership", lambda: verdict.findings(forces, release, seed))
    if suite.name == "membership":
        return found
    artefact = release.artefact
    found += kept.found("on-some-forces", lambda: on_some(forces, release, seed, suite))
    if len(history) > 1:  # noise that is drawn anew each time is not kept
        found += averaging.findings(forces, history, seed)
    if release.privacy_loss is not None:
        found += kept.found("audit", lambda: audit.findings(forces, release, seed))
    if isinstance(artefact, Microdata):
        found += kept.found("copies", lambda: copies.findings(forces, release, seed))
        found += kept.found("formal", lambda: formal_view(forces, release, seed))
    if suite.name == "full":
        found += kept.found(
            "likelihood-ratio", lambda: likelihood_ratio.findings(forces, release, seed)
        )
    if refit is not None and suite.refits:
        found += shadow.findings(forces, refit, seed, suite.refits)
        found += differencing.findings(forces, refit, seed)
        found += gradient_inversion.findings(forces, refit, seed)
    return [*found, *worst(found)]


def on_some(forces: Forces, release: Release, seed: int, suite: Suite) -> list[Finding]:
    """What the attacks found that are tried in as many forces as the set says."""
    some = part(forces, suite.forces)
    found = on_people(some, release, seed, suite)
    if not isinstance(release.artefact, RiskModel):
        attack = SinglingOut(most=suite.predicates)
        found += singling_out.findings(some, release, seed, attack)
    if isinstance(release.artefact, Statistics):
        found += reconstruction.findings(some, release, seed)
    if len(some.members) == len(forces.members):
        return found
    where = f"people of {len(some.members)} of {len(forces.members)} forces"
    return [_noted(each, where) for each in found]


def formal_view(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Figures of equivalence classes, and how many records of one person alone are shown."""
    view = formal.findings(forces, release, seed)
    k = next((each.value for each in view if each.measure == "formal_k"), None)
    return [*view, *unique_records.findings(forces, release, seed, k)]


def part(forces: Forces, most: int | None) -> Forces:
    """At most so many of the opened forces, spread evenly over all."""
    if most is None or len(forces.members) <= most:
        return forces
    step = len(forces.members) / most
    return replace(forces, members=tuple(forces.members[int(i * step)] for i in range(most)))


def _noted(finding: Finding, where: str) -> Finding:
    if finding.value is None or finding.group:
        return finding
    return replace(finding, note=f"{finding.note}; {where}" if finding.note else where)


def on_people(forces: Forces, release: Release, seed: int, suite: Suite) -> list[Finding]:
    """Attacks that try something on every person drawn, together on one draw."""
    inference = AttributeInference(trained=suite.trained)
    attacks: tuple[TargetedAttack, ...] = (inference,)
    if isinstance(release.artefact, Microdata):
        attacks = (inference, Linkability(), OutsideMatch())
    trial = TargetedTrial(attacks=attacks, most=suite.people)
    tables = list(forces.assess(trial, release, seed).values())
    found: list[Finding] = []
    for attack in attacks:
        counts = tally.Tally.of(tables, attack.name)
        if isinstance(attack, AttributeInference):
            found += attribute_inference.told(attack, forces.use_case, counts)
        elif isinstance(attack, OutsideMatch):
            found += outside_match.told(attack, counts)
        else:
            found += tally_verdict.findings(attack.name, attack.background, counts)
    return found


def worst(found: list[Finding]) -> list[Finding]:
    """Per group, the result whose residual risk is surely largest: the largest lower end.

    The largest of many figures is large by chance too. All intervals are therefore widened first,
    so that they hold together with 95 % confidence (Bonferroni), and so does that of the worst.
    Attacks without verdict are named, because the worst of the others is not the worst of all.
    """
    groups = dict.fromkeys(each.group for each in found if each.residual_low is not None)
    silent = sorted(
        {each.attack for each in found if each.attack and each.value is None and not each.group}
        - {each.attack for each in found if each.residual is not None}
    )
    results = []
    for group in groups:
        known = [each for each in found if each.group == group and each.residual_low is not None]
        ends = [together(each, len(known)) for each in known]
        place = max(range(len(known)), key=lambda i: ends[i][0])
        most, (low, high) = known[place], ends[place]
        attacks = len({each.attack for each in known})
        note = f"{most.measure}, of {attacks} attacks with a verdict"
        if len(known) > 1:
            note += f"; its interval holds for all {len(known)} figures at once"
        if silent and not group:
            note += f"; without one: {', '.join(name.replace('_', ' ') for name in silent)}"
        results.append(
            replace(
                most,
                measure="worst_attack",
                value=most.residual,
                low=low,
                high=high,
                residual_low=low,
                residual_high=high,
                baseline=0.0,
                control=None,
                positive=None,
                detectable=None,
                replicates=(),
                note=note,
            )
        )
    return results


def together(finding: Finding, figures: int) -> tuple[float, float]:
    """Interval of a residual risk that holds at once with those of so many figures.

    Either end moves out as that of a normal interval would from 95 % to 1 − 5 %/figures; attacks
    report no others. Ends stay within what a residual risk can be.
    """
    wider = float(ndtri(1 - 0.025 / figures) / ndtri(0.975))
    middle = finding.residual or 0.0
    low, high = finding.residual_low, finding.residual_high
    least = middle - wider * (middle - (middle if low is None else low))
    most = middle + wider * ((middle if high is None else high) - middle)
    return max(least, -1.0), min(most, 1.0)
