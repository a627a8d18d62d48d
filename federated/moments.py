"""One-shot private moments: each force sends noisy sums once, and a linear discriminant follows.

The noisy sums of x, xxᵀ and yx over people determine Fisher's discriminant, whose coefficients
are those of a logistic model if each class is normal with one covariance (Hastie, Tibshirani and
Friedman 2009, section 4.3). Sufficient statistics perturbation: McSherry and Mironov 2009.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from federated.design import Array, People, binary_outcome, linear_model, own_people, size_of
from federated.layout import COLUMN
from minimisation import (
    Forces,
    Payload,
    PayloadKind,
    PolicyError,
    Premises,
    PrivacyLoss,
    Release,
    UseCase,
    private_mechanism,
)
from minimisation.statistics.noise import (
    DiscreteGaussian,
    Integers,
    check_budget,
    concentrated,
    perturb,
    rho_of,
)

UNITS = 2**24
"""Integer steps per clipping bound."""

LONGEST = UNITS + 1
"""No person's integer vector is longer: cutting towards zero shortens, one step covers rounding."""

AT_ONCE = 4096
"""People whose moments are held in memory together."""

FLOOR = 3.0
"""Eigenvalues below so many spectral norms of the noise are raised to them."""


def noise_of(epsilon: float, delta: float) -> DiscreteGaussian:
    """Noise on one vector of length `LONGEST` for (epsilon, delta)."""
    return DiscreteGaussian(scale=LONGEST / math.sqrt(2 * rho_of(epsilon, delta)))


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class PrivateMoments:
    """Sums over people of clipped moment vectors, noised once."""

    epsilon: float
    """Privacy loss of a person."""
    delta: float
    """Its failure probability."""
    clip: float
    """Longest moment vector of one person, in L2 norm."""
    name: ClassVar[str] = "private-moments"

    def sends(self, use_case: UseCase) -> Payload:
        """d(d + 1)/2 + d whole numbers for d coefficients."""
        size = size_of(use_case)
        return Payload(
            kind=PayloadKind.STATISTICS,
            schema=pa.schema([(COLUMN, pa.int64())]),
            most_rows=size * (size + 1) // 2 + size,
            low=-(2.0**62),
            high=2.0**62,
        )

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """One Gaussian mechanism, by zero-concentrated privacy."""
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=self.delta,
            unit=use_case.unit,
            bounds=(("clipped_vectors", 1),),
            forces=1,
            mechanism=f"one clipped moment vector, {noise_of(self.epsilon, self.delta)}",
            rho=concentrated(noise_of(self.epsilon, self.delta), LONGEST**2),
        )

    def run(self, premises: Premises) -> pa.Table:
        """Sum, noise and send."""
        people = own_people(premises)
        total = np.zeros(self.sends(premises.use_case).most_rows or 0, dtype=np.int64)
        for chunk in people.chunks(AT_ONCE):
            total += person_moments(chunk, self.clip).sum(axis=0, dtype=np.int64)
        noisy = perturb(total, noise_of(self.epsilon, self.delta))
        return pa.table({COLUMN: noisy})


def person_moments(people: People, clip: float) -> Integers:
    """Each person's clipped moments in integer steps.

    Args:
        people: n rows of m people.
        clip: longest vector of one person.

    Returns:
        (m, d(d + 1)/2 + d) integers: the upper triangle of xxᵀ, off-diagonal entries times √2 so
        that lengths are Frobenius norms, then yx; x starts with 1. No row exceeds `LONGEST`.
    """
    design = np.column_stack([np.ones(len(people.outcome)), people.features])
    row, column = np.triu_indices(design.shape[1])
    weight = np.where(row == column, 1.0, math.sqrt(2.0))
    moments = design[:, row] * design[:, column] * weight
    vectors = people.by_person(np.column_stack([moments, people.outcome[:, None] * design]))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    whole: Integers = np.trunc(vectors / np.maximum(length, clip) * UNITS).astype(np.int64)
    return whole


def discriminant(noisy: Array, size: int, floor: float) -> Array:
    """Coefficients of the linear discriminant, intercept first.

    Args:
        noisy: moments over all forces, in people, laid out as by `person_moments`.
        size: number of coefficients, d.
        floor: smallest eigenvalue of the covariance that is believed.

    Returns:
        (d,) coefficients on the log-odds scale.

    Raises:
        PolicyError: if noise has left no person in one of the classes.
    """
    row, column = np.triu_indices(size)
    moments = np.zeros((size, size))
    moments[row, column] = noisy[: len(row)] / np.where(row == column, 1.0, math.sqrt(2.0))
    moments += np.triu(moments, 1).T
    people, cases, sums = moments[0, 0], noisy[len(row)], noisy[len(row) + 1 :]
    if not 0 < cases < people:
        raise PolicyError("each outcome must have people in it beyond the noise; raise epsilon")
    with_it, without = sums / cases, (moments[0, 1:] - sums) / (people - cases)
    between = cases * np.outer(with_it, with_it)
    between += (people - cases) * np.outer(without, without)
    values, axes = np.linalg.eigh((moments[1:, 1:] - between) / people)
    inverse = (axes / np.maximum(values, floor)) @ axes.T
    weights = inverse @ (with_it - without)
    prior = math.log(cases / (people - cases))
    centre = (with_it @ inverse @ with_it - without @ inverse @ without) / 2
    coefficients: Array = np.r_[prior - centre, weights]
    return coefficients


@dataclass(frozen=True, kw_only=True)
class FederatedOneShot:
    """A risk model from one private message per force."""

    epsilon: float = 1.0
    """Privacy loss of a person in each force."""
    delta: float = 1e-6
    """Its failure probability."""
    clip: float = 4.0
    """Longest moment vector of one person, in L2 norm."""
    name: ClassVar[str] = "federated-one-shot"
    keeps_direct_identifiers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse an impossible budget or bound.

        Raises:
            ValueError: naming the parameter and the rule.
        """
        check_budget(self.epsilon, self.delta)
        if self.delta == 0:
            raise ValueError("delta (0) must be positive: the noise is Gaussian")
        if not (math.isfinite(self.clip) and self.clip > 0):
            raise ValueError(f"clip ({self.clip}) must be a positive finite number")

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Sums of products of features over each force's people, once, with noise that hides "
            f"any one person (epsilon {self.epsilon:g})."
        )

    def apply(
        self,
        forces: Forces,
        use_case: UseCase,
        rng: np.random.Generator,  # noqa: ARG002 - privacy noise is never seeded
    ) -> Release:
        """Ask once and solve.

        Raises:
            NotApplicableError: for grouped statistics.
            PolicyError: if a force refused or failed, or noise drowned an outcome.
            BudgetExceededError: if a force's budget does not cover epsilon.
        """
        binary_outcome(use_case)
        step = PrivateMoments(epsilon=self.epsilon, delta=self.delta, clip=self.clip)
        sent = forces.ask(step).complete().values()
        total = np.sum([table.column(COLUMN).to_numpy() for table in sent], axis=0)
        scale = self.clip / UNITS
        size = size_of(use_case)
        noisy = total * scale
        # the spectral norm of a symmetric Gaussian noise matrix is about 2·deviation·√size
        deviation = noise_of(self.epsilon, self.delta).deviation * scale
        spectral = 2 * deviation * math.sqrt(len(sent) / 2 * size)
        floor = max(FLOOR * spectral / max(noisy[0], 1.0), 1e-6)
        return Release(
            artefact=linear_model(use_case, discriminant(noisy, size, floor)),
            privacy_loss=forces.privacy_loss(),
            remarks=("A linear discriminant: risks are right if features are normal per class.",),
        )
