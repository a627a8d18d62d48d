"""Which plain values a released one may stand for: itself, a set's members, an interval."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from minimisation.contract.encoding import MISSING, numbers

Flags = npt.NDArray[np.bool_]


def possible(ours: pa.Table, theirs: pa.Table, names: Sequence[str]) -> Flags:
    """Whether each of our plain rows may be each of their released rows on all named columns.

    Args:
        ours: n plain rows.
        theirs: m released rows, plain or generalised.
        names: columns of both.

    Returns:
        (n, m); all true for no columns.
    """
    found = np.ones((ours.num_rows, theirs.num_rows), dtype=np.bool_)
    for name in names:
        found &= _column(_flat(ours, name), _flat(theirs, name))
    return found


class Crowd:
    """Plain rows, coded once, in which those that fit a released row are looked up many times."""

    def __init__(self, rows: pa.Table) -> None:
        """Code n plain rows; missing labels are a label of their own."""
        self._size = rows.num_rows
        self._numbers: dict[str, npt.NDArray[np.float64]] = {}
        self._codes: dict[str, npt.NDArray[np.int64]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        for name in rows.column_names:
            values = _flat(rows, name)
            if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
                self._numbers[name] = numbers(values)
                continue
            coded = pc.fill_null(pc.cast(values, pa.string()), MISSING).dictionary_encode()
            self._codes[name] = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            self._labels[name] = {v: i for i, v in enumerate(coded.dictionary.to_pylist())}

    def fitting(self, released: Mapping[str, object]) -> npt.NDArray[np.int64]:
        """Places of the rows that a released row may stand for.

        Args:
            released: column → a value, None, a list of labels, or a dict of `low` and `high`.
        """
        found = np.arange(self._size)
        for name, value in released.items():
            if len(found) == 0:
                break
            found = found[self._fits(name, value, found)]
        return found

    def _fits(self, name: str, value: object, rows: npt.NDArray[np.int64]) -> Flags:
        if name in self._numbers:
            own = self._numbers[name][rows]
            if value is None:
                return np.isnan(own)
            low, high = (value["low"], value["high"]) if isinstance(value, dict) else (value, value)
            inside: Flags = (own >= cast("float", low)) & (own <= cast("float", high))
            return inside
        labels = value if isinstance(value, list) else [MISSING if value is None else value]
        known = self._labels[name]
        return np.isin(self._codes[name][rows], [known[v] for v in labels if v in known])


def is_generalised(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column holds sets or intervals instead of plain values."""
    kind = values.type
    return bool(pa.types.is_struct(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _flat(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()


def _column(ours: pa.Array, theirs: pa.Array) -> Flags:
    if pa.types.is_struct(theirs.type):
        value = numbers(ours)[:, None]
        low, high = (numbers(pc.struct_field(theirs, part))[None, :] for part in ("low", "high"))
        absent = np.isnan(value) & np.isnan(low)
        inside: Flags = absent | ((value >= low) & (value <= high))
        return inside
    if is_generalised(theirs):
        return _in_sets(_labels(ours), theirs.to_pylist())
    if pa.types.is_floating(theirs.type) or pa.types.is_integer(theirs.type):
        mine, other = numbers(ours)[:, None], numbers(theirs)[None, :]
        same: Flags = (mine == other) | (np.isnan(mine) & np.isnan(other))
        return same
    codes = np.unique(np.r_[_labels(ours), _labels(theirs)], return_inverse=True)[1]
    alike: Flags = codes[: len(ours), None] == codes[None, len(ours) :]
    return alike


def _in_sets(ours: npt.NDArray[np.object_], sets: list[list[str] | None]) -> Flags:
    known, place = np.unique(ours, return_inverse=True)
    order = {label: index for index, label in enumerate(known)}
    holds = np.zeros((len(known), len(sets)), dtype=np.bool_)
    for column, members in enumerate(sets):
        for label in members or [MISSING]:
            if label in order:
                holds[order[label], column] = True
    return holds[place]


def _labels(values: pa.Array) -> npt.NDArray[np.object_]:
    text = pc.fill_null(pc.cast(values, pa.string()), MISSING)
    return np.asarray(text.to_pylist(), dtype=object)
