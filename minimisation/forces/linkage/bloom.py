"""Bloom-filter encodings of dirty identifiers, compared by Dice similarity.

Schnell, Bachteler and Reiher 2009, "Privacy-preserving record linkage using Bloom filters", with a
filter per field and keyed double hashing. A filter is not anonymous: frequent values can be guessed
from frequent patterns (Christen et al. 2018), so filters go to the linkage holder only.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Filters of n records, without anything to read in them."""

    filters: Mapping[str, Bits]
    """Field → (n, length) matrix of 0 and 1; a missing value is a row of zeros."""

    @property
    def count(self) -> int:
        """Records."""
        return len(next(iter(self.filters.values())))


@dataclass(frozen=True, kw_only=True)
class BloomEncoding:
    """How fields become filters. All forces use the same."""

    weights: Mapping[str, float]
    """Field → its weight in the similarity of two records."""
    key: bytes = field(repr=False)
    """Study key, shared by the forces, unknown to the linkage holder."""
    length: int = 512
    """Bits per filter."""
    hashes: int = 12
    """Bits set per q-gram."""
    size: int = 2
    """Letters per q-gram."""
    least_weight: float = 0.5
    """Share of the weight that two records must both have values for; else they do not match."""

    def __post_init__(self) -> None:
        """Refuse an encoding that encodes nothing.

        Raises:
            ValueError: naming the rule.
        """
        if not self.weights or min(self.weights.values()) <= 0:
            raise ValueError("weights must name at least one field, each with a positive weight")
        if not (self.length > 0 and self.hashes > 0 and self.size > 0):
            raise ValueError("length, hashes and size must be positive")

    def encode(self, records: Mapping[str, Sequence[str | None]]) -> Encoded:
        """Filters of records.

        Args:
            records: field → n values.
        """
        filters = {}
        for name in self.weights:
            values = records[name]
            bits = np.zeros((len(values), self.length), dtype=np.float32)
            for row, value in enumerate(values):
                for gram in grams(value or "", self.size):
                    bits[row, list(self._places(name, gram))] = 1
            filters[name] = bits
        return Encoded(filters=filters)

    def _places(self, name: str, gram: str) -> tuple[int, ...]:
        return _places(self.key, name, gram, self.length, self.hashes)

    def similarity(self, left: Encoded, right: Encoded) -> Scores:
        """Weighted mean of the fields' Dice similarities over fields that both records have.

        Returns:
            (n, m) matrix in [0, 1].
        """
        total = np.zeros((left.count, right.count), dtype=np.float32)
        weight = np.zeros_like(total)
        for name, share in self.weights.items():
            a, b = left.filters[name], right.filters[name]
            sizes = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :]
            known = np.outer(a.max(axis=1), b.max(axis=1))
            dice = 2 * (a @ b.T) / np.maximum(sizes, 1)
            total += share * known * dice
            weight += share * known
        enough = weight >= self.least_weight * sum(self.weights.values())
        return np.where(enough, total / np.maximum(weight, 1e-9), 0).astype(np.float32)


@lru_cache(maxsize=100_000)
def _places(key: bytes, name: str, gram: str, length: int, hashes: int) -> tuple[int, ...]:
    digest = hmac.digest(key, f"{name}\x1f{gram}".encode(), hashlib.sha512)
    first, second = (int.from_bytes(digest[i : i + 32], "big") for i in (0, 32))
    # an even step would visit half of the places at most
    return tuple((first + turn * (second | 1)) % length for turn in range(hashes))


def grams(value: str, size: int) -> list[str]:
    """Letters in groups, padded at both ends; accents and case are levelled."""
    plain = unicodedata.normalize("NFKD", value.casefold())
    letters = "".join(each for each in plain if each.isalnum())
    if not letters:
        return []
    padded = "_" * (size - 1) + letters + "_" * (size - 1)
    return [padded[i : i + size] for i in range(len(padded) - size + 1)]
