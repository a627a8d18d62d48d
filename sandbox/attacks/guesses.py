"""Guesses one column of a record from its others: by the nearest rows, or by a trained model.

Nearest rows vote (Gower's distance, 1971); the model is a forest of extremely randomised trees
grown to single rows (Geurts, Ernst and Wehenkel 2006), which remembers what it was given.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.spatial.distance import cdist

from minimisation import Bounds, Column, Encoding, UseCase, groups
from sandbox.attacks.attack import Array

Integers = npt.NDArray[np.int64]

TREES = 12
"""Trees of a trained model."""

MOST_ROWS = 20_000
"""Most rows that a model is trained on; a larger table is sampled."""

CUTS = 10
"""Public bins of a bounded column that declares none."""


def cut(column: Column) -> Column:
    """The column with public bins: its own, or equal parts of its bounds; two for a yes or no."""
    bounds = column.domain
    if not isinstance(bounds, Bounds) or bounds.edges:
        return column
    parts = int(min(CUTS, round((bounds.high - bounds.low) / bounds.step) + 1))
    edges = np.linspace(bounds.low, bounds.high, max(parts, 2) + 1)[1:-1]
    return replace(column, domain=replace(bounds, edges=tuple(float(edge) for edge in edges)))


def codes(column: Column, rows: pa.Table) -> Integers:
    """Label or bin of every row's value, −1 outside the domain. Shape (n,)."""
    hot = hot_labels(column, rows)
    return np.where(hot.sum(axis=1) > 0, hot.argmax(axis=1), -1).astype(np.int64)


def cells(use_case: UseCase, keys: Sequence[str], rows: pa.Table) -> Integers:
    """Place of every row's cell in the grid; all values must be in their domains. Shape (n,)."""
    shape = [len(groups.key_labels(use_case, key)) for key in keys]
    places = [codes(use_case.column(key), rows) for key in keys]
    if not keys:
        return np.zeros(rows.num_rows, dtype=np.int64)
    return np.asarray(np.ravel_multi_index(places, shape), dtype=np.int64)


def hot_labels(column: Column, rows: pa.Table) -> Array:
    """Labels or bins as terms, shares for generalised values. Shape (n, labels)."""
    return Encoding(columns=(cut(column),), binned=True, reference=False).encode(rows)


def scaled(use_case: UseCase, names: Sequence[str], rows: pa.Table) -> Array:
    """Columns as numbers whose city-block distance counts every column alike. Shape (n, d)."""
    parts = []
    for name in names:
        column = use_case.column(name)
        encoding = Encoding(columns=(column,), reference=False)
        weight = 1.0 if encoding.labels(column) is None else 0.5
        parts.append(encoding.encode(rows) * weight)
    return np.concatenate(parts, axis=1) if parts else np.zeros((rows.num_rows, 0))


class ScaledRows:
    """Rows as numbers, as `scaled` gives them, of which any one column can be left out."""

    def __init__(self, use_case: UseCase, names: Sequence[str], rows: pa.Table) -> None:
        """Encode n rows once."""
        self._parts = {name: scaled(use_case, [name], rows) for name in names}
        self._size = rows.num_rows

    def without(self, left_out: str) -> Array:
        """All columns but one. Shape (n, d)."""
        parts = [part for name, part in self._parts.items() if name != left_out]
        return np.concatenate(parts, axis=1) if parts else np.zeros((self._size, 0))


def by_nearest(theirs: Array, votes: Array, ours: Array) -> Integers:
    """Commonest label among the nearest of their rows, all that are equally near. Shape (n,).

    Args:
        theirs: (m, d) rows with a known label.
        votes: (m, labels) their labels as terms.
        ours: (n, d) rows to guess.
    """
    distinct, place = np.unique(np.round(theirs, 9), axis=0, return_inverse=True)
    tally = np.zeros((len(distinct), votes.shape[1]))
    np.add.at(tally, place.ravel(), votes)
    guessed = np.empty(len(ours), dtype=np.int64)
    for start in range(0, len(ours), 64):
        apart = cdist(ours[start : start + 64], distinct, "cityblock")
        near = apart <= apart.min(axis=1, keepdims=True) + 1e-9
        guessed[start : start + 64] = (near @ tally).argmax(axis=1)
    return guessed


def by_model(theirs: Array, labels: Integers, ours: Array, rng: np.random.Generator) -> Integers:
    """What a forest trained on their rows says. Shape (n,).

    Args:
        theirs: (m, d) rows with a known label.
        labels: (m,) their labels.
        ours: (n, d) rows to guess.
        rng: samples rows and seeds the forest.
    """
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415 - loaded only where used

    seed = int(rng.integers(2**31))
    if len(theirs) > MOST_ROWS:
        kept = rng.choice(len(theirs), MOST_ROWS, replace=False)
        theirs, labels = theirs[kept], labels[kept]
    forest = ExtraTreesClassifier(n_estimators=TREES, random_state=seed)
    forest.fit(theirs.astype(np.float32), labels)
    guessed: Integers = forest.predict(ours.astype(np.float32)).astype(np.int64)
    return guessed
