"""A calibrated junction tree in NumPy: expected counts of any pair, and rows drawn from the model.

Koller and Friedman 2009, Probabilistic Graphical Models, section 10.3. It takes a fitted model's
log-potentials and needs no engine, so that asking about many pairs costs no compilation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.special import logsumexp

from synthetic.conditions import Fixed
from synthetic.counting import Clique
from synthetic.margins import Codes, Shares

Edge: TypeAlias = tuple[Clique, Clique]


NEVER = -700.0
"""Log-potential of what a condition rules out: as near to nothing as a probability can be."""

LEAST = 1e-12
"""Chance below which a condition counts as impossible."""


@dataclass(frozen=True, kw_only=True)
class JunctionTree:
    """A distribution over d columns, as log-potentials on the nodes of a junction tree."""

    sizes: tuple[int, ...]
    """Cells of every column."""
    nodes: tuple[Clique, ...]
    """Cliques of the tree; every column is in at least one."""
    edges: tuple[Edge, ...]
    """Edges away from the first node, parents before children."""
    potentials: Mapping[Clique, Shares]
    """Log-potentials, each over the columns of its clique, which some node contains."""

    @cached_property
    def beliefs(self) -> dict[Clique, Shares]:
        """Probabilities of every node, one axis per column; neighbours agree where they meet."""
        log = {node: np.zeros([self.sizes[place] for place in node]) for node in self.nodes}
        for clique, potential in self.potentials.items():
            node = next(node for node in self.nodes if set(clique) <= set(node))
            log[node] = log[node] + _spread(potential, clique, node)
        sent: dict[Edge, Shares] = {}
        for parent, child in reversed(self.edges):
            sent[parent, child] = _collapse(log[child], child, _shared(parent, child))
            log[parent] = log[parent] + _spread(sent[parent, child], _shared(parent, child), parent)
        for parent, child in self.edges:
            shared = _shared(parent, child)
            back = _collapse(log[parent], parent, shared) - sent[parent, child]
            log[child] = log[child] + _spread(back, shared, child)
        return {node: np.exp(each - logsumexp(each)) for node, each in log.items()}

    @cached_property
    def pairs(self) -> dict[Clique, Shares]:
        """Probabilities of every pair of columns (i < j), shape (size i, size j)."""
        found: dict[Clique, Shares] = {}
        for place in range(len(self.sizes)):
            joint = self._with(place)
            for node, table in joint.items():
                for other in node:
                    if other > place and (place, other) not in found:
                        axes = [place, *(each for each in node if each != place)]
                        found[place, other] = _einsum(table, axes, [place, other])
        return found

    def _with(self, place: int) -> dict[Clique, Shares]:
        """Every node's probabilities jointly with a column, which becomes the first axis."""
        start = next(node for node in self.nodes if place in node)
        joint = {start: self._first(start, place)}
        waiting = [start]
        while waiting:
            node = waiting.pop()
            for other in self._neighbours(node):
                if other not in joint:
                    joint[other] = self._onwards(joint[node], node, other, place)
                    waiting.append(other)
        return joint

    def _onwards(self, table: Shares, node: Clique, other: Clique, place: int) -> Shares:
        if place in other:
            return self._first(other, place)
        shared = _shared(node, other)
        axes = [place, *(each for each in node if each != place)]
        reduced = _einsum(table, axes, [place, *shared])
        known = _einsum(self.beliefs[other], list(other), list(shared))
        given = np.divide(reduced, known, out=np.zeros_like(reduced), where=known > 0)
        out = [place, *other]
        return _einsum(given, [place, *shared], self.beliefs[other], other, out)

    def _first(self, node: Clique, place: int) -> Shares:
        return np.moveaxis(self.beliefs[node], node.index(place), 0)

    def _neighbours(self, node: Clique) -> list[Clique]:
        return [b if a == node else a for a, b in self.edges if node in (a, b)]

    def probabilities(self, clique: Clique) -> Shares:
        """Probabilities of one column or of a pair, flat in row-major order."""
        if len(clique) == 1:
            node = next(node for node in self.nodes if clique[0] in node)
            return _einsum(self.beliefs[node], list(node), list(clique))
        return self.pairs[clique].ravel()

    def given(self, fixed: Fixed) -> "JunctionTree | None":
        """The distribution of rows that are in given cells; None if there are none such."""
        tree = self
        for place, cell in fixed.items():
            if tree.probabilities((place,))[cell] < LEAST:
                return None
            only = np.full(tree.sizes[place], NEVER)
            only[cell] = 0.0
            before = tree.potentials.get((place,), np.zeros(tree.sizes[place]))
            tree = replace(tree, potentials={**tree.potentials, (place,): before + only})
        return tree

    def rows(self, size: int, rng: np.random.Generator) -> list[Codes]:
        """Codes of `size` rows, column by column, drawn node by node away from the first."""
        drawn: dict[int, Codes] = {}
        for node in [self.nodes[0], *(child for _, child in self.edges)]:
            known = [place for place in node if place in drawn]
            for place in node:
                if place not in drawn:
                    table = _einsum(self.beliefs[node], list(node), [*known, place])
                    drawn[place] = draw(table, [drawn[each] for each in known], size, rng)
                    known.append(place)
        return [drawn[place] for place in range(len(self.sizes))]


def _einsum(*operands: object) -> Shares:
    """NumPy's einsum in its form of tables and lists of axis numbers."""
    return np.asarray(np.einsum(*operands))  # type: ignore[call-overload]


def _shared(one: Clique, other: Clique) -> Clique:
    return tuple(place for place in one if place in other)


def _collapse(table: Shares, node: Clique, kept: Clique) -> Shares:
    """Log-sum over the columns of a node that are not kept, which stay in the node's order."""
    order = tuple(place for place in node if place in kept)
    axes = tuple(axis for axis, place in enumerate(node) if place not in kept)
    summed = np.asarray(logsumexp(table, axis=axes)) if axes else table
    return np.transpose(summed, [order.index(place) for place in kept])


def _spread(table: Shares, clique: Clique, node: Clique) -> Shares:
    """A table over some columns of a node, with axes in the node's order and length 1 elsewhere."""
    order = [place for place in node if place in clique]
    moved = np.transpose(table, [clique.index(place) for place in order])
    sizes = dict(zip(order, moved.shape, strict=True))
    return moved.reshape([sizes.get(place, 1) for place in node])


def draw(table: Shares, given: Sequence[Codes], size: int, rng: np.random.Generator) -> Codes:
    """Draw a column by the probabilities on the last axis of `table`, given the other axes.

    Rows that share the given values get evenly spread ranks in random order, so that the drawn
    counts stay within one of the expected ones.
    """
    weights = np.maximum(table, 0).astype(np.float64).reshape(-1, table.shape[-1])
    weights[weights.sum(axis=1) == 0] = 1.0
    shape = table.shape[:-1]
    group = np.ravel_multi_index(tuple(given), shape) if given else np.zeros(size, dtype=np.int64)
    shuffled = rng.permutation(size)
    by_group = shuffled[np.argsort(group[shuffled], kind="stable")]
    held = np.bincount(group, minlength=len(weights))
    column = np.empty(size, dtype=np.int64)
    start = 0
    for place in np.flatnonzero(held):
        own = by_group[start : start + held[place]]
        start += held[place]
        ranks = (np.arange(len(own)) + rng.random()) / len(own)
        steps = np.cumsum(weights[place]) / weights[place].sum()
        column[own] = np.minimum(np.searchsorted(steps, ranks, side="right"), len(steps) - 1)
    return column
