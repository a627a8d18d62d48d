"""Where a tree may divide people: public cuts of every encoded term.

They follow from declared domains alone, so that no threshold is anybody's value.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Self

import numpy as np

from federated.design import Array, Integers
from minimisation import Bounds, Encoding

MOST_CUTS = 32
"""A bounded column is cut at most so often, beside its declared edges."""


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """The public places at which a tree may divide people, term by term."""

    encoding: Encoding
    """Terms that are compared; every category has one."""
    thresholds: tuple[tuple[float, ...], ...]
    """Term → rising thresholds; a value below one lies to its left."""

    @classmethod
    def of(cls, features: Encoding) -> Self:
        """Cuts of the columns of an encoding, by their public domains."""
        encoding = Encoding(columns=features.columns, reference=False)
        found: list[tuple[float, ...]] = []
        for column in encoding.columns:
            labels = encoding.labels(column)
            if labels is not None:
                found += [(0.5,)] * len(labels)
            else:
                domain = column.domain
                assert isinstance(domain, Bounds)  # noqa: S101 - only those are scaled
                found += [_cuts_of(domain), *([(0.5,)] if column.optional else [])]
        return cls(encoding=encoding, thresholds=tuple(found))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Place of the first bin of every term, and the number of bins."""
        return (0, *np.cumsum([len(each) + 1 for each in self.thresholds]).tolist())

    @property
    def bins(self) -> int:
        """Bins of all terms together: one more per term than it has thresholds."""
        return self.starts[-1]

    def places(self, features: Array) -> Integers:
        """Bin of every term of every row, numbered through the terms. Shape (n, terms)."""
        single = features.astype(np.float32)
        found = np.empty(single.shape, dtype=np.int64)
        for term, (start, cuts) in enumerate(zip(self.starts, self.thresholds, strict=False)):
            edges = np.array(cuts, dtype=np.float32)
            found[:, term] = start + np.searchsorted(edges, single[:, term], side="right")
        return found

    def rounded(self, features: Array) -> Array:
        """Every value moved down to the cut below it, or to zero. Shape (n, terms)."""
        lowest = np.concatenate([[0.0, *cuts] for cuts in self.thresholds])
        found: Array = lowest[self.places(features)]
        return found

    @cached_property
    def divisions(self) -> tuple[tuple[int, int], ...]:
        """(term, last bin that goes to the left) of every possible division."""
        return tuple(
            (term, start + place)
            for term, (start, cuts) in enumerate(zip(self.starts, self.thresholds, strict=False))
            for place in range(len(cuts))
        )


@cache
def _cuts_of(domain: Bounds) -> tuple[float, ...]:
    steps = round((domain.high - domain.low) / domain.step)
    width = domain.step * -(-steps // MOST_CUTS)
    inner = domain.low + width * np.arange(1, math.ceil((domain.high - domain.low) / width))
    values = np.unique([*inner.tolist(), *domain.edges])
    scaled = ((values - domain.low) / (domain.high - domain.low)).astype(np.float32)
    return tuple(float(each) for each in np.unique(scaled))
