"""Histograms over public edges, and quantiles read off a tree of them.

Beyond sixteen bins a row is also counted in coarser nodes, so that the count below any edge adds up
few noisy numbers instead of many (Hay, Rastogi, Miklau and Suciu 2010; fan-out after Qardaji, Yang
and Li 2013). A quantile's interval holds every bin that the noise alone could have moved it to.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from minimisation.contract.domains import Bounds
from minimisation.statistics.answers import Figure, Noisy
from minimisation.statistics.bounding import LIMIT
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.intervals import Term, half_width
from minimisation.statistics.noise import Reals
from minimisation.statistics.parts import Part

FAN = 16
"""Children of a node."""

Entry = TypeVar("Entry", np.int64, np.float64)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Counts of every bin, then of every sixteen, and so on up to sixteen nodes or fewer."""

    leaves: int
    """Number of bins, at least 1."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes per level, bins first."""
        sizes = [self.leaves]
        while sizes[-1] > FAN:
            sizes.append(-(-sizes[-1] // FAN))
        return tuple(sizes)

    @property
    def levels(self) -> int:
        """Number of levels: how often one row is counted."""
        return len(self.sizes)

    @property
    def nodes(self) -> int:
        """Nodes of all levels."""
        return sum(self.sizes)

    def filled(self, bins: npt.NDArray[Entry]) -> npt.NDArray[Entry]:
        """All nodes from the bins: shape (leaves, cells) to (nodes, cells)."""
        # so that no node can leave ±LIMIT; clipping a bin moves nobody's contribution further
        levels = [np.clip(bins, -(LIMIT // self.leaves), LIMIT // self.leaves)]
        for _ in self.sizes[1:]:
            places = np.arange(0, len(levels[-1]), FAN)
            levels.append(np.add.reduceat(levels[-1], places, axis=0))
        return np.concatenate(levels)

    def below(self, edge: int) -> list[int]:
        """Fewest nodes that make up the bins 0 to edge − 1."""
        chosen, start = [], 0
        for level, size in enumerate(self.sizes):
            end = edge // FAN**level
            # what the next level up covers whole is taken there
            whole = 0 if level + 1 == self.levels else end // FAN * FAN
            chosen += [start + place for place in range(whole, end)]
            start += size
        return chosen


def histogram_figures(noisy: Noisy, part: Part) -> list[Figure]:
    """Rows in each bin, with their interval, in declared order."""
    width = half_width([noisy.term(part)])
    counts = noisy.value(part)[: part.bins]
    return [Figure(value=each, low=each - width, high=each + width) for each in counts]


def quantile_figure(noisy: Noisy, part: Part, table: StoredTable, level: float) -> Figure:
    """The value below which a share of the known rows lies; missing values are left out."""
    domain = table.column(part.column).domain
    if not isinstance(domain, Bounds):
        raise TypeError(f"column '{part.column}' must have bounds")
    edges = np.array(domain.bin_edges)
    surplus, widths = _surplus(noisy, part, len(edges) - 1, level)
    # bin j holds it if the count below j is still short of the share, and below j + 1 no longer
    short, enough = surplus - widths <= 0, surplus + widths >= 0
    short[0], enough[-1] = True, True
    held = short[:-1] & enough[1:]
    none = ~held.any(axis=0)
    first, last = held.argmax(axis=0), held.shape[0] - 1 - held[::-1].argmax(axis=0)
    low = np.where(none, edges[0], edges[first])
    high = np.where(none, edges[-1], edges[last + 1])
    value = np.clip(_crossing(surplus, edges), low, high)
    known = noisy.value(part)[Tree(leaves=part.bins).below(len(edges) - 1)].sum(axis=0) >= 1
    whole = (np.where(known, low, edges[0]), np.where(known, high, edges[-1]))
    return Figure(value=np.where(known, value, np.nan), low=whole[0], high=whole[1])


def _surplus(noisy: Noisy, part: Part, bins: int, level: float) -> tuple[Reals, Reals]:
    """Count below each edge minus the share of all, and the half width of its noise.

    Shapes (bins + 1, cells) and (bins + 1, 1).
    """
    tree, counts = Tree(leaves=part.bins), noisy.value(part)
    everything = tree.below(bins)
    all_rows = counts[everything].sum(axis=0)
    surplus, widths = [], []
    for edge in range(bins + 1):
        own = tree.below(edge)
        both = len(set(own) & set(everything))
        factors = ((1 - level, both), (1.0, len(own) - both), (level, len(everything) - both))
        terms = [
            Term(noise=noisy.noise, factor=factor / part.weight, copies=copies * noisy.copies)
            for factor, copies in factors
            if copies
        ]
        surplus.append(counts[own].sum(axis=0) - level * all_rows)
        widths.append([half_width(terms)])
    return np.array(surplus), np.array(widths)


def _crossing(surplus: Reals, edges: Reals) -> Reals:
    """Where the surplus first reaches 0, between edges in proportion."""
    rising = np.maximum.accumulate(surplus, axis=0)
    crossed = np.full(surplus.shape[1], edges[-1])
    for place, (start, end) in reversed(list(enumerate(pairwise(edges)))):
        before, after = rising[place], rising[place + 1]
        gap = np.where(after > before, after - before, 1.0)
        inside = start + (end - start) * np.clip(-before / gap, 0.0, 1.0)
        crossed = np.where(after >= 0, inside, crossed)
    return crossed
