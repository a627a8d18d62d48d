"""How alone each record is: frequencies of its key, k, l, t, and individual risk.

k-anonymity (Samarati 2001), l-diversity (Machanavajjhala and others 2007), t-closeness (Li, Li and
Venkatasubramanian 2007), individual risk as estimated in sdcMicro (Benedetti and Franconi 1998).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_CELLS = 2**62
"""Combinations of values up to which a combination is one whole number."""


@dataclass(frozen=True, kw_only=True)
class Frequencies:
    """Per record: how many share its key, in the sample and by weight in the population."""

    sample: Integers
    """fk: records that match the record's key, itself included."""
    population: Reals
    """Fk: sum of their weights."""

    @property
    def k(self) -> int:
        """Size of the smallest equivalence class; 0 for no records."""
        return int(self.sample.min()) if len(self.sample) else 0

    @property
    def individual_risk(self) -> Reals:
        """Estimated chance that a record is linked to the right person."""
        share = np.minimum(self.sample / self.population, 1.0)
        rest = np.where(share < 1, 1 - share, 1.0)
        one = share / rest * -np.log(share)
        two = share / rest**2 * (share * np.log(share) + rest)
        more = share / np.maximum(self.sample - rest, 1.0)
        risk = np.where(self.sample == 1, one, np.where(self.sample == 2, two, more))  # noqa: PLR2004 - the estimate has a case each
        return np.where(share < 1, risk, 1 / self.sample)


def frequencies(
    table: pa.Table,
    keys: Sequence[str],
    weights: str | None = None,
    *,
    missing_matches: bool = False,
) -> Frequencies:
    """Frequencies of each record's key.

    Args:
        table: n records.
        keys: quasi-identifiers.
        weights: column of sampling weights; each record stands for itself if None.
        missing_matches: whether a missing value matches every value, as an intruder who cannot
            rule a record out would have it; otherwise it is a value of its own.
    """
    codes = _codes(table, keys)
    distinct, inverse = _classes(codes)
    counts = np.bincount(inverse, minlength=len(distinct)).astype(np.int64)
    totals = counts.astype(np.float64)
    if weights is not None:
        weight = np.asarray(table.column(weights), dtype=np.float64)
        totals = np.bincount(inverse, weights=weight, minlength=len(distinct)).astype(np.float64)
    if missing_matches:
        missing = distinct < 0
        sample, population = counts.copy(), totals.copy()
        for place, row in enumerate(distinct):
            alike = ((distinct == row) | missing | missing[place]).all(axis=1)
            sample[place], population[place] = counts[alike].sum(), totals[alike].sum()
        counts, totals = sample, population
    return Frequencies(sample=counts[inverse], population=totals[inverse])


def distinct_l(table: pa.Table, keys: Sequence[str], sensitive: str) -> int:
    """Fewest distinct sensitive values in an equivalence class."""
    return int((_shares(table, keys, sensitive) > 0).sum(axis=1).min())


def entropy_l(table: pa.Table, keys: Sequence[str], sensitive: str) -> float:
    """Smallest exponential of the entropy of the sensitive values in an equivalence class."""
    shares = _shares(table, keys, sensitive)
    terms = np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1.0)), 0.0)
    return float(np.exp(-terms.sum(axis=1)).min())


def closeness_t(
    table: pa.Table, keys: Sequence[str], sensitive: str, order: Sequence[str] | None = None
) -> float:
    """Largest earth mover's distance from a class's sensitive values to everybody's.

    Args:
        table: n records.
        keys: quasi-identifiers.
        sensitive: sensitive attribute.
        order: its values in order, neighbours 1 / (values − 1) apart; unordered if None.
    """
    overall = _shares(table, [], sensitive, order)[0]
    gap = _shares(table, keys, sensitive, order) - overall
    if order is None:
        return float(np.abs(gap).sum(axis=1).max() / 2)
    return float(np.abs(gap.cumsum(axis=1)).sum(axis=1).max() / (len(overall) - 1))


def _codes(table: pa.Table, keys: Sequence[str]) -> Integers:
    """Numbers for values, −1 for missing; shape (n, keys)."""
    columns = []
    for key in keys:
        encoded = table.column(key).combine_chunks().dictionary_encode()
        indices = encoded.indices if isinstance(encoded, pa.DictionaryArray) else encoded
        columns.append(indices.fill_null(-1).to_numpy(zero_copy_only=False))
    shape = (table.num_rows, len(keys))
    # one column after the other in memory, which is how they are read again
    return np.stack(columns).astype(np.int64).T if columns else np.zeros(shape, np.int64)


def _classes(codes: Integers) -> tuple[Integers, Integers]:
    """Distinct rows in order, and which of them each row is: one number per row is sorted, not q.

    Args:
        codes: (n, q) numbers from −1.

    Returns:
        Distinct rows, shape (classes, q), and places among them, shape (n,).
    """
    sizes = [int(codes[:, place].max(initial=-1)) + 2 for place in range(codes.shape[1])]
    if not sizes or math.prod(sizes) > MOST_CELLS:
        distinct, inverse = np.unique(codes, axis=0, return_inverse=True)
        return distinct, inverse.ravel()
    packed = np.zeros(len(codes), dtype=np.int64)
    for place, size in enumerate(sizes):
        packed *= size
        packed += codes[:, place] + 1
    if math.prod(sizes) > len(codes):
        cells, inverse = np.unique(packed, return_inverse=True)
    else:
        present = np.zeros(math.prod(sizes), dtype=bool)
        present[packed] = True
        cells, inverse = np.flatnonzero(present), (np.cumsum(present) - 1)[packed]
    return np.stack(np.unravel_index(cells, sizes), axis=1) - 1, inverse


def _shares(
    table: pa.Table, keys: Sequence[str], sensitive: str, order: Sequence[str] | None = None
) -> Reals:
    """Share of each sensitive value in each equivalence class; shape (classes, values)."""
    classes = _classes(_codes(table, keys))[1]
    values = table.column(sensitive).to_pylist()
    names = list(dict.fromkeys(values)) if order is None else list(order)
    place = {value: number for number, value in enumerate(names)}
    among = np.array([place[value] for value in values])
    size = (int(classes.max()) + 1) * len(names)
    counts = np.bincount(classes * len(names) + among, minlength=size).reshape(-1, len(names))
    shares: Reals = counts / counts.sum(axis=1, keepdims=True)
    return shares
