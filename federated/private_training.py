"""Federated training with person-level privacy inside each force.

Flower's server momentum (Hsu, Qi and Brown 2019) on steps that each force noises before they
leave. Flower's own differential privacy hides a client, here a whole force, and is not used:
what must be hidden is a person, and from the server too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from federated.accounting import Rounds, noise_for
from federated.checkpoint import Checkpoint
from federated.design import Array, binary_outcome, linear_model, size_of
from federated.newton import COEFFICIENTS
from federated.private_gradients import PrivateGradients, RepeatGradients
from minimisation import BudgetExceededError, Forces, Release, UseCase
from minimisation.statistics.noise import check_budget

if TYPE_CHECKING:
    from federated.flower import ArrayRecord, FedAvgM
    from federated.grid import Connect


@dataclass(frozen=True, kw_only=True)
class FederatedPrivate:
    """Logistic regression over all forces from gradients that hide every person in each force."""

    epsilon: float = 1.0
    """Privacy loss of a person in each force, over all rounds together."""
    delta: float = 1e-6
    """Its failure probability."""
    rounds: int = 100
    """Most rounds; they are fixed, and paid for, one after the other."""
    clip: float = 1.0
    """Longest gradient of one person, in L2 norm; features lie in [0, 1]."""
    learning_rate: float = 3.0
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
        from federated.grid import in_process  # noqa: PLC0415 - loads Flower when used

        models = self.fit(in_process(forces), use_case)
        kept = len(models) - len(models) // 2
        return Release(
            artefact=linear_model(use_case, self.average(models)),
            privacy_loss=forces.privacy_loss(),
            remarks=(
                f"Mean of the models of the last {kept} of {len(models)} rounds.",
                *([BUDGET_ENDED] if len(models) < self.rounds else []),
            ),
        )

    def fit(
        self, connect: "Connect", use_case: UseCase, checkpoint: Path | None = None
    ) -> list[Array]:
        """Models of all rounds that could be paid for, over forces in this process or deployed.

        Args:
            connect: reaches the forces.
            use_case: the use case.
            checkpoint: a file written after every round; if it is there, the run goes on from it.
                A round that forces have answered already is neither computed nor charged again.

        Returns:
            One array of coefficients per round, intercept first.
        """
        from federated.grid import start  # noqa: PLC0415 - loads Flower when used
        from federated.resumed_grid import REPEAT, ResumedGrid  # noqa: PLC0415 - as above

        binary_outcome(use_case)
        plan, kept = self.plan(), Checkpoint.found(checkpoint, repr(self))
        plan.check()
        done = len(kept.models)

        def step(turn: int) -> PrivateGradients:
            return PrivateGradients(plan=plan, turn=done + turn, clip=self.clip, number=kept.number)

        def repeated(turn: int) -> RepeatGradients:
            return RepeatGradients(again=step(turn))

        grid = connect({"train": step, REPEAT: repeated})
        if checkpoint is not None and checkpoint.is_file():
            grid = ResumedGrid(inner=grid)
        strategy = self._strategy(len(list(grid.get_node_ids())), kept.momentum)

        def keep(turn: int, arrays: "ArrayRecord") -> None:
            if turn:
                kept.models.append(arrays[COEFFICIENTS].numpy().tolist())
                kept.momentum = np.ravel(strategy.momentum_vector or []).tolist()
            if checkpoint is not None:
                kept.write(checkpoint)

        model = np.array(kept.models[-1]) if done else np.zeros(size_of(use_case))
        try:
            if done < self.rounds:
                start(strategy, grid, {COEFFICIENTS: model}, self.rounds - done, after=keep)
        except BudgetExceededError:
            if not kept.models:
                raise
        return [np.array(each) for each in kept.models]

    def _strategy(self, present: int, momentum: list[float]) -> "FedAvgM":
        from federated.flower import FedAvgM  # noqa: PLC0415 - loads Flower when used

        strategy = FedAvgM(
            fraction_evaluate=0.0,
            min_train_nodes=present,
            min_available_nodes=present,
            server_learning_rate=self.learning_rate,
            server_momentum=self.momentum,
        )
        if momentum:
            strategy.momentum_vector = [np.array(momentum)]
        return strategy

    @staticmethod
    def average(models: list[Array]) -> Array:
        """Mean of the models of the last half of the rounds, which costs nothing more."""
        mean: Array = np.mean(models[len(models) // 2 :], axis=0)
        return mean


BUDGET_ENDED = "A force's budget ended before the rounds did; what was done is charged."
