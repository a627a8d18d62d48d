"""Perturbs each count by an amount that its own people fix, so that asking again tells nothing new.

The cell-key method (Fraser and Wooton 2005; Thompson, Broadfoot and Elazar 2013): every person has
a keyed random number, a cell's key is their sum, and a table of chances turns key and count into a
change. The chances are those of largest entropy with mean zero, a stated variance and a stated
bound (Giessing 2016). It gives no epsilon, and margins do not add up exactly.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Counts = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Chances = npt.NDArray[np.float64]

KEY_SPACE = 2**32
"""Keys are whole numbers below it, added modulo it."""


def record_key(secret: bytes, person: str) -> int:
    """A person's own number, the same in every table."""
    return int.from_bytes(hmac.digest(secret, b"record|" + person.encode(), hashlib.sha256)[:4])


def empty_key(secret: bytes, labels: Sequence[str]) -> int:
    """Key of a cell without people, from its labels, so that zeros can change too."""
    text = "\x1f".join(labels).encode()
    return int.from_bytes(hmac.digest(secret, b"empty|" + text, hashlib.sha256)[:4])


def cell_keys(cells: Counts, keys: Keys, size: int) -> Keys:
    """Key of each cell: the sum of its people's numbers.

    Args:
        cells: cell of each (cell, person) pair, each pair once; shape (pairs,).
        keys: the person's number; shape (pairs,).
        size: number of cells.
    """
    total = np.zeros(size, dtype=np.uint64)
    np.add.at(total, cells, keys.astype(np.uint64))
    summed: Keys = total % np.uint64(KEY_SPACE)
    return summed


@dataclass(frozen=True, kw_only=True)
class CellKeys:
    """The table of chances and its use."""

    variance: float = 2.0
    """Variance of the change of a count of one or more."""
    bound: int = 5
    """Largest change."""
    zero_mean: float = 0.1
    """Mean by which a zero grows; zeros cannot shrink, so theirs is the one mean above 0."""

    def __post_init__(self) -> None:
        """Refuse a variance that no change within the bound can have.

        Raises:
            ValueError: naming the rule.
        """
        # a count of one can fall by one only, which limits the variance of a change of mean zero
        if self.bound < 1 or not 0 < self.variance < self.bound:
            raise ValueError(f"variance ({self.variance}) must be above 0 and below bound")
        if not 0 <= self.zero_mean < self.bound / 2:
            raise ValueError(f"zero_mean ({self.zero_mean}) must be at least 0, below bound / 2")

    @cached_property
    def chances(self) -> Chances:
        """Chance of each change from −bound to bound, for counts 0 to bound; rows sum to 1.

        Larger counts have the chances of `bound`.
        """
        return np.stack([self._row(count) for count in range(self.bound + 1)])

    def apply(self, counts: Counts, keys: Keys) -> Counts:
        """Perturbed counts, never negative.

        Args:
            counts: people per cell.
            keys: `cell_keys`, or `empty_key` where a count is 0; same shape.
        """
        cumulative = self.chances.cumsum(axis=1)[np.minimum(counts, self.bound)]
        uniform = (keys.astype(np.float64) + 0.5) / KEY_SPACE
        places = (cumulative < uniform[..., None]).sum(axis=-1)
        # rounding may leave the last sum a hair below 1
        return np.asarray(counts + np.minimum(places, 2 * self.bound) - self.bound, dtype=np.int64)

    def _row(self, count: int) -> Chances:
        change = np.arange(-self.bound, self.bound + 1, dtype=np.float64)
        allowed = change >= -count
        if count == 0:
            if self.zero_mean == 0:
                return np.asarray(change == 0, dtype=np.float64)
            moments, aims = change[None, allowed], np.array([self.zero_mean])
        else:
            moments = np.stack([change[allowed], change[allowed] ** 2])
            aims = np.array([0.0, self.variance])
        row = np.zeros_like(change)
        row[allowed] = _largest_entropy(moments, aims)
        return row


def _largest_entropy(moments: Chances, aims: Chances) -> Chances:
    """Chances of largest entropy whose moments are the aims, by the convex dual."""

    def dual(multipliers: Chances) -> tuple[float, Chances]:
        exponent = multipliers @ moments
        peak = exponent.max()
        weight = np.exp(exponent - peak)
        chances = weight / weight.sum()
        return float(peak + np.log(weight.sum()) - multipliers @ aims), moments @ chances - aims

    start = np.zeros(len(aims))
    found = minimize(dual, start, jac=True, method="BFGS", options={"gtol": 1e-10}).x
    exponent = found @ moments
    weight = np.exp(exponent - exponent.max())
    return np.asarray(weight / weight.sum(), dtype=np.float64)
