"""How alone each record is: frequencies of its key, k, l, t, and individual risk.

k-anonymity (Samarati 2001), l-diversity (Machanavajjhala and others 2007), t-closeness (Li, Li and
Venkatasubramanian 2007), individual risk as estimated in sdcMicro (Benedetti and Franconi 1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


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
    weight = np.ones(table.num_rows)
    if weights is not None:
        weight = np.asarray(table.column(weights), dtype=np.float64)
    distinct, inverse = np.unique(codes, axis=0, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(distinct)).astype(np.int64)
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
    return np.stack(columns, axis=1).astype(np.int64) if columns else np.zeros(shape, np.int64)


def _shares(
    table: pa.Table, keys: Sequence[str], sensitive: str, order: Sequence[str] | None = None
) -> Reals:
    """Share of each sensitive value in each equivalence class; shape (classes, values)."""
    classes = np.unique(_codes(table, keys), axis=0, return_inverse=True)[1].ravel()
    values = table.column(sensitive).to_pylist()
    names = list(dict.fromkeys(values)) if order is None else list(order)
    place = {value: number for number, value in enumerate(names)}
    counts = np.zeros((int(classes.max()) + 1, len(names)))
    np.add.at(counts, (classes, np.array([place[value] for value in values])), 1)
    shares: Reals = counts / counts.sum(axis=1, keepdims=True)
    return shares
