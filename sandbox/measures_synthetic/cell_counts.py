"""Counts of single columns and pairs over public cells, and what can be read off two such counts.

Counts add up over forces, so that a figure is about all of them together; and a released table can
be counted outside. The scores are those of `k_marginal` and `dependence`, which take rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sandbox.measures_synthetic.dependence import cramers_v
from sandbox.measures_synthetic.k_marginal import BINS, FRACTIONS
from synthetic.counting import Clique, pairs, singles
from synthetic.margins import Cells, Codes

Counts = Mapping[Clique, npt.NDArray[np.float64]]
"""One or two columns → counts over their public cells, one axis per column."""


def counted(cells: Sequence[Cells], codes: Sequence[Codes]) -> dict[Clique, np.ndarray]:
    """Counts of n rows, given by one (n,) array of cell numbers per column."""
    found = {}
    sizes = [each.size for each in cells]
    for clique in (*singles(cells), *pairs(cells)):
        shape = tuple(sizes[place] for place in clique)
        flat = np.ravel_multi_index(tuple(codes[place] for place in clique), shape)
        held = np.bincount(flat, minlength=int(np.prod(shape))).astype(np.float64)
        found[clique] = held.reshape(shape)
    return found


def by_rank(cells: Sequence[Cells], target: Counts, counts: Counts) -> dict[Clique, np.ndarray]:
    """Counts in which every numeric column is cut into rank bins of the target (SDNist 2.4)."""
    bins = [
        _bins(target[place,]) if each.column.numeric else np.arange(each.size)
        for place, each in enumerate(cells)
    ]
    return {clique: _merged(table, [bins[p] for p in clique]) for clique, table in counts.items()}


def _bins(held: np.ndarray) -> Codes:
    """Bin of every cell of a numeric column, the last one being for a missing value."""
    values = held[:-1]
    known = np.flatnonzero(values)
    missing = len(values)
    if not len(known):
        return np.append(np.zeros(missing, dtype=np.int64), 1)
    share = (np.cumsum(values)[known] - (values[known] - 1) / 2) / values.sum()
    place = np.minimum(np.floor(BINS * share), BINS - 1)
    cuts = known[np.append(np.diff(place) > 0, True)]
    bins = np.searchsorted(cuts[:-1], np.arange(missing), side="left")
    return np.append(bins, len(cuts)).astype(np.int64)


def _merged(table: np.ndarray, bins: Sequence[Codes]) -> np.ndarray:
    for axis, each in enumerate(bins):
        onto = np.eye(int(each.max()) + 1)[each]
        table = np.moveaxis(np.tensordot(table, onto, axes=(axis, 0)), -1, axis)
    return table


def k_marginal(target: Counts, released: Counts) -> float:
    """The score on all pairs in [0, 1000], as `k_marginal.k_marginal` gives it for rows."""
    gaps = [_gap(target[clique], released[clique]) for clique in target if len(clique) > 1]
    return 500 * (2 - float(np.mean(gaps)))


def column_distances(target: Counts, released: Counts) -> dict[int, float]:
    """Total variation distance of every single column."""
    return {c[0]: _gap(target[c], released[c]) / 2 for c in target if len(c) == 1}


def dependence_distances(target: Counts, released: Counts) -> dict[Clique, float]:
    """|Cramér's V in the target − V in the released rows| of every pair."""
    both = [{c: _cramer(side[c]) for c in target if len(c) > 1} for side in (target, released)]
    return {clique: abs(both[0][clique] - both[1][clique]) for clique in both[0]}


def correlation_distances(
    cells: Sequence[Cells], target: Counts, released: Counts
) -> dict[Clique, float]:
    """|Difference of Pearson's correlation| of every pair of numeric columns; middles of cells.

    A pair in which the target does not vary is left out; one that has lost its variation counts 0.
    """
    found = {}
    for clique in pairs(cells):
        if all(cells[place].column.numeric for place in clique):
            centres = [cells[place].centres[:-1] for place in clique]
            one, other = (_correlation(side[clique], centres) for side in (target, released))
            if np.isfinite(one):
                found[clique] = abs(one - (other if np.isfinite(other) else 0.0))
    return found


def groups_kept(
    cells: Sequence[Cells], target: Counts, released: Counts, smallest: int
) -> tuple[int, int, int]:
    """Groups of one or two labels with at least so many target rows.

    Returns:
        How many there are, how many keep half of their share, how many have no released row.
    """
    there = kept = gone = 0
    for clique, table in target.items():
        if not any(cells[place].column.numeric for place in clique):
            large = table >= smallest
            share = released[clique] / released[clique].sum()
            there += int(large.sum())
            kept += int((share[large] >= table[large] / table.sum() / 2).sum())
            gone += int((share[large] == 0).sum())
    return there, kept, gone


def subsample_equivalent(target: Counts, score: float, rng: np.random.Generator) -> float:
    """The largest sampling fraction whose own score is no better than the given one; 0 if none.

    A table that scores like a 40 % sample errs on pairs as much as sampling 40 % of the rows does.
    Sampled counts are drawn cell by cell, which is their exact distribution; cells that are drawn
    apart instead of together leave the mean of the score as it is.
    """
    held = np.concatenate([table[table > 0] for c, table in target.items() if len(c) > 1])
    many, width = held.astype(np.int64), sum(len(c) > 1 for c in target)
    rows = int(many.sum()) // width
    best = 0.0
    for fraction in FRACTIONS:
        size = max(1, round(fraction * rows))
        drawn = rng.hypergeometric(many, rows - many, size)
        own = 500 * (2 - float(np.abs(drawn / size - many / rows).sum()) / width)
        best = fraction if own <= score else best
    return best


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one / one.sum() - other / other.sum()).sum())


def _cramer(table: np.ndarray) -> float:
    return cramers_v(table[table.any(axis=1)][:, table.any(axis=0)])


def _correlation(table: np.ndarray, centres: Sequence[np.ndarray]) -> float:
    known = table[:-1, :-1]
    total = known.sum()
    if not total:
        return float("nan")
    sides = known.sum(axis=1) / total, known.sum(axis=0) / total
    apart = [each - share @ each for share, each in zip(sides, centres, strict=True)]
    spread = [share @ each**2 for share, each in zip(sides, apart, strict=True)]
    if min(spread) <= 0:
        return float("nan")
    return float(apart[0] @ known @ apart[1] / total / np.sqrt(spread[0] * spread[1]))
