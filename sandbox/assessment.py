"""Judges one release by every measure that fits its question; the runner's one way in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minimisation import (
    BinaryOutcome,
    Forces,
    Held,
    LinearModel,
    Microdata,
    Option,
    Release,
    Statistics,
    UseCase,
)
from sandbox.answers import answer
from sandbox.attacks import suite as attack_suite
from sandbox.attacks.kept import NOTHING, Kept
from sandbox.attacks.neighbours import NeighbourAudit
from sandbox.attacks.suite import MEMBERSHIP, Suite
from sandbox.findings import Finding
from sandbox.measures import fairness, grid, grouped, outcome, ranking, review_load
from sandbox.measures.resampling import Array
from sandbox.measures_synthetic import findings as rows


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a release is judged beside, apart from the people."""

    suite: Suite = MEMBERSHIP
    """Which attacks it is put to."""
    history: Sequence[Release] = ()
    """Releases about the same people that an attacker can average, this one last; fewer than two:
    nothing to average."""
    option: Option | None = None
    """What made the release; a private one's claim is audited by running it again on invented
    people. None: it is not run again."""
    refit: bool = False
    """Whether it may also be run again on these people: they are invented or public."""
    kept: Kept = NOTHING
    """Results of attacks on the same release; by default none."""
    pooled: Array | None = None
    """Flags under pooling, as `fairness.pooled_flags` gives them, against which changes are told;
    None: no changes."""


def assess_release(
    forces: Forces, release: Release, seed: int, beside: Beside = Beside()
) -> list[Finding]:
    """Usefulness, fairness and attack figures of a release.

    Args:
        forces: opened; measures run inside each of them.
        release: what the option sent out.
        seed: the assessment's seed, equal for all options.
        beside: what it is attacked with and compared with.

    Returns:
        Findings, headline figures first.

    Raises:
        NotApplicableError: if the release does not answer the use case's question.
    """
    use_case = forces.use_case
    answered = Release(artefact=answer(release.artefact, use_case, forces.names))
    question = use_case.question
    if isinstance(question, BinaryOutcome):
        counts = outcome.counts_of(forces, answered, seed)
        found = _outcome_findings(forces, answered, counts, seed, beside.pooled)
    else:
        truth = grid.truth_of(forces, answered, seed)
        if not isinstance(answered.artefact, Statistics):
            raise TypeError("a grouped question is answered by statistics")
        found = grouped.findings(use_case, truth, answered.artefact, forces.names)
    if isinstance(release.artefact, Held):
        return [*found, *_nothing_left()]
    if _judged_as_rows(release, beside.suite):
        found += rows.findings(forces, release, seed)
    tables = [
        Release(artefact=answer(each.artefact, use_case, forces.names)) for each in beside.history
    ]
    refit = beside.option if beside.refit else None
    attacked = attack_suite.findings(
        forces, release, seed, beside.suite, tables, refit=refit, kept=beside.kept
    )
    return [*found, *attacked, *_audited(release, use_case, seed, beside)]


def _audited(release: Release, use_case: UseCase, seed: int, beside: Beside) -> list[Finding]:
    """What running a private option again says of its claim; nothing where it is not run again."""
    claim, seconds = release.privacy_loss, beside.suite.audit_seconds
    if beside.option is None or claim is None or not seconds:
        return []
    audit = NeighbourAudit(option=beside.option, claim=claim, seconds=seconds)
    return audit.findings(use_case, seed)


def _judged_as_rows(release: Release, suite: Suite) -> bool:
    """Whether rows are also judged as a table: real ones at the first repeat, drawn ones always."""
    artefact = release.artefact
    return isinstance(artefact, Microdata) and (artefact.synthetic or suite != MEMBERSHIP)


def _outcome_findings(
    forces: Forces, answered: Release, counts: Array, seed: int, pooled: Array | None
) -> list[Finding]:
    use_case = forces.use_case
    question = use_case.binary
    if counts[0].sum() == 0:
        note = "nobody is held out, so the answer cannot be judged"
        return [Finding(measure="auc", value=None, better="higher", note=note)]
    model = answered.artefact
    calibrated = not isinstance(model, LinearModel) or model.link == "logit"
    cut = ranking.cut(np.asarray(counts[0]), question.top_share)
    by_force = fairness.counted(forces, answered, seed, cut)
    flags = np.sum(list(by_force.values()), axis=0)[:, :-1]
    found = [
        *outcome.findings(counts, question, calibrated=calibrated),
        *fairness.group_findings(use_case, flags, calibrated=calibrated),
        *review_load.findings(use_case, by_force),
    ]
    if pooled is not None:
        found += fairness.change_findings(use_case, flags, pooled[:, :-1])
    return found


def _nothing_left() -> list[Finding]:
    note = "nothing leaves any force, so an outsider can only guess"
    guessing = Finding(
        measure="membership_auc",
        value=0.5,
        better="neither",
        low=0.5,
        high=0.5,
        baseline=0.5,
        attack="membership",
        background="Sees nothing, because nothing leaves.",
        needs="release",
        residual=0.0,
        residual_low=0.0,
        residual_high=0.0,
        note=note,
    )
    return [guessing, *attack_suite.worst([guessing])]
