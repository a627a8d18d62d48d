"""Boosted trees through the secure sum: forces send histograms of gradients, masked.

Nobody sees a histogram of one force, only totals over all; the trees equal those that the same
code grows on pooled rows, to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from federated.cuts import Cuts
from federated.design import Integers, binary_outcome, encoding_of, own_people
from federated.layout import Layout, Values
from federated.newton import LARGEST
from federated.summing import Summing
from federated.tree_growing import Growing, Grown, Histograms, check_growing, histograms
from minimisation import Forces, Payload, Premises, Release, TreeModel, UseCase

if TYPE_CHECKING:
    from federated.grid import Connect

SPLITS, LEAVES, INTERCEPT, TREE, LEVEL = "splits", "leaves", "intercept", "tree", "level"
"""Names of what the server sends: the trees so far, and where sums are wanted."""

KEY = "federated-tree-places"
"""Name under which a force keeps its people's bins between rounds."""

MOST_PEOPLE = 2**29
"""Beyond it a total over people need not be exact."""


def cuts_of(use_case: UseCase) -> Cuts:
    """The public cuts of the question's features."""
    return Cuts.of(encoding_of(use_case))


@dataclass(frozen=True, kw_only=True)
class TreeSums:
    """Sums of gradient and curvature by node and bin over a force's own people."""

    trees: int
    """How many trees the model will have."""
    depth: int
    """Divisions from root to leaf."""
    name: ClassVar[str] = "tree-sums"

    def takes(self, use_case: UseCase) -> Layout:
        """The trees so far, and which level of which tree comes next."""
        del use_case
        inner, leaves = 2**self.depth - 1, 2**self.depth
        arrays = ((SPLITS, (self.trees, inner)), (LEAVES, (self.trees, leaves)), (INTERCEPT, ()))
        return Layout(arrays=arrays, scalars=(TREE, LEVEL))

    def gives(self, use_case: UseCase) -> Layout:
        """Sums over people of each node and bin; nodes that the level lacks are zeros."""
        shape = (2 ** (self.depth - 1), cuts_of(use_case).bins)
        return Layout(arrays=(("gradient", shape), ("hessian", shape)))

    def bounds(self, use_case: UseCase) -> Values:
        """A chance lies in (0, 1), so one person adds at most 1 and at most ¼."""
        shapes = self.gives(use_case).shapes
        return {
            "gradient": np.ones(shapes["gradient"]),
            "hessian": np.full(shapes["hessian"], 0.25),
        }

    def sends(self, use_case: UseCase) -> Payload:
        """As many numbers as nodes and public bins determine."""
        return self.gives(use_case).promise(low=-LARGEST, high=LARGEST)

    def run(self, premises: Premises) -> pa.Table:
        """Sum over the force's people; a force without any sends zeros.

        Raises:
            PolicyError: if the inputs are not trees of the agreed size.
        """
        if premises.inputs is None:
            raise ValueError("inputs must hold the trees so far")
        case, cuts = premises.use_case, cuts_of(premises.use_case)
        given = self.takes(case).values(premises.inputs)
        grown = Grown(
            intercept=float(given[INTERCEPT]),
            splits=given[SPLITS].astype(np.int64),
            leaves=given[LEAVES],
        )
        tree, level = int(given[TREE]), int(given[LEVEL])
        people = own_people(premises, cuts.encoding)
        sums = histograms(cuts, _places(premises, cuts), people.outcome, grown, tree, level)
        return self.gives(case).table({"gradient": sums.gradient, "hessian": sums.hessian})


def _places(premises: Premises, cuts: Cuts) -> Integers:
    kept = premises.recall(KEY)
    if isinstance(kept, np.ndarray):
        return kept
    places = cuts.places(own_people(premises, cuts.encoding).features)
    premises.hold(KEY, places)
    return places


@dataclass(frozen=True, kw_only=True)
class FederatedTrees:
    """Gradient-boosted trees over all forces that equal those grown on pooled rows."""

    trees: int = 30
    """How many trees."""
    depth: int = 3
    """Divisions from root to leaf; every level of every tree is one round."""
    learning_rate: float = 0.3
    """Share of each Newton step that is taken."""
    ridge: float = 1.0
    """Added to a leaf's curvature, which draws its value to zero."""
    least_hessian: float = 5.0
    """Least curvature on either side of a division: at least twenty people."""
    secure_sum: bool = True
    """Whether forces mask their histograms so that only totals over all are ever seen."""
    most_people: int = 2**20
    """Public bound on the people of one force; masked sums are encoded so that none can wrap."""
    name: ClassVar[str] = "federated-trees"
    summary: ClassVar[str] = (
        "Histograms of gradients over each force's people, masked, once per level of every tree."
    )
    keeps_direct_identifiers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse trees that cannot grow, or sums that would be rounded.

        Raises:
            ValueError: naming the parameter and the rule.
        """
        if self.trees < 1:
            raise ValueError(f"trees ({self.trees}) must be at least 1")
        check_growing(self.depth, self.learning_rate, self.ridge, self.least_hessian)
        if not 1 <= self.most_people <= MOST_PEOPLE:
            raise ValueError(f"most_people ({self.most_people}) must be from 1 to {MOST_PEOPLE}")

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Grow over all forces; `rng` is not needed.

        Raises:
            NotApplicableError: for grouped statistics.
            MissingEngineError: if Flower is not installed.
            PolicyError: if a force refused or failed.
        """
        del rng
        from federated.grid import in_process  # noqa: PLC0415 - loads Flower when used

        model = self.fit(in_process(forces), use_case, forces.names)
        return Release(
            artefact=model,
            remarks=(
                f"{self.trees} trees of depth {self.depth} over public cuts.",
                self._summing().remark,
            ),
        )

    def fit(self, connect: "Connect", use_case: UseCase, roster: Sequence[str]) -> TreeModel:
        """Grow over forces in this process or deployed.

        Args:
            connect: reaches the forces.
            use_case: the use case.
            roster: names of the forces, in their order.
        """
        binary_outcome(use_case)
        from federated.grid import start  # noqa: PLC0415 - loads Flower when used
        from federated.sums_strategy import Ask, SumsStrategy  # noqa: PLC0415 - as above

        step, cuts = TreeSums(trees=self.trees, depth=self.depth), cuts_of(use_case)
        grid = self._summing().grid(connect, use_case, roster, step)
        models: list[TreeModel] = []

        def drive(ask: Ask) -> None:
            def sums(grown: Grown, tree: int, level: int) -> Histograms:
                found = ask(_message(grown), {TREE: tree, LEVEL: level})
                return Histograms(gradient=found["gradient"], hessian=found["hessian"])

            models.append(self.growing().grow(cuts, sums).model(cuts))

        start(SumsStrategy(drive=drive), grid, _message(self.growing().nothing()), 1)
        return models[0]

    def _summing(self) -> Summing:
        return Summing(secure=self.secure_sum, most_people=self.most_people)

    def growing(self) -> Growing:
        """How trees are grown, wherever people are."""
        return Growing(
            trees=self.trees,
            depth=self.depth,
            learning_rate=self.learning_rate,
            ridge=self.ridge,
            least_hessian=self.least_hessian,
        )


def _message(grown: Grown) -> Values:
    return {
        SPLITS: grown.splits.astype(np.float64),
        LEAVES: grown.leaves,
        INTERCEPT: np.array(grown.intercept),
    }
