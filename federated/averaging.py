"""Federated averaging: forces train for some epochs each round, and the server averages models.

Flower's strategies as shipped, on stochastic gradient descent in NumPy. McMahan et al. 2017,
Communication-Efficient Learning of Deep Networks from Decentralized Data; Li et al. 2020, Federated
Optimization in Heterogeneous Networks (FedProx); Reddi et al. 2021, Adaptive Federated Optimization
(FedAdam); Yin et al. 2018 (median, trimmed mean); Blanchard et al. 2017 (Krum).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
from scipy.special import expit

from federated.design import Array, binary_outcome, linear_model, own_people, size_of
from federated.layout import EXAMPLES, ROUND, Layout
from federated.newton import COEFFICIENTS, LARGEST
from minimisation import Forces, Payload, Premises, Release, UseCase

if TYPE_CHECKING:
    from federated.flower import FedAvg
    from federated.grid import Connect

Server: TypeAlias = Literal["mean", "adam", "median", "trimmed-mean", "krum"]
"""How models are put together."""


@dataclass(frozen=True, kw_only=True)
class LocalEpochs:
    """Trains a force's own copy of the model on its own people, and sends the copy back."""

    epochs: int
    """Passes over the force's people."""
    learning_rate: float
    """Step length on the mean gradient of a batch."""
    batch_size: int
    """People per step."""
    seed: int
    """Seed of the order in which people are visited."""
    proximal: float = 0.0
    """Pull back to the shared model, per unit of distance (FedProx); 0 is none."""
    name: ClassVar[str] = "local-epochs"

    def takes(self, use_case: UseCase) -> Layout:
        """The shared coefficients, intercept first, and the number of the round."""
        return Layout(arrays=((COEFFICIENTS, (size_of(use_case),)),), scalars=(ROUND,))

    def gives(self, use_case: UseCase) -> Layout:
        """The force's coefficients, and how many people they were trained on."""
        return Layout(arrays=((COEFFICIENTS, (size_of(use_case),)),), scalars=(EXAMPLES,))

    def sends(self, use_case: UseCase) -> Payload:
        """As many numbers as the model has, and one more."""
        return self.gives(use_case).promise(low=-LARGEST, high=LARGEST)

    def run(self, premises: Premises) -> pa.Table:
        """Train; a force without people sends the model back as it came.

        Raises:
            PolicyError: if the inputs are not a finite model of the right size.
        """
        if premises.inputs is None:
            raise ValueError("inputs must hold the coefficients")
        given = self.takes(premises.use_case).values(premises.inputs)
        people = own_people(premises)
        rng = np.random.default_rng(
            [self.seed, int(given[ROUND]), *premises.force.encode()],
        )
        trained = self.descend(people.features, people.outcome, given[COEFFICIENTS], rng)
        return self.gives(premises.use_case).table(
            {COEFFICIENTS: trained, EXAMPLES: len(people.outcome)}
        )

    def descend(
        self, features: Array, outcome: Array, start: Array, rng: np.random.Generator
    ) -> Array:
        """Stochastic gradient descent on the logistic loss.

        Args:
            features: (n, d) encoded features.
            outcome: (n,) zeros and ones.
            start: (d + 1,) coefficients, intercept first.
            rng: orders the people.

        Returns:
            (d + 1,) coefficients.
        """
        design = np.column_stack([np.ones(len(outcome)), features])
        current = start.copy()
        for _ in range(self.epochs):
            order = rng.permutation(len(outcome))
            for first in range(0, len(order), self.batch_size):
                batch = order[first : first + self.batch_size]
                residual = expit(design[batch] @ current) - outcome[batch]
                slope = (residual @ design[batch]) / len(batch) + self.proximal * (current - start)
                current -= self.learning_rate * slope
        return current


@dataclass(frozen=True, kw_only=True)
class FederatedAveraging:
    """Logistic regression by averaging models that each force trains on its own people."""

    rounds: int = 20
    """How many times the models are averaged."""
    epochs: int = 5
    """Passes over its people that each force makes in a round."""
    learning_rate: float = 0.3
    """Step length on the mean gradient of a batch."""
    batch_size: int = 32
    """People per step."""
    proximal: float = 0.0
    """Pull back to the shared model while a force trains (FedProx); 0 is none."""
    server: Server = "mean"
    """How the server puts models together: `mean` by people, `adam` (FedAdam), or, against
    poisoned models, `median`, `trimmed-mean` (a fifth at either end) or `krum` (one may be bad)."""
    name: ClassVar[str] = "federated-averaging"
    summary: ClassVar[str] = (
        "A model trained on each force's own people, once per round, and how many they are."
    )
    keeps_direct_identifiers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a run that trains nothing.

        Raises:
            ValueError: naming the parameter and the rule.
        """
        for parameter in ("rounds", "epochs", "batch_size"):
            value = getattr(self, parameter)
            if value < 1:
                raise ValueError(f"{parameter} ({value}) must be at least 1")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate ({self.learning_rate}) must be positive")
        if not 0 <= self.proximal < np.inf:
            raise ValueError(f"proximal ({self.proximal}) must be a finite number from 0 on")
        if self.server not in get_args(Server):
            raise ValueError(f"server ({self.server}) must be one of {', '.join(get_args(Server))}")

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Train over all forces.

        Raises:
            NotApplicableError: for grouped statistics.
            MissingEngineError: if Flower is not installed.
            PolicyError: if a force refused or failed.
        """
        from federated.grid import in_process  # noqa: PLC0415 - loads Flower when used

        coefficients = self.fit(in_process(forces), use_case, int(rng.integers(2**53)))
        return Release(
            artefact=linear_model(use_case, coefficients),
            remarks=(
                f"Averaged after each of {self.rounds} rounds, not run to convergence.",
                "A force's model is not noised: it can describe a person in a small group.",
            ),
        )

    def fit(self, connect: "Connect", use_case: UseCase, seed: int) -> Array:
        """Coefficients over forces in this process or deployed, intercept first.

        Args:
            connect: reaches the forces.
            use_case: the use case.
            seed: seed of the order in which people are visited.
        """
        binary_outcome(use_case)
        from federated.grid import start  # noqa: PLC0415 - loads Flower when used

        step = LocalEpochs(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=seed,
            proximal=self.proximal,
        )
        grid = connect({"train": step})
        strategy = self._strategy(len(list(grid.get_node_ids())))
        initial = {COEFFICIENTS: np.zeros(size_of(use_case))}
        found: Array = start(strategy, grid, initial, self.rounds).arrays[COEFFICIENTS].numpy()
        return found

    def _strategy(self, present: int) -> "FedAvg":
        from federated import flower  # noqa: PLC0415 - loads Flower when used

        everybody: dict[str, Any] = {
            "fraction_evaluate": 0.0,
            "min_train_nodes": present,
            "min_available_nodes": present,
        }
        if self.server == "adam":
            return flower.FedAdam(eta=0.3, tau=1e-2, **everybody)
        if self.server == "median":
            return flower.FedMedian(**everybody)
        if self.server == "trimmed-mean":
            return flower.FedTrimmedAvg(beta=0.2, **everybody)
        if self.server == "krum":
            return flower.Krum(num_malicious_nodes=1, **everybody)
        return flower.FedAvg(**everybody)
