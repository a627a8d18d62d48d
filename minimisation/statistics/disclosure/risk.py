"""How alone each record is: frequencies of its key, k, l, t, and individual risk.

k-anonymity (Samarati 2001), l-diversity (Machanavajjhala and others 2007), t-closeness (Li, Li and
Venkatasubramanian 2007), individual risk as estimated in sdcMicro (Benedetti and Franconi 1998).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Value = TypeVar("Value", bound=np.generic)

MOST_CELLS = 2**62
"""Combinations of values up to which a combination is one whole number."""

BLOCK = 2**18
"""Records that are worked on at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class Frequencies:
    """Per record: how many share its key, in the sample and by weight in the population."""

    classes: Integers
    """Number of each record's equivalence class; shape (n,)."""
    counts: Integers
    """Records of each class; 0 where a number is not in use."""
    totals: Reals
    """Sum of the weights of each class."""

    @cached_property
    def sample(self) -> Integers:
        """fk: records that match the record's key, itself included; shape (n,)."""
        return _of_records(self.counts, self.classes)

    @cached_property
    def population(self) -> Reals:
        """Fk: sum of their weights; shape (n,)."""
        return _of_records(self.totals, self.classes)

    def fewer_than(self, k: int) -> npt.NDArray[np.bool_]:
        """Whether fewer than k records share the record's key; shape (n,)."""
        return _of_records(self.counts < k, self.classes)

    @property
    def k(self) -> int:
        """Size of the smallest equivalence class; 0 for no records."""
        return int(self.counts[self.counts > 0].min()) if len(self.classes) else 0

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
    columns = _codes(table, keys)
    if missing_matches:
        distinct, classes = _classes(columns, table.num_rows)
        size = len(distinct)
    else:
        classes, size = _numbered(columns, table.num_rows)
    counts = _counted(classes, size)
    totals = counts.astype(np.float64)
    if weights is not None:
        weight = np.asarray(table.column(weights), dtype=np.float64)
        totals = np.bincount(classes, weights=weight, minlength=size).astype(np.float64)
    if missing_matches:
        missing = distinct < 0
        sample, population = counts.copy(), totals.copy()
        for place, row in enumerate(distinct):
            alike = ((distinct == row) | missing | missing[place]).all(axis=1)
            sample[place], population[place] = counts[alike].sum(), totals[alike].sum()
        counts, totals = sample, population
    return Frequencies(classes=classes, counts=counts, totals=totals)


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


def _codes(table: pa.Table, keys: Sequence[str]) -> list[Integers]:
    """Numbers for values, −1 for missing; one array of shape (n,) per key."""
    columns = []
    for key in keys:
        encoded = table.column(key).combine_chunks().dictionary_encode()
        indices = encoded.indices if isinstance(encoded, pa.DictionaryArray) else encoded
        columns.append(indices.fill_null(-1).to_numpy(zero_copy_only=False))
    return columns


def _classes(columns: Sequence[Integers], rows: int) -> tuple[Integers, Integers]:
    """Distinct combinations in order, and which of them each row has.

    Args:
        columns: q arrays of numbers from −1, each of shape (n,).
        rows: n.

    Returns:
        Distinct combinations, shape (classes, q), and places among them, shape (n,).
    """
    sizes = _sizes(columns)
    if not sizes or math.prod(sizes) > MOST_CELLS:
        codes = np.stack(columns, axis=1) if columns else np.zeros((rows, 0))
        distinct, inverse = np.unique(codes.astype(np.int64), axis=0, return_inverse=True)
        return distinct, inverse.ravel()
    packed = _packed(columns, sizes, rows)
    if math.prod(sizes) > rows:
        cells, inverse = np.unique(packed, return_inverse=True)
    else:
        present = np.zeros(math.prod(sizes), dtype=bool)
        present[packed] = True
        cells, inverse = np.flatnonzero(present), (np.cumsum(present) - 1)[packed]
    return np.stack(np.unravel_index(cells, sizes), axis=1) - 1, inverse


def _numbered(columns: Sequence[Integers], rows: int) -> tuple[Integers, int]:
    """A number for each row's combination, and how many numbers there are, unused ones included."""
    sizes = _sizes(columns)
    if sizes and math.prod(sizes) <= rows:
        return _packed(columns, sizes, rows), math.prod(sizes)
    distinct, inverse = _classes(columns, rows)
    return inverse, len(distinct)


def _sizes(columns: Sequence[Integers]) -> list[int]:
    """Values of each column, a missing one included."""
    return [int(column.max(initial=-1)) + 2 for column in columns]


def _packed(columns: Sequence[Integers], sizes: Sequence[int], rows: int) -> Integers:
    """One number per row, ordered as rows are: one array is then sorted or counted, not q."""
    narrow = math.prod(sizes) <= np.iinfo(np.int32).max
    packed: Integers = np.zeros(rows, dtype=np.int32 if narrow else np.int64)
    for part in _blocks(rows):
        block = packed[part]
        for column, size in zip(columns, sizes, strict=True):
            block *= size
            block += (column[part] + 1).astype(block.dtype, copy=False)
    return packed


def _counted(classes: Integers, size: int) -> Integers:
    """Rows of each class; shape (size,)."""
    if size > BLOCK:
        return np.bincount(classes, minlength=size)
    counts = np.zeros(size, dtype=np.int64)
    for part in _blocks(len(classes)):
        counts += np.bincount(classes[part], minlength=size)
    return counts


def _of_records(values: npt.NDArray[Value], classes: Integers) -> npt.NDArray[Value]:
    """Each record's value of its class; shape (n,)."""
    found = np.empty(len(classes), dtype=values.dtype)
    for part in _blocks(len(classes)):
        found[part] = values[classes[part]]
    return found


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, rows, BLOCK))


def _shares(
    table: pa.Table, keys: Sequence[str], sensitive: str, order: Sequence[str] | None = None
) -> Reals:
    """Share of each sensitive value in each equivalence class; shape (classes, values)."""
    classes = _classes(_codes(table, keys), table.num_rows)[1]
    values = table.column(sensitive).to_pylist()
    names = list(dict.fromkeys(values)) if order is None else list(order)
    place = {value: number for number, value in enumerate(names)}
    among = np.array([place[value] for value in values])
    size = (int(classes.max()) + 1) * len(names)
    counts = np.bincount(classes * len(names) + among, minlength=size).reshape(-1, len(names))
    shares: Reals = counts / counts.sum(axis=1, keepdims=True)
    return shares
