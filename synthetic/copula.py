"""Gaussian copula: each column's own frequencies, joined by correlations of normal scores.

Margins are frequencies over the column's public cells, so every released value lies in its
domain; SDV estimates and samples the dependence. Each cell enters the fit at the normal score of
the middle of its rank interval; its neighbours are those of the declared order, so a category
list without a natural order is kept less well. Nelsen 2006, An Introduction to Copulas, ch. 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from minimisation import Forces, Payload, Premises, Release, UseCase
from synthetic import rows, sdv_copula, sdv_engine
from synthetic.conditions import fitting, fixed_cells, to_draw
from synthetic.margins import Cells, Codes, Margin, Shares


@dataclass(frozen=True, kw_only=True)
class FitGaussianCopula:
    """Fits the copula to a force's members and samples as many rows; the model is discarded."""

    seed: int
    """Seed of the sample; every force spawns its own generator from it."""
    fewest: int
    """Below this many rows no dependence is learnt: columns are drawn independently."""
    given: tuple[tuple[str, str | float], ...] = ()
    """Columns and the values that every row must have."""
    name: str = "fit-gaussian-copula"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Synthetic rows inside the public domains."""
        return rows.promise(use_case)

    def run(self, premises: Premises) -> pa.Table:
        """Fit and sample.

        Raises:
            MissingEngineError: if SDV is not installed at the force.
        """
        cells = rows.cells_of(premises.use_case)
        codes = rows.member_codes(premises, cells)
        rng = premises.rng(self.seed)
        given = dict(self.given)
        if len(codes[0]) < self.fewest:
            return rows.independent_rows(premises.use_case, cells, codes, rng, given)
        fixed = fixed_cells(cells, given)
        size = len(codes[0])
        drawn = copula_codes(cells, codes, to_draw(size, fixed), int(rng.integers(2**32)))
        return rows.table_of(premises.use_case, cells, fitting(drawn, fixed, size), rng, given)


def copula_codes(
    cells: Sequence[Cells], codes: Sequence[Codes], size: int, seed: int
) -> list[Codes]:
    """Cell numbers of so many synthetic rows, from those of n ≥ 2 people, column by column."""
    margins = [Margin.of(each, code) for each, code in zip(cells, codes, strict=True)]
    scores = np.column_stack(
        [normal_scores(margin, code) for margin, code in zip(margins, codes, strict=True)]
    )
    ranks = ndtr(sdv_copula.gaussian_copula(scores, size, seed)).T
    return [margin.at(rank) for margin, rank in zip(margins, ranks, strict=True)]


def normal_scores(margin: Margin, codes: Codes) -> Shares:
    """Normal score of every row, shape (n,), mean 0 and variance 1; zeros for a constant column."""
    held = margin.shares > 0
    score = np.zeros(len(held))
    score[held] = ndtri(margin.middles[held])
    centred = score[codes] - margin.shares @ score
    spread = float(np.sqrt(np.mean(centred**2)))
    result: Shares = centred / spread if spread > 0 else np.zeros(len(codes))
    return result


@dataclass(frozen=True, kw_only=True)
class GaussianCopula:
    """Synthetic rows from SDV's Gaussian copula, fitted inside each force to its own members."""

    fewest: int = 50
    """Forces with fewer rows than this send independent columns, and the release says so."""
    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str = "gaussian-copula"
    """Name in plans and reports."""
    summary: str = "Synthetic rows drawn from a Gaussian copula (SDV) fitted inside each force."
    """What leaves each force."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    def __post_init__(self) -> None:
        """Refuse a threshold at which a correlation means nothing.

        Raises:
            ValueError: naming the rule.
        """
        if self.fewest < 2:  # noqa: PLR2004 - a correlation needs two people
            raise ValueError(f"fewest ({self.fewest}) must be at least 2")

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Fit and sample in every force.

        Raises:
            MissingEngineError: if SDV is not installed.
            NotApplicableError: if the question needs a direct identifier, or no drawn row has what
                is given.
            ValueError: if what is given is no value of a needed column.
            PolicyError: if a force refused or failed.
        """
        sdv_engine.require()
        fixed_cells(rows.cells_of(use_case), self.given)
        step = FitGaussianCopula(
            seed=int(rng.integers(2**63)), fewest=self.fewest, given=tuple(self.given.items())
        )
        return rows.release_of(forces, step, rng, fewest=self.fewest, given=self.given)
