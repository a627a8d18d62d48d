"""Private gradients: a force's people contribute clipped vectors to an integer sum with noise.

Each person's gradient, summed over the person's rows, is clipped in L2 norm (Abadi et al. 2016,
Deep Learning with Differential Privacy); the number of people is one more coordinate of the same
vector, so that the divisor is private too. Vectors are cut to integers, so that the sum is exact,
and OpenDP adds the noise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit

from federated.accounting import Rounds
from federated.design import Array, People, own_people, size_of
from federated.layout import EXAMPLES, ROUND, Layout
from federated.newton import COEFFICIENTS, LARGEST
from minimisation import (
    Payload,
    PolicyError,
    Premises,
    PrivacyLoss,
    UseCase,
    private_mechanism,
)
from minimisation.contract import wire
from minimisation.statistics.noise import DiscreteGaussian, Integers, perturb

UNITS = 2**24
"""Integer steps per clipping bound."""

ONE = 0.25
"""What a person adds to the count, in clipping bounds: small, so that it costs little noise."""

LONGEST = math.ceil(UNITS * math.hypot(1.0, ONE)) + 1
"""No person's integer vector is longer: cutting towards zero shortens, one step covers rounding."""


NOTHING = 1e-12
"""The smallest loss that the books can hold."""


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class PrivateGradients:
    """One step of gradient descent on a force's own people, noised before anything leaves."""

    plan: Rounds
    """The rounds that are accounted together."""
    turn: int
    """Which of them this is, from 1."""
    clip: float
    """Longest gradient of one person, in L2 norm."""
    number: str
    """Name of the training run: turns of one run must follow one another."""
    name: ClassVar[str] = "private-gradients"

    def takes(self, use_case: UseCase) -> Layout:
        """The shared coefficients, intercept first, and the number of the round."""
        return Layout(arrays=((COEFFICIENTS, (size_of(use_case),)),), scalars=(ROUND,))

    def gives(self, use_case: UseCase) -> Layout:
        """Coefficients moved by the noisy mean gradient, and the noisy number of people."""
        return Layout(arrays=((COEFFICIENTS, (size_of(use_case),)),), scalars=(EXAMPLES,))

    def sends(self, use_case: UseCase) -> Payload:
        """As many numbers as the model has, and one more."""
        return self.gives(use_case).promise(low=-LARGEST, high=LARGEST)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """What this turn adds to the turns before it."""
        epsilon, delta = self.plan.price(self.turn)
        return PrivacyLoss(
            epsilon=epsilon,
            delta=delta,
            unit=use_case.unit,
            bounds=(("clipped_vectors_per_round", 1),),
            forces=1,
            mechanism=(
                f"discrete Gaussian noise of {self.plan.noise:.4g} clipping bounds in each of "
                f"{self.plan.rounds} rounds, sampling {self.plan.sampling:g}, accounted together "
                "by privacy loss distributions"
            ),
        )

    def run(self, premises: Premises) -> pa.Table:
        """Clip, sum, noise, and move the coefficients.

        Raises:
            PolicyError: if the turn does not follow the last one, whose price it is charged on.
        """
        if premises.inputs is None:
            raise ValueError("inputs must hold the coefficients")
        given = self.takes(premises.use_case).values(premises.inputs)
        rule = self.objection(premises.use_case, premises.memory)
        if rule is not None:
            raise PolicyError(rule)
        kept = self.kept(premises.use_case)
        premises.memory[kept] = f"{self.turn}".encode()
        current = given[COEFFICIENTS]
        vectors = person_vectors(own_people(premises), current, self.clip)
        total = vectors[sampled(len(vectors), self.plan.sampling)].sum(axis=0, dtype=np.int64)
        noisy = perturb(total, DiscreteGaussian(scale=self.plan.noise * LONGEST)) / UNITS
        count = max(float(noisy[-1]) / ONE, 1.0)
        moved = current - self.clip * noisy[:-1] / count
        sent = self.gives(premises.use_case).table({COEFFICIENTS: moved, EXAMPLES: count})
        premises.memory[f"{kept}/sent"] = wire.encode(sent)
        return sent

    def objection(self, use_case: UseCase, memory: Mapping[str, bytes]) -> str | None:
        """A turn is cheap only after those before it, so the force keeps count."""
        last = int(memory.get(self.kept(use_case), b"0"))
        if self.turn != last + 1:
            return f"turn ({self.turn}) must follow the last one ({last})"
        return None

    def kept(self, use_case: UseCase) -> str:
        """Name under which a force remembers the last turn of this run."""
        return f"private-training/{use_case.name}/{self.number}/{self.plan}/{self.clip}"


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class RepeatGradients:
    """Sends the force's last answer of a run once more, if it is of this turn: no noise is drawn.

    A server that went down between a turn and its own note of it can so go on. The same numbers
    twice tell nothing new, and nothing is computed from people.
    """

    again: PrivateGradients
    """The turn whose answer was lost."""
    name: ClassVar[str] = "repeat-gradients"

    def takes(self, use_case: UseCase) -> Layout:
        """As for the turn."""
        return self.again.takes(use_case)

    def gives(self, use_case: UseCase) -> Layout:
        """As for the turn."""
        return self.again.gives(use_case)

    def sends(self, use_case: UseCase) -> Payload:
        """As for the turn."""
        return self.again.sends(use_case)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Nothing beyond the turn, which has been charged; a loss is never written as zero."""
        return replace(self.again.loss(use_case), epsilon=NOTHING, delta=0.0)

    def objection(self, use_case: UseCase, memory: Mapping[str, bytes]) -> str | None:
        """Only the last answer is kept."""
        last = int(memory.get(self.again.kept(use_case), b"0"))
        if self.again.turn != last or f"{self.again.kept(use_case)}/sent" not in memory:
            return f"turn ({self.again.turn}) must be the last one ({last}) to be sent again"
        return None

    def run(self, premises: Premises) -> pa.Table:
        """Send what was sent.

        Raises:
            PolicyError: if the turn is not the last one.
        """
        rule = self.objection(premises.use_case, premises.memory)
        if rule is not None:
            raise PolicyError(rule)
        return wire.decode(premises.memory[f"{self.again.kept(premises.use_case)}/sent"])


def person_vectors(people: People, coefficients: Array, clip: float) -> Integers:
    """Each person's clipped gradient and count, in integer steps.

    Args:
        people: n rows of m people.
        coefficients: (d + 1,) intercept first.
        clip: longest gradient of one person.

    Returns:
        (m, d + 2) integers; no row is longer than `LONGEST`.
    """
    design = np.column_stack([np.ones(len(people.outcome)), people.features])
    rows = (expit(design @ coefficients) - people.outcome)[:, None] * design
    gradients = people.by_person(rows)
    length = np.linalg.norm(gradients, axis=1, keepdims=True)
    shortened = gradients / np.maximum(length, clip)
    vectors = np.column_stack([shortened, np.full(len(gradients), ONE)]) * UNITS
    whole: Integers = np.trunc(vectors).astype(np.int64)
    return whole


def sampled(people: int, chance: float) -> npt.NDArray[np.bool_]:
    """Who enters a round, each with at most the given chance, by the operating system's coin."""
    if chance >= 1:
        return np.ones(people, dtype=np.bool_)
    coins = np.frombuffer(token_bytes(8 * people), dtype=np.uint64)
    return coins < np.uint64(math.floor(chance * 2.0**64))
