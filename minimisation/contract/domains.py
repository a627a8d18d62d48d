"""Public domains: what values a column may take, stated beforehand and never inferred from data.

A domain learnt from data leaks it (a maximum age is somebody's age), so a domain is an input.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

LONGEST = 200
"""Most characters of a label that is not public: more is free text, which no figure shows."""


@dataclass(frozen=True, kw_only=True)
class Categories:
    """A closed list of category labels."""

    values: tuple[str, ...]
    """The labels, in the order in which tables and encodings show them."""

    def __post_init__(self) -> None:
        """Refuse an empty list, a blank label or a repeated one.

        Raises:
            ValueError: naming the rule.
        """
        if not self.values:
            raise ValueError("categories ([]) must list at least one label")
        if any(not label.strip() for label in self.values):
            raise ValueError("categories must not contain a blank label")
        if len(set(self.values)) != len(self.values):
            raise ValueError("categories must not repeat a label")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A closed numeric interval on a fixed grid."""

    low: float
    """Smallest value, inclusive, in the column's own units."""
    high: float
    """Largest value, inclusive, in the column's own units."""
    step: float = 1.0
    """Resolution: values are kept as whole multiples of it (fixed point)."""
    edges: tuple[float, ...] = ()
    """Public cut points inside (low, high) for histograms; bin i is [edge i, edge i+1)."""

    def __post_init__(self) -> None:
        """Refuse an empty, infinite or badly cut interval.

        Raises:
            ValueError: naming the bound and the rule.
        """
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"bounds ({self.low}, {self.high}) must be finite with low < high")
        if not (math.isfinite(self.step) and self.step > 0):
            raise ValueError(f"step ({self.step}) must be a positive finite number")
        cuts = (self.low, *self.edges, self.high)
        if any(a >= b for a, b in pairwise(cuts)):
            raise ValueError(
                f"edges {self.edges} must rise strictly inside ({self.low}, {self.high})"
            )

    @property
    def bin_edges(self) -> tuple[float, ...]:
        """All edges of the public histogram, low and high included (bins + 1 numbers)."""
        return (self.low, *self.edges, self.high)

    @property
    def bin_labels(self) -> tuple[str, ...]:
        """One label per histogram bin, such as `18 to <25`; the last bin includes `high`."""
        edges = self.bin_edges
        inner = [f"{a:g} to <{b:g}" for a, b in pairwise(edges[:-1])]
        return (*inner, f"{edges[-2]:g} to {edges[-1]:g}")


@dataclass(frozen=True, kw_only=True)
class OpenText:
    """Plain text whose labels are not public; only its shape is."""

    longest: int = 80
    """Most characters of a label; a longer one counts as missing."""

    def __post_init__(self) -> None:
        """Refuse a label that is empty or as long as a document.

        Raises:
            ValueError: naming the rule.
        """
        if not 1 <= self.longest <= LONGEST:
            raise ValueError(f"longest ({self.longest}) must be from 1 to {LONGEST} characters")


Domain: TypeAlias = Categories | Bounds
