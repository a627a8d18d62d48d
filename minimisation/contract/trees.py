"""A sum of decision trees over publicly encoded features, as plain numbers.

It is read without the library that grew it, and holds no code. Friedman 2001, Greedy Function
Approximation: A Gradient Boosting Machine.
"""

import json
from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from minimisation.contract.encoding import Encoding, Matrix

LEAF = -1
"""In place of a term: the node is a leaf."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One tree; node 0 is its root, and a child stands after its parent."""

    term: tuple[int, ...]
    """Node → place of the encoded term that is compared, or `LEAF`."""
    threshold: tuple[float, ...]
    """Node → a value below it goes to the left, any other to the right; 0 at a leaf."""
    left: tuple[int, ...]
    """Node → its left child; 0 at a leaf."""
    right: tuple[int, ...]
    """Node → its right child; 0 at a leaf."""
    value: tuple[float, ...]
    """Node → log-odds that a leaf adds; 0 elsewhere."""

    def __post_init__(self) -> None:
        """Refuse a tree in which a row could get lost or go round in circles.

        Raises:
            ValueError: naming the rule.
        """
        size = len(self.term)
        parts = (self.threshold, self.left, self.right, self.value)
        if size == 0 or any(len(part) != size for part in parts):
            raise ValueError("a tree must say term, threshold, left, right and value of every node")
        if not np.isfinite([*self.threshold, *self.value]).all():
            raise ValueError("thresholds and values of a tree must be finite")
        for node, (term, *children) in enumerate(
            zip(self.term, self.left, self.right, strict=True)
        ):
            if term != LEAF and not all(node < child < size for child in children):
                raise ValueError("both children of a node must stand after it")

    def leaves(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Node in which each row ends. Shape (n,)."""
        term, threshold = np.array(self.term), np.array(self.threshold, dtype=np.float32)
        left, right = np.array(self.left), np.array(self.right)
        node = np.zeros(len(features), dtype=np.int64)
        while len(rows := np.flatnonzero(term[node] != LEAF)):
            at = node[rows]
            low = features[rows, term[at]] < threshold[at]
            node[rows] = np.where(low, left[at], right[at])
        return node


@dataclass(frozen=True, kw_only=True)
class TreeModel:
    """A score that is a sum of trees; values and thresholds are compared in single precision."""

    encoding: Encoding
    """Public preprocessing: no scaler, vocabulary or imputer is learnt from data."""
    intercept: float
    """Log-odds before any tree."""
    trees: tuple[Tree, ...]
    """What is added to it, in order."""
    link: ClassVar[str] = "logit"

    def __post_init__(self) -> None:
        """Refuse trees over terms that the encoding does not have.

        Raises:
            ValueError: naming the rule.
        """
        terms = len(self.encoding.terms)
        if any(not LEAF <= term < terms for tree in self.trees for term in tree.term):
            raise ValueError(f"terms of a tree must be places among the encoding's {terms}")

    def log_odds(self, features: Matrix) -> Matrix:
        """Score of encoded rows, (n, d). Shape (n,)."""
        single = features.astype(np.float32)
        total = np.full(len(features), self.intercept)
        for tree in self.trees:
            total += np.array(tree.value)[tree.leaves(single)]
        return total

    def as_json(self) -> str:
        """The model as text: names of the terms, the intercept and every tree."""
        trees = [asdict(tree) for tree in self.trees]
        return json.dumps(
            {"terms": self.encoding.terms, "intercept": self.intercept, "trees": trees}
        )

    @classmethod
    def from_json(cls, text: str, encoding: Encoding) -> Self:
        """The model that `as_json` wrote, for the public encoding that it was made with.

        Raises:
            ValueError: if the text is not one, or has other terms.
        """
        read = json.loads(text)
        if not isinstance(read, dict) or read.get("terms") != list(encoding.terms):
            raise ValueError("terms of the model must be those of the encoding")
        trees = tuple(
            Tree(**{name: tuple(values) for name, values in tree.items()}) for tree in read["trees"]
        )
        return cls(encoding=encoding, intercept=float(read["intercept"]), trees=trees)
