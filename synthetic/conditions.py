"""Rows under conditions: which cells they fix, and how to meet them without conditionals.

Models of margins and trees draw rows from the distribution given the fixed cells, which is exact.
The others draw more rows than are wanted and keep those that fit, up to a stated bound (rejection
sampling, von Neumann 1951).
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from minimisation import Bounds, Categories, Column
from synthetic.margins import Cells, Codes

Given: TypeAlias = Mapping[str, str | float]
"""Column → the value that every row must have."""

Fixed: TypeAlias = Mapping[int, int]
"""Position of a column → the cell that every row must be in."""

DRAWN_PER_ROW = 20
"""Rows that are drawn at most for every row that is wanted, where conditions are met by choice."""


def fixed_cells(cells: Sequence[Cells], given: Given) -> dict[int, int]:
    """The cell of every given value.

    Raises:
        ValueError: if a column is not synthesised, or a value is outside its public domain.
    """
    names = [each.column.name for each in cells]
    found = {}
    for name, value in given.items():
        if name not in names:
            raise ValueError(f"given column ({name}) must be one of: {', '.join(names)}")
        each = cells[names.index(name)]
        if not _inside(each.column, value):
            raise ValueError(f"given {name} must be a value of the column's public domain")
        found[names.index(name)] = int(each.codes(pa.chunked_array([[value]]))[0])
    return found


def _inside(column: Column, value: str | float) -> bool:
    if isinstance(column.domain, Categories):
        return value in column.domain.values
    bounds = column.domain
    if not isinstance(bounds, Bounds) or not isinstance(value, int | float):
        return False
    steps = value / bounds.step
    return bounds.low <= value <= bounds.high and abs(steps - round(steps)) < 1e-9  # noqa: PLR2004 - rounding


def to_draw(size: int, fixed: Fixed) -> int:
    """How many rows to draw for so many wanted ones."""
    return size * DRAWN_PER_ROW if fixed else size


def fitting(codes: Sequence[Codes], fixed: Fixed, size: int) -> list[Codes]:
    """The first `size` rows that are in the fixed cells, or as many as there are."""
    fits = np.ones(len(codes[0]), dtype=bool)
    for place, cell in fixed.items():
        fits &= codes[place] == cell
    kept = np.flatnonzero(fits)[:size]
    return [each[kept] for each in codes]
