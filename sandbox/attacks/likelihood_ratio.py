"""Likelihood ratio against models: is an outcome called better than by models without the person?

The offline attack of Carlini and others, "Membership inference attacks from first principles" (IEEE
S&P 2022). The attacker fits shadow models to people who are not in the data, and reads how well the
released model calls a person's outcome against how well all of them do: some outcomes are easy to
call for anybody. The option itself is not run again, so the attack is open to real attackers too.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import BinaryOutcome, Forces, Release, RiskModel, UseCase
from minimisation.contract.encoding import Encoding, numbers
from minimisation.contract.release import Artefact
from minimisation.regression import RIDGE
from sandbox.attacks import verdict
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.attacks.membership import likely
from sandbox.attacks.trial import MembershipTrial
from sandbox.findings import Finding
from sandbox.measures.scores import WIDEST

SHADOWS = 64
"""Shadow models."""

MOST = 5_000
"""Most people who are not in the data that shadow models are fitted to."""

FEWEST = 20
"""Fewest of them with a known outcome from whom anything is learned."""

STEPS = 12
"""Steps of Newton's method; a handful is usual."""

LONGEST = 4.0
"""Longest step of a coefficient, so that fits to few people do not run away."""

SPREAD = 0.01
"""Least standard deviation, in log-odds, that is told apart."""


@dataclass(frozen=True, kw_only=True)
class LikelihoodRatio:
    """Scores candidates by how far the released model stands out from shadow models."""

    shadows: int = SHADOWS
    """Shadow models that are fitted, each to one half of the people drawn at random."""
    name: ClassVar[str] = "likelihood_ratio"
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = (
        "Knows every recorded attribute of the person and the outcome, which force holds the "
        "record, how the model is fitted, and enough people who are not in the data to fit models "
        "of their own."
    )

    def scores(self, artefact: Artefact, use_case: UseCase, known: Known) -> Array:
        """Score of every candidate, in [0, 1]; one half throughout where no model was released."""
        question = use_case.question
        if not isinstance(artefact, RiskModel) or not isinstance(question, BinaryOutcome):
            return np.full(known.candidates.num_rows, 0.5)
        encoding = Encoding.features(use_case, question.features)
        happened = numbers(known.reference.column(question.target).combine_chunks())
        usable = np.flatnonzero(~np.isnan(happened))[:MOST]
        if len(usable) < FEWEST:
            return np.full(known.candidates.num_rows, 0.5)
        rng = np.random.default_rng([len(usable), *known.force.encode()])
        half = rng.random((self.shadows, len(usable))) < 0.5  # noqa: PLR2004 - one half
        features = encoding.encode(known.reference.take(pa.array(usable)))
        models = fits(features, happened[usable], half.astype(float))
        design = np.column_stack(
            [np.ones(known.candidates.num_rows), encoding.encode(known.candidates)]
        )
        outcome = numbers(known.candidates.column(question.target).combine_chunks())
        way = np.where(outcome > 0, 1.0, -1.0)
        usual = np.clip(way * (models @ design.T), -WIDEST, WIDEST)
        called = (2 * likely(artefact, use_case, known.candidates) - 1) * WIDEST
        spread = np.maximum(usual.std(axis=0), SPREAD)
        apart = (called - usual.mean(axis=0)) / spread
        sureness: Array = np.clip(apart / WIDEST, -1.0, 1.0 - 1e-9) / 2 + 0.5
        return sureness


def fits(features: Array, outcome: Array, weights: Array, ridge: float = RIDGE) -> Array:
    """Many logistic regressions on the same rows at once. Shape (s, d + 1), intercept first.

    Args:
        features: (n, d) encoded features.
        outcome: (n,) zeros and ones.
        weights: (s, n) weight of each row in each fit.
        ridge: penalty on half the squared norm of the weights, as `minimisation.regression`.
    """
    design = np.column_stack([np.ones(len(outcome)), features])
    size = design.shape[1]
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(outcome), -1)
    penalty = np.r_[1e-9, np.full(size - 1, ridge)]
    current = np.zeros((len(weights), size))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(current @ design.T, -40, 40)))
        gradient = (weights * (chance - outcome)) @ design + penalty * current
        curved = (weights * chance * (1 - chance)) @ squares
        hessian = curved.reshape(-1, size, size) + np.diag(penalty + 1e-9)
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        current -= np.clip(step, -LONGEST, LONGEST)
    return current


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """The attack's success, baseline and controls, as those of `verdict`; none but for models."""
    if not isinstance(release.artefact, RiskModel):
        return []
    attack = LikelihoodRatio()
    found = verdict.findings(forces, release, seed, MembershipTrial(attack=attack))
    return [
        replace(
            each,
            measure=each.measure.replace("membership", attack.name),
            attack=attack.name,
            background=attack.background,
        )
        for each in found
    ]
