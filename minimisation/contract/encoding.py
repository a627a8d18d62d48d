"""Public preprocessing: turns columns into numbers by declared domains only.

Every party that follows the same use case gets the same terms in the same order, which is what
makes sums over forces meaningful; nothing here is fitted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from minimisation.contract.columns import Column
from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.errors import UseCaseError

if TYPE_CHECKING:
    from minimisation.contract.usecase import UseCase

Matrix = npt.NDArray[np.float64]

MISSING = "missing"
"""Label of the term that says a value is absent."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An ordered list of terms over columns."""

    columns: tuple[Column, ...]
    """Encoded columns, in order."""
    binned: bool = False
    """Whether a bounded column becomes one term per public bin instead of one scaled term."""
    reference: bool = True
    """Whether the first category (or bin) is left out, as a regression needs."""

    @classmethod
    def features(cls, use_case: "UseCase", names: tuple[str, ...]) -> "Encoding":
        """The regression encoding of the named columns of a use case."""
        return cls(columns=tuple(use_case.column(name) for name in names))

    @property
    def terms(self) -> tuple[str, ...]:
        """Term names in order: `age`, `sex=male`, `ethnicity=missing`."""
        return tuple(term for column in self.columns for term in self._terms_of(column))

    def _terms_of(self, column: Column) -> tuple[str, ...]:
        labels = self.labels(column)
        if labels is None:
            return (column.name, *([f"{column.name}={MISSING}"] if column.optional else []))
        kept = labels[1:] if self.reference else labels
        return tuple(f"{column.name}={label}" for label in kept)

    def labels(self, column: Column) -> tuple[str, ...] | None:
        """One-hot labels of a column, MISSING last where optional; None if it is scaled."""
        if isinstance(column.domain, Categories):
            base = column.domain.values
        elif isinstance(column.domain, Bounds) and self.binned:
            base = column.domain.bin_labels
        else:
            return None
        return (*base, MISSING) if column.optional else base

    def encode(self, table: pa.Table) -> Matrix:
        """Encode rows.

        Args:
            table: n rows with at least the encoded columns, plain or generalised.

        Returns:
            (n, d) matrix, d = number of terms, every entry in [0, 1].
        """
        parts = [self._encode_column(column, table) for column in self.columns]
        return np.concatenate(parts, axis=1) if parts else np.zeros((table.num_rows, 0))

    def _encode_column(self, column: Column, table: pa.Table) -> Matrix:
        values = table.column(column.name).combine_chunks()
        labels = self.labels(column)
        if labels is not None:
            hot = one_hot(column, values, labels)
            return hot[:, 1:] if self.reference else hot
        bounds = column.domain
        if not isinstance(bounds, Bounds):  # a direct identifier has no domain
            raise UseCaseError(f"column '{column.name}' must have a public domain to be encoded")
        number = numbers(values)
        absent = np.isnan(number)
        scaled = (np.clip(number, bounds.low, bounds.high) - bounds.low) / (
            bounds.high - bounds.low
        )
        scaled[absent] = 0.0
        return np.stack([scaled, absent.astype(float)] if column.optional else [scaled], axis=1)


def numbers(values: pa.Array) -> Matrix:
    """Numeric values as floats; intervals as their midpoints; missing as NaN. Shape (n,)."""
    if pa.types.is_struct(values.type):
        low, high = (numbers(pc.struct_field(values, part)) for part in ("low", "high"))
        return (low + high) / 2
    result: Matrix = pc.fill_null(pc.cast(values, pa.float64()), float("nan")).to_numpy()
    return result.copy()


def one_hot(column: Column, values: pa.Array, labels: tuple[str, ...]) -> Matrix:
    """Membership of each row in each label: 1 and 0, or 1/size within a generalised value.

    Args:
        column: declares the domain.
        values: n plain or generalised values.
        labels: k labels as given by `Encoding.labels`.

    Returns:
        (n, k) matrix; rows of known values sum to 1, values outside the domain give zeros.
    """
    if isinstance(column.domain, Bounds):
        return _one_hot_bins(column.domain, values, labels)
    position = {label: index for index, label in enumerate(labels)}
    hot = np.zeros((len(values), len(labels)))
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        for row, members in enumerate(values.to_pylist()):
            for label in members or [MISSING]:
                if label in position:
                    hot[row, position[label]] += 1 / len(members or [MISSING])
        return hot
    codes = pc.fill_null(pc.index_in(_text(values), pa.array(labels)), -1).to_numpy()
    hot[np.flatnonzero(codes >= 0), codes[codes >= 0]] = 1.0
    return hot


def _text(values: pa.Array) -> pa.Array:
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    return pc.fill_null(pc.cast(plain, pa.string()), MISSING)


def _one_hot_bins(bounds: Bounds, values: pa.Array, labels: tuple[str, ...]) -> Matrix:
    hot = np.zeros((len(values), len(labels)))
    edges = np.array(bounds.edges)
    locate: Callable[[Matrix], npt.NDArray[np.int64]] = lambda x: np.searchsorted(  # noqa: E731
        edges, np.clip(x, bounds.low, bounds.high), side="right"
    )
    if pa.types.is_struct(values.type):
        low, high = (numbers(pc.struct_field(values, part)) for part in ("low", "high"))
        return _spread_over_bins(bounds, low, high, hot)
    number = numbers(values)
    absent = np.isnan(number)
    hot[np.flatnonzero(~absent), locate(number[~absent])] = 1.0
    if len(labels) > len(bounds.bin_labels):
        hot[absent, -1] = 1.0
    return hot


def _spread_over_bins(bounds: Bounds, low: Matrix, high: Matrix, hot: Matrix) -> Matrix:
    edges = np.array(bounds.bin_edges)
    absent = np.isnan(low)
    width = np.where(absent, 1.0, high - low + bounds.step)
    for index, (left, right) in enumerate(pairwise(edges)):
        end = right + bounds.step if index == len(edges) - 2 else right
        share = np.minimum(high + bounds.step, end) - np.maximum(low, left)
        hot[:, index] = np.where(absent, 0.0, np.clip(share / width, 0.0, 1.0))
    if hot.shape[1] == len(edges):
        hot[absent, -1] = 1.0
    return hot
