"""Boosted trees from sums over people: which division of them is best.

Newton boosting on histograms (Chen and Guestrin 2016, XGBoost, sections 2.2 and 3.2) over cuts
that are public, so that no threshold is anybody's value. Gradients and curvatures are whole
multiples of 2⁻²⁴: sums of them are exact in any order, so a fit over forces is the pooled one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit

from federated.cuts import Cuts
from federated.design import Array, Integers
from minimisation import Tree, TreeModel

GRAIN = 2.0**24
"""Steps of a gradient per unit; 2²⁹ people add up without rounding."""

LEAST_GAIN = 1e-9
"""A division that gains less is rounding."""

DEEPEST = 6
"""A deeper tree asks for more sums than forces have people."""


def check_growing(depth: int, learning_rate: float, ridge: float, least_hessian: float) -> None:
    """Refuse parameters by which no tree can grow.

    Raises:
        ValueError: naming the parameter and the rule.
    """
    if not 1 <= depth <= DEEPEST:
        raise ValueError(f"depth ({depth}) must be from 1 to {DEEPEST}")
    if not 0 < learning_rate <= 1:
        raise ValueError(f"learning_rate ({learning_rate}) must be in (0, 1]")
    for parameter, value in (("ridge", ridge), ("least_hessian", least_hessian)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{parameter} ({value}) must be a finite number from 0 on")


@dataclass(frozen=True, kw_only=True)
class Grown:
    """Trees so far, each complete to one depth; who meets a node without a division goes left."""

    intercept: float
    """Log-odds before any tree."""
    splits: Integers
    """Division at every inner node, level by level, or −1. Shape (trees, 2^depth − 1)."""
    leaves: Array
    """Log-odds that every leaf adds. Shape (trees, 2^depth)."""

    def nodes(self, cuts: Cuts, places: Integers, tree: int, level: int) -> Integers:
        """Which of the 2^level nodes of a level of a tree every row is in. Shape (n,)."""
        term, last = (np.array([0, *part]) for part in zip(*cuts.divisions, strict=True))
        rows = np.arange(len(places))
        node: Integers = np.zeros(len(places), dtype=np.int64)
        for above in range(level):
            split = self.splits[tree, 2**above - 1 + node] + 1
            right = (split > 0) & (places[rows, term[split]] > last[split])
            node = 2 * node + right
        return node

    def log_odds(self, cuts: Cuts, places: Integers, trees: int) -> Array:
        """Score of every row by the first trees. Shape (n,)."""
        depth = self.leaves.shape[1].bit_length() - 1
        total = np.full(len(places), self.intercept)
        for tree in range(trees):
            total += self.leaves[tree, self.nodes(cuts, places, tree, depth)]
        return total

    def model(self, cuts: Cuts) -> TreeModel:
        """The trees as an artefact."""
        trees = [_tree(cuts, *each) for each in zip(self.splits, self.leaves, strict=True)]
        return TreeModel(encoding=cuts.encoding, intercept=self.intercept, trees=tuple(trees))


def _tree(cuts: Cuts, splits: Integers, leaves: Array) -> Tree:
    term, threshold, left, right, value = [-1], [0.0], [0], [0], [0.0]
    waiting = [(0, 0)]
    while waiting:
        heap, node = waiting.pop(0)
        while heap < len(splits) and splits[heap] < 0:
            heap = 2 * heap + 1
        if heap >= len(splits):
            value[node] = float(leaves[heap - len(splits)])
            continue
        term[node], last = cuts.divisions[splits[heap]]
        threshold[node] = cuts.thresholds[term[node]][last - cuts.starts[term[node]]]
        left[node], right[node] = len(term), len(term) + 1
        waiting += [(2 * heap + 1, left[node]), (2 * heap + 2, right[node])]
        for part, empty in ((term, -1), (left, 0), (right, 0)):
            part += [empty, empty]
        threshold += [0.0, 0.0]
        value += [0.0, 0.0]
    return Tree(
        term=tuple(term),
        threshold=tuple(threshold),
        left=tuple(left),
        right=tuple(right),
        value=tuple(value),
    )


@dataclass(frozen=True, kw_only=True)
class Histograms:
    """Sums over people by node and bin; those of disjoint people add up."""

    gradient: Array
    """Sums of predicted chance less outcome, shape (nodes, bins)."""
    hessian: Array
    """Sums of chance × (1 − chance), shape (nodes, bins)."""

    def __add__(self, other: "Histograms") -> "Histograms":
        """Sums over two disjoint sets of people."""
        return Histograms(
            gradient=self.gradient + other.gradient, hessian=self.hessian + other.hessian
        )


def histograms(  # noqa: PLR0913, PLR0917 - people, trees and a place among them
    cuts: Cuts, places: Integers, outcome: Array, grown: Grown, tree: int, level: int
) -> Histograms:
    """Sums at one level of one tree; the widest level's shape whatever the level.

    Args:
        cuts: the public cuts.
        places: (n, terms) as `Cuts.places` gives them.
        outcome: (n,) zeros and ones.
        grown: trees so far; of `tree`, the levels above `level`.
        tree: which tree.
        level: which level of it, from 0.
    """
    chance = expit(grown.log_odds(cuts, places, tree))
    node = grown.nodes(cuts, places, tree, level)
    shape = (grown.leaves.shape[1] // 2, cuts.bins)
    flat = (node[:, None] * cuts.bins + places).ravel()

    def added(values: Array) -> Array:
        whole = np.rint(values * GRAIN) / GRAIN
        repeated = np.repeat(whole, places.shape[1])
        found = np.bincount(flat, repeated, minlength=math.prod(shape))
        return found.astype(np.float64).reshape(shape)

    return Histograms(gradient=added(chance - outcome), hessian=added(chance * (1 - chance)))


@dataclass(frozen=True, kw_only=True)
class Growing:
    """How trees are grown."""

    trees: int
    """How many."""
    depth: int
    """Divisions from root to leaf."""
    learning_rate: float
    """Share of each Newton step that is taken."""
    ridge: float
    """Added to a leaf's curvature, which draws its value to zero."""
    least_hessian: float
    """Least curvature on either side of a division: about four times that many people."""

    def nothing(self) -> Grown:
        """No tree yet."""
        return Grown(
            intercept=0.0,
            splits=np.full((self.trees, 2**self.depth - 1), -1, dtype=np.int64),
            leaves=np.zeros((self.trees, 2**self.depth)),
        )

    def grow(self, cuts: Cuts, ask: Callable[[Grown, int, int], Histograms]) -> Grown:
        """Grow all trees.

        Args:
            cuts: the public cuts.
            ask: sums over everybody, given trees so far, a tree and a level of it.
        """
        grown = self.nothing()
        first = ask(grown, 0, 0)
        people = 4 * first.hessian[0, : cuts.starts[1]].sum()
        cases = people / 2 - first.gradient[0, : cuts.starts[1]].sum()
        # half a person on either side keeps the log-odds finite where it never happened
        intercept = math.log((cases + 0.5) / (people - cases + 0.5))
        grown = Grown(intercept=intercept, splits=grown.splits, leaves=grown.leaves)
        for tree in range(self.trees):
            for level in range(self.depth):
                sums = ask(grown, tree, level)
                self._divide(cuts, grown, sums, tree, level)
        return grown

    def _divide(self, cuts: Cuts, grown: Grown, sums: Histograms, tree: int, level: int) -> None:
        """Choose divisions of one level; at the last, the leaves below them."""
        for node in range(2**level):
            g, h = sums.gradient[node], sums.hessian[node]
            whole = np.array([g[: cuts.starts[1]].sum(), h[: cuts.starts[1]].sum()])
            best, left = self._best(cuts, g, h, whole)
            grown.splits[tree, 2**level - 1 + node] = best
            if level == self.depth - 1:
                for side, part in enumerate((left, whole - left)):
                    curvature = max(part[1] + self.ridge, 1 / GRAIN)
                    leaf = -self.learning_rate * part[0] / curvature
                    grown.leaves[tree, 2 * node + side] = leaf

    def _best(self, cuts: Cuts, g: Array, h: Array, whole: Array) -> tuple[int, Array]:
        """The best division and (gradient, curvature) of its left; −1 and all if none gains."""
        low = np.concatenate(
            [
                np.cumsum([g[first:end], h[first:end]], axis=1)[:, :-1]
                for first, end in pairwise(cuts.starts)
            ],
            axis=1,
        )
        high = whole[:, None] - low
        gain = self._worth(low) + self._worth(high) - self._worth(whole)
        gain[np.minimum(low[1], high[1]) < self.least_hessian] = -np.inf
        best = int(np.argmax(gain))
        if gain[best] <= LEAST_GAIN:
            return -1, whole
        return best, low[:, best]

    def _worth(self, sums: Array) -> Array:
        found: Array = sums[0] ** 2 / np.maximum(sums[1] + self.ridge, 1 / GRAIN)
        return found
