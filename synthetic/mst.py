"""MST: differentially private synthesis from one-way margins and a spanning tree of pairs.

McKenna, Miklau and Sheldon 2021, Winning the NIST Contest: A scalable and general approach to
differentially private synthetic data. The force counts, chooses and adds noise; the model is
fitted outside, to figures that are already private.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import Payload, Premises, PrivacyLoss, UseCase, private_mechanism
from minimisation.statistics.noise import rho_of
from synthetic import counting, measured, rows, selection
from synthetic.budget import check_gaussian, loss_of, noise_scale
from synthetic.counting import Clique
from synthetic.margins import Cells, Codes
from synthetic.measured import Measured
from synthetic.private_rows import PrivateRows

SINGLES, CHOICE, PAIRS = 0.2, 0.1, 0.7
"""Shares of rho for one-way margins, for choosing the tree and for its pairs; they add up to 1."""


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class MeasureTree:
    """Noisy one-way margins, and noisy pairs along a privately chosen spanning tree."""

    epsilon: float
    """Privacy loss in each force."""
    delta: float
    """Its failure probability, above 0."""
    name: str = "measure-tree"
    """Name by which a force approves it."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_gaussian(self.epsilon, self.delta)

    def sends(self, use_case: UseCase) -> Payload:
        """Measured margins: all single columns, and the largest pairs that a tree could hold."""
        cells = rows.cells_of(use_case)
        largest = sorted(measured.size(cells, [pair]) for pair in counting.pairs(cells))
        tree = sum(largest[1 - len(cells) :]) if len(cells) > 1 else 0
        return measured.promise(measured.size(cells, counting.singles(cells)) + tree)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once."""
        what = "discrete Gaussian noise on margins, Gumbel noise on the choice of a tree"
        return loss_of(use_case, self.epsilon, self.delta, what)

    def run(self, premises: Premises) -> pa.Table:
        """Count once, measure the columns, choose the tree, measure its pairs.

        Raises:
            NotApplicableError: if there are too few or too many columns.
        """
        cells = rows.cells_of(premises.use_case)
        exact = counting.singles_and_pairs(premises, cells)
        most = counting.rows_per_unit(premises.use_case)
        rho = rho_of(self.epsilon, self.delta)
        noisy = measured_singles(cells, exact, rho * SINGLES, most)
        scores = tree_scores(cells, exact, noisy)
        tree = spanning_tree(scores, len(cells), rho * CHOICE, most)
        noisy += measured.measure(
            {pair: exact[pair] for pair in tree}, noise_scale(rho * PAIRS, len(tree), most)
        )
        return measured.to_table(noisy)


def measured_singles(
    cells: Sequence[Cells], exact: Mapping[Clique, Codes], rho: float, most: int
) -> list[Measured]:
    """Noisy counts of every column by itself, for so much of rho together."""
    singles = counting.singles(cells)
    scale = noise_scale(rho, len(singles), most)
    return measured.measure({single: exact[single] for single in singles}, scale)


def tree_scores(
    cells: Sequence[Cells], exact: dict[Clique, Codes], noisy: Sequence[Measured]
) -> dict[Clique, int]:
    """How far each pair is from what independence of the noisy columns would give."""
    total = measured.total(noisy)
    single = {
        m.clique[0]: measured.shares(measured.on_coarse(cells[m.clique[0]], m).people)
        for m in noisy
    }
    return {
        pair: selection.gaps(
            exact[pair], total * np.outer(single[pair[0]], single[pair[1]]).ravel()
        )
        for pair in counting.pairs(cells)
    }


def spanning_tree(scores: dict[Clique, int], width: int, rho: float, most: int) -> list[Clique]:
    """Greedy maximum spanning tree, every edge chosen privately at an equal share of rho."""
    scale = selection.scale_for(rho / (width - 1), most)
    group = list(range(width))
    tree: list[Clique] = []
    while len(tree) < width - 1:
        open_pairs = [pair for pair in scores if group[pair[0]] != group[pair[1]]]
        values = np.array([scores[pair] for pair in open_pairs], dtype=np.int64)
        pair = open_pairs[selection.choose(values, scale)]
        tree.append(pair)
        old, new = group[pair[1]], group[pair[0]]
        group = [new if each == old else each for each in group]
    return tree


@dataclass(frozen=True, kw_only=True)
class PrivateTree(PrivateRows):
    """Synthetic rows from noisy margins along a tree of pairs (MST), force by force."""

    seconds: float = 60.0
    name: str = "private-tree"

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Noisy counts of single columns and of a tree of pairs, from which rows are drawn "
            f"(epsilon {self.epsilon:g})."
        )

    def step(self) -> MeasureTree:
        """What every force is asked."""
        return MeasureTree(epsilon=self.epsilon, delta=self.delta)
