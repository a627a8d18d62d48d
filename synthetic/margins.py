"""One column's public cells, how often each holds people, and drawing values from them.

The cells follow from the use case's declared domain alone; only their shares are learnt. A
synthesiser works on cell numbers, so no value outside the domain can come out of one.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Bounds, Categories, Column, UseCaseError
from minimisation.forces import sql

Codes = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]

MOST_CELLS = 128
"""A numeric column with no more grid points than this has one cell for each of them."""

MOST_COARSE = 20
"""Numeric columns with more cells than this are cut more coarsely where two columns meet."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The public cells of one column; cell number `size - 1` is for a missing value."""

    column: Column
    """The column; it must have a public domain."""

    def __post_init__(self) -> None:
        """Refuse a column without a domain.

        Raises:
            UseCaseError: naming the column and the rule.
        """
        if self.column.domain is None:
            msg = f"column '{self.column.name}' must have a public domain to be synthesised"
            raise UseCaseError(f"{msg}; direct identifiers never are")

    @property
    def size(self) -> int:
        """Number of cells, the one for a missing value included."""
        domain = self.column.domain
        if isinstance(domain, Categories):
            return len(domain.values) + 1
        return len(self._starts) + 1

    @property
    def type(self) -> pa.DataType:
        """Arrow type of the column in a synthetic table."""
        return pa.float64() if self.column.numeric else pa.string()

    @property
    def _bounds(self) -> Bounds:
        domain = self.column.domain
        if not isinstance(domain, Bounds):
            raise TypeError(f"column '{self.column.name}' must have bounds")
        return domain

    @property
    def _grid(self) -> tuple[int, int]:
        """First and last grid point of the domain, in whole steps."""
        bounds = self._bounds
        first = int(np.ceil(bounds.low / bounds.step - 1e-9))
        return first, max(first, int(np.floor(bounds.high / bounds.step + 1e-9)))

    @property
    def _starts(self) -> Codes:
        """First grid point of every cell, in whole steps, rising."""
        first, last = self._grid
        points = last - first + 1
        cells = min(points, MOST_CELLS)
        return first + (np.arange(cells) * points) // cells

    @property
    def centres(self) -> Shares:
        """Middle value of every cell of a numeric column, NaN for a missing one, shape (size,)."""
        starts = self._starts
        ends = np.append(starts[1:], self._grid[1] + 1)
        middles = (starts + ends - 1) / 2 * self._bounds.step
        return np.append(middles, np.nan).astype(np.float64)

    @property
    def declared(self) -> int:
        """Number of cells that the use case allows: without `missing` where it is not optional."""
        return self.size if self.column.optional else self.size - 1

    @property
    def coarse(self) -> Codes:
        """Coarse cell of every declared cell, rising, shape (declared,).

        A numeric column with many cells is cut at its declared edges, or into `MOST_COARSE` parts.
        """
        if isinstance(self.column.domain, Categories) or len(self._starts) <= MOST_COARSE:
            return np.arange(self.declared)
        bounds, starts = self._bounds, self._starts
        if bounds.edges:
            known = np.searchsorted(bounds.edges, starts * bounds.step + 1e-9, side="right")
            known = np.unique(known, return_inverse=True)[1]
        else:
            known = (np.arange(len(starts)) * MOST_COARSE) // len(starts)
        return np.append(known, known[-1] + 1)[: self.declared].astype(np.int64)

    @property
    def code_sql(self) -> str:
        """SQL for the cell number of the column of the same name; null if it is not declared."""
        name = sql.name(self.column.name)
        missing = str(self.size - 1) if self.column.optional else "null"
        if isinstance(self.column.domain, Categories):
            labels = ", ".join(sql.text(label) for label in self.column.domain.values)
            code = f"enum_code(try_cast({name} as enum({labels})))::usmallint"
        else:
            bounds, (first, last) = self._bounds, self._grid
            number = f"case when isnan({name}::double) then null else {name}::double end"
            point = f"round(greatest({bounds.low!r}, least({bounds.high!r}, {number}))"
            point = f"greatest({first}, least({last}, {point} / {bounds.step!r})::bigint))"
            # least and greatest skip nulls, so a missing number must be kept out of them
            cell = f"(({len(self._starts)} * ({point} - {first} + 1) - 1) // {last - first + 1})"
            code = f"case when {name} is null or isnan({name}::double) then null else {cell} end"
        return f"coalesce(({code})::usmallint, {missing})"

    def codes(self, values: pa.ChunkedArray) -> Codes:
        """Cell numbers of n values, shape (n,); a value that is missing or outside is `missing`."""
        if isinstance(self.column.domain, Categories):
            labels = pa.array(self.column.domain.values)
            found = pc.index_in(pc.cast(values, pa.string()), labels)
            codes: Codes = pc.fill_null(found, self.size - 1).to_numpy().astype(np.int64)
            return codes
        bounds = self._bounds
        number = pc.fill_null(pc.cast(values, pa.float64()), float("nan")).to_numpy()
        absent = np.isnan(number)
        steps = np.rint(
            np.clip(np.where(absent, bounds.low, number), bounds.low, bounds.high) / bounds.step
        )
        place = np.searchsorted(self._starts, np.clip(steps, *self._grid), side="right") - 1
        return np.where(absent, self.size - 1, place).astype(np.int64)

    def values(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        """One value for each of n cell numbers; a cell of several grid points is drawn evenly."""
        absent = codes == self.size - 1
        if isinstance(self.column.domain, Categories):
            labels = np.array([*self.column.domain.values, None], dtype=object)
            return pa.array(labels[codes], pa.string())
        starts, bounds = self._starts, self._bounds
        ends = np.append(starts[1:], self._grid[1] + 1)
        cell = np.where(absent, 0, codes)
        steps = rng.integers(starts[cell], ends[cell])
        number = np.clip(np.round(steps * bounds.step, 9), bounds.low, bounds.high)
        return pa.array(number, pa.float64(), mask=absent)


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The one-way frequencies of a column over its public cells."""

    cells: Cells
    """The public cells."""
    shares: Shares
    """Share of rows in each cell, shape (cells.size,), adding up to 1."""

    @classmethod
    def of(cls, cells: Cells, codes: Codes) -> Self:
        """The frequencies of n ≥ 1 observed cell numbers."""
        return cls(cells=cells, shares=np.bincount(codes, minlength=cells.size) / len(codes))

    def codes(self, rows: int, rng: np.random.Generator) -> Codes:
        """Cell numbers of so many rows, drawn independently of everything else."""
        return rng.choice(self.cells.size, size=rows, p=self.shares)

    def at(self, ranks: Shares) -> Codes:
        """Cell numbers at the given ranks in [0, 1]: the inverse of the cumulative shares."""
        held = np.flatnonzero(self.shares > 0)
        place = np.searchsorted(np.cumsum(self.shares[held]), ranks, side="right")
        return held[np.minimum(place, len(held) - 1)]

    @property
    def middles(self) -> Shares:
        """Middle of the rank interval that each cell covers, shape (cells.size,), in (0, 1)."""
        middles: Shares = np.cumsum(self.shares) - self.shares / 2
        return middles
