"""Flower's XGBoost bagging as shipped: every force's own trees, in the clear, put together.

Unlike `federated.trees`, the server sees what a single force's people made of a tree; a policy that
does not approve the step keeps a force out. Features lie on public cuts, so that no threshold is
anybody's value, and messages are JSON of a fixed public size.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from federated.design import binary_outcome, own_people
from federated.layout import EXAMPLES, Layout
from federated.tree_growing import check_growing
from federated.trees import cuts_of
from minimisation import Forces, Payload, Premises, Release, TreeModel, UseCase

if TYPE_CHECKING:
    from federated.grid import Connect

BOOSTER = "0"
"""Name under which Flower's strategies keep the model's bytes."""

SPACE = ord(" ")
"""Fills a message up to its public size; JSON ends before it."""

IN_THE_CLEAR = "Trees of single forces were seen by the server: their leaves can describe people."


def octets(trees: int, depth: int) -> int:
    """Public size of a message of so many trees, in bytes; twice what XGBoost writes."""
    return 2_000 + trees * (800 + 100 * (1 << (depth + 1)))


@dataclass(frozen=True, kw_only=True)
class LocalTree:
    """Grows one more tree on a force's own people, by XGBoost, and sends it in the clear."""

    depth: int
    """Most divisions from root to leaf."""
    learning_rate: float
    """Share of each step that is taken."""
    ridge: float
    """Added to a leaf's curvature."""
    least_hessian: float
    """Least curvature of a node."""
    most_trees: int
    """Most trees of a model that comes in."""
    name: ClassVar[str] = "local-tree"

    def takes(self, use_case: UseCase) -> Layout:
        """The model so far, as bytes of JSON, filled up with spaces."""
        del use_case
        size = octets(self.most_trees, self.depth)
        return Layout(arrays=((BOOSTER, (size,)),), type=pa.uint8(), fill=SPACE)

    def gives(self, use_case: UseCase) -> Layout:
        """The new tree in the same way; every force counts one, and shows no size."""
        del use_case
        arrays = ((BOOSTER, (octets(1, self.depth),)),)
        return Layout(arrays=arrays, scalars=(EXAMPLES,), type=pa.uint8(), fill=SPACE)

    def sends(self, use_case: UseCase) -> Payload:
        """A fixed number of bytes."""
        return self.gives(use_case).promise(low=0.0, high=127.0)

    def run(self, premises: Premises) -> pa.Table:
        """Grow a tree; without people the model comes back with a tree that adds nothing.

        Raises:
            PolicyError: if what came in is no model.
        """
        if premises.inputs is None:
            raise ValueError("inputs must hold the model so far")
        from federated import xgboost_engine  # noqa: PLC0415 - loads XGBoost when used

        case, cuts = premises.use_case, cuts_of(premises.use_case)
        before = self.takes(case).values(premises.inputs)[BOOSTER].tobytes().strip()
        people = own_people(premises, cuts.encoding)
        parameters = {
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "lambda": self.ridge,
            "min_child_weight": self.least_hessian,
        }
        grown = xgboost_engine.boosted(
            cuts.rounded(people.features), people.outcome, before, parameters
        )
        written = np.frombuffer(xgboost_engine.newest(grown), dtype=np.uint8)
        return self.gives(case).table({BOOSTER: written, EXAMPLES: 1})


@dataclass(frozen=True, kw_only=True)
class FederatedForest:
    """Gradient-boosted trees that each force grows by itself, put together by Flower."""

    rounds: int = 20
    """How often every force adds a tree."""
    depth: int = 3
    """Most divisions from root to leaf."""
    learning_rate: float = 0.3
    """Share of each step that is taken, divided among the forces."""
    ridge: float = 1.0
    """Added to a leaf's curvature, which draws its value to zero."""
    least_hessian: float = 5.0
    """Least curvature of a node: at least twenty people."""
    name: ClassVar[str] = "federated-forest"
    summary: ClassVar[str] = "Trees grown on each force's own people, in the clear, once per round."
    keeps_direct_identifiers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse trees that cannot grow.

        Raises:
            ValueError: naming the parameter and the rule.
        """
        if self.rounds < 1:
            raise ValueError(f"rounds ({self.rounds}) must be at least 1")
        check_growing(self.depth, self.learning_rate, self.ridge, self.least_hessian)

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Grow over all forces; `rng` is not needed.

        Raises:
            NotApplicableError: for grouped statistics.
            MissingEngineError: if Flower or XGBoost is not installed.
            PolicyError: if a force refused or failed.
        """
        del rng
        from federated.grid import in_process  # noqa: PLC0415 - loads Flower when used

        return Release(artefact=self.fit(in_process(forces), use_case), remarks=(IN_THE_CLEAR,))

    def fit(self, connect: "Connect", use_case: UseCase) -> TreeModel:
        """Grow over forces in this process or deployed.

        Args:
            connect: reaches the forces.
            use_case: the use case.
        """
        binary_outcome(use_case)
        from federated import xgboost_engine  # noqa: PLC0415 - loads XGBoost when used
        from federated.flower import FedXgbBagging  # noqa: PLC0415 - as above
        from federated.grid import start  # noqa: PLC0415 - loads Flower when used

        parties: list[int] = []

        def step(_: int) -> LocalTree:
            return LocalTree(
                depth=self.depth,
                learning_rate=self.learning_rate / parties[0],
                ridge=self.ridge,
                least_hessian=self.least_hessian,
                most_trees=self.rounds * parties[0],
            )

        grid = connect({"train": step})
        parties.append(len(list(grid.get_node_ids())))
        strategy = FedXgbBagging(
            fraction_evaluate=0.0, min_train_nodes=parties[0], min_available_nodes=parties[0]
        )
        initial = {BOOSTER: np.zeros(0, dtype=np.uint8)}
        written = start(strategy, grid, initial, self.rounds).arrays[BOOSTER].numpy().tobytes()
        return xgboost_engine.model_of(written.strip(), cuts_of(use_case).encoding)
