"""Which plain values a released one may stand for: itself, a set's members, an interval."""

from collections.abc import Sequence

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
    return Crowd(ours.select(list(names))).fits(theirs, names)


class Crowd:
    """Plain rows, coded once, among which those that fit released rows are looked up many times."""

    def __init__(self, rows: pa.Table) -> None:
        """Code n plain rows; missing labels are a label of their own."""
        self._size = rows.num_rows
        self._numbers: dict[str, npt.NDArray[np.float64]] = {}
        self._codes: dict[str, npt.NDArray[np.int32]] = {}
        self._labels: dict[str, pa.Array] = {}
        for name in rows.column_names:
            values = _flat(rows, name)
            if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
                self._numbers[name] = numbers(values)
                continue
            coded = pc.fill_null(pc.cast(values, pa.string()), MISSING).dictionary_encode()
            self._codes[name] = coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
            self._labels[name] = coded.dictionary

    def fits(self, released: pa.Table, names: Sequence[str]) -> Flags:
        """Whether each row may be each of the released ones on the named columns; `possible`.

        Args:
            released: m rows, plain or generalised.
            names: columns of both.

        Returns:
            (n, m); all true for no columns.
        """
        found = np.ones((self._size, released.num_rows), dtype=np.bool_)
        for name in names:
            values = _flat(released, name)
            found &= (
                self._number(name, values) if name in self._numbers else self._label(name, values)
            )
        return found

    def _number(self, name: str, released: pa.Array) -> Flags:
        own = self._numbers[name][:, None]
        if not pa.types.is_struct(released.type):
            value = numbers(released)[None, :]
            absent = np.isnan(value)
            same: Flags = (
                (own == value) | (np.isnan(own) & absent) if absent.any() else own == value
            )
            return same
        low, high = (numbers(pc.struct_field(released, part))[None, :] for part in ("low", "high"))
        inside: Flags = (own >= low) & (own <= high)
        absent = np.isnan(low)
        return inside | (np.isnan(own) & absent) if absent.any() else inside

    def _label(self, name: str, released: pa.Array) -> Flags:
        codes, labels = self._codes[name], self._labels[name]
        if not is_generalised(released):
            text = pc.fill_null(pc.cast(released, pa.string()), MISSING)
            asked = pc.fill_null(pc.index_in(text, labels), -1).to_numpy(zero_copy_only=False)
            same: Flags = codes[:, None] == asked.astype(np.int32)[None, :]
            return same
        holds = np.zeros((len(labels), len(released)), dtype=np.bool_)
        order = {label: place for place, label in enumerate(labels.to_pylist())}
        for column, members in enumerate(released.to_pylist()):
            for label in members or [MISSING]:
                if label in order:
                    holds[order[label], column] = True
        return holds[codes]


def is_generalised(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column holds sets or intervals instead of plain values."""
    kind = values.type
    return bool(pa.types.is_struct(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _flat(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()
