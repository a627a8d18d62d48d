"""Federated training with person-level privacy inside each force.

Flower's server momentum (Hsu, Qi and Brown 2019) on steps that each force noises before they
leave. Flower's own differential privacy hides a client, here a whole force, and is not used:
what must be hidden is a person, and from the server too.
"""

from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from federated.accounting import Rounds, noise_for
from federated.design import Array, binary_outcome, linear_model, size_of
from federated.newton import COEFFICIENTS
from federated.private_gradients import PrivateGradients
from minimisation import BudgetExceededError, Forces, Release, UseCase
from minimisation.statistics.noise import check_budget

if TYPE_CHECKING:
    from federated.flower import ArrayRecord


@dataclass(frozen=True, kw_only=True)
class FederatedPrivate:
    """Logistic regression over all forces from gradients that hide every person in each force."""

    epsilon: float = 1.0
    """Privacy loss of a person in each force, over all rounds together."""
    delta: float = 1e-6
    """Its failure probability."""
    rounds: int = 100
    """Most rounds; they are fixed, and paid for, one after the other."""
    clip: float = 2.0
    """Longest gradient of one person, in L2 norm; features lie in [0, 1]."""
    learning_rate: float = 1.0
    """Server's step on the mean clipped gradient."""
    momentum: float = 0.9
    """Server's momentum."""
    sampling: float = 1.0
    """Chance with which each person enters a round; 1 is everybody."""
    name: ClassVar[str] = "federated-private"
    keeps_direct_identifiers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse parameters that cannot be accounted or cannot train.

        Raises:
            ValueError: naming the parameter and the rule.
        """
        check_budget(self.epsilon, self.delta)
        Rounds(rounds=self.rounds, noise=1.0, delta=self.delta, sampling=self.sampling)
        for parameter in ("clip", "learning_rate"):
            value = getattr(self, parameter)
            if not 0 < value < np.inf:
                raise ValueError(f"{parameter} ({value}) must be a positive finite number")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum ({self.momentum}) must be in [0, 1)")

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Gradients summed over each force's people with noise that hides any one person, "
            f"once per round (epsilon {self.epsilon:g} for all rounds)."
        )

    def plan(self) -> Rounds:
        """The rounds, with the least noise that keeps them within epsilon."""
        noise = noise_for(
            self.epsilon, delta=self.delta, rounds=self.rounds, sampling=self.sampling
        )
        return Rounds(rounds=self.rounds, noise=noise, delta=self.delta, sampling=self.sampling)

    def apply(
        self,
        forces: Forces,
        use_case: UseCase,
        rng: np.random.Generator,  # noqa: ARG002 - privacy noise is never seeded
    ) -> Release:
        """Train until the rounds or a force's budget end.

        Raises:
            NotApplicableError: for grouped statistics.
            MissingEngineError: if Flower or dp-accounting is not installed.
            PolicyError: if a force refused or failed.
            BudgetExceededError: if a force's budget does not cover the first round.
        """
        binary_outcome(use_case)
        plan = self.plan()
        plan.check()
        models = self._train(forces, use_case, plan)
        kept = models[len(models) // 2 :]
        return Release(
            artefact=linear_model(use_case, np.mean(kept, axis=0)),
            privacy_loss=forces.privacy_loss(),
            remarks=(
                f"Mean of the models of the last {len(kept)} of {len(models)} rounds.",
                *([BUDGET_ENDED] if len(models) < self.rounds else []),
            ),
        )

    def _train(self, forces: Forces, use_case: UseCase, plan: Rounds) -> list[Array]:
        from federated.flower import FedAvgM  # noqa: PLC0415 - loads Flower when used
        from federated.grid import ForceGrid, start  # noqa: PLC0415 - as above

        number = token_hex(8)

        def step(turn: int) -> PrivateGradients:
            return PrivateGradients(plan=plan, turn=turn, clip=self.clip, number=number)

        models: list[Array] = []

        def keep(turn: int, arrays: "ArrayRecord") -> None:
            if turn:
                models.append(arrays[COEFFICIENTS].numpy())

        present = len(forces.names)
        strategy = FedAvgM(
            fraction_evaluate=0.0,
            min_train_nodes=present,
            min_available_nodes=present,
            server_learning_rate=self.learning_rate,
            server_momentum=self.momentum,
        )
        grid = ForceGrid(forces=forces, steps={"train": step})
        initial = {COEFFICIENTS: np.zeros(size_of(use_case))}
        try:
            start(strategy, grid, initial, self.rounds, after=keep)
        except BudgetExceededError:
            if not models:
                raise
        return models


BUDGET_ENDED = "A force's budget ended before the rounds did; what was done is charged."
