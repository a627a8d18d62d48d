"""Independent columns: the floor below which a synthetic table has learnt no dependence.

Every column is drawn from its own one-way frequencies. What it keeps, anything keeps; what a
better synthesiser adds is measured against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from minimisation import Forces, Payload, Premises, Release, UseCase
from synthetic import rows
from synthetic.conditions import fixed_cells


@dataclass(frozen=True, kw_only=True)
class DrawIndependentColumns:
    """Counts each needed column alone and draws as many rows as the force has members' rows."""

    seed: int
    """Seed of the draw; every force spawns its own generator from it."""
    given: tuple[tuple[str, str | float], ...] = ()
    """Columns and the values that every row must have."""
    name: str = "draw-independent-columns"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Synthetic rows inside the public domains."""
        return rows.promise(use_case)

    def run(self, premises: Premises) -> pa.Table:
        """Count, then draw."""
        cells = rows.cells_of(premises.use_case)
        codes = rows.member_codes(premises, cells)
        rng = premises.rng(self.seed)
        return rows.independent_rows(premises.use_case, cells, codes, rng, dict(self.given))


@dataclass(frozen=True, kw_only=True)
class IndependentColumns:
    """Synthetic rows that keep each column's frequencies and nothing between columns."""

    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str = "independent-columns"
    """Name in plans and reports."""
    summary: str = (
        "Synthetic rows drawn inside each force from one-way frequencies, column by column."
    )
    """What leaves each force."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Draw the rows.

        Raises:
            NotApplicableError: if the question needs a direct identifier, or nobody has what is
                given.
            ValueError: if what is given is no value of a needed column.
            PolicyError: if a force refused or failed.
        """
        fixed_cells(rows.cells_of(use_case), self.given)
        step = DrawIndependentColumns(
            seed=int(rng.integers(2**63)), given=tuple(self.given.items())
        )
        return rows.release_of(forces, step, rng, given=self.given)
