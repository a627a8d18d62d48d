"""Federated analytics: private histograms over all forces, and the quantiles that they give.

Each person is counted in one cell of a public grid, so adding or removing one changes a force's
histogram by one: discrete Laplace noise of scale 1/epsilon (Ghosh et al. 2009). Quantiles are
read off the noisy cumulative counts.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from federated.design import Array
from federated.layout import COLUMN
from minimisation import (
    Bounds,
    Categories,
    Forces,
    Payload,
    PayloadKind,
    PolicyError,
    Premises,
    PrivacyLoss,
    UseCase,
    UseCaseError,
    private_mechanism,
)
from minimisation.forces import sql
from minimisation.statistics.noise import DiscreteLaplace, check_budget, perturb

MOST_CELLS = 128
"""A bounded column is cut into at most so many cells of whole grid steps."""


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class PrivateHistogram:
    """Counts of a force's people over the cells of one column, with noise on each."""

    column: str
    """Column with a public domain; people without a value are not counted."""
    epsilon: float
    """Privacy loss of a person."""
    name: ClassVar[str] = "private-histogram"

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the rule.
        """
        check_budget(self.epsilon, 0.0)

    @property
    def noise(self) -> DiscreteLaplace:
        """Noise on each count."""
        return DiscreteLaplace(scale=1 / self.epsilon * (1 + 2.0**-40))

    def sends(self, use_case: UseCase) -> Payload:
        """One whole number per cell."""
        return Payload(
            kind=PayloadKind.STATISTICS,
            schema=pa.schema([(COLUMN, pa.int64())]),
            most_rows=len(cells_of(use_case, self.column)),
            low=-(2.0**53),
            high=2.0**53,
        )

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Pure epsilon."""
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=0.0,
            unit=use_case.unit,
            bounds=(("cells", 1),),
            forces=1,
            mechanism=f"histogram of one cell per {use_case.unit}, {self.noise}",
        )

    def run(self, premises: Premises) -> pa.Table:
        """Count each person once, in the cell of the person's smallest value, and noise."""
        cells = cells_of(premises.use_case, self.column)
        place = _cell_sql(premises.use_case, self.column)
        counted = premises.query(
            f"select cell, count(*) as people from (select min({place}) as cell from people"
            f" where {sql.name(self.column)} is not null group by unit) group by cell"
        )
        counts = np.zeros(len(cells), dtype=np.int64)
        counts[counted.column("cell").to_numpy()] = counted.column("people").to_numpy()
        return pa.table({COLUMN: perturb(counts, self.noise)})


def cells_of(use_case: UseCase, column: str) -> tuple[str, ...] | Array:
    """A column's labels, or the lower edges of its numeric cells.

    Raises:
        UseCaseError: if it has no public domain.
    """
    domain = use_case.column(column).domain
    if isinstance(domain, Categories):
        return domain.values
    if not isinstance(domain, Bounds):
        raise UseCaseError(f"column '{column}' must have a public domain to be counted")
    width = _width(domain)
    edges: Array = np.arange(domain.low, domain.high + domain.step / 2, width)
    return edges


def histogram(forces: Forces, column: str, epsilon: float) -> npt.NDArray[np.int64]:
    """Noisy counts of all forces' people per cell of `cells_of`, shape (cells,); some below zero.

    Raises:
        PolicyError: if a force refused or failed.
        BudgetExceededError: if a force's budget does not cover epsilon.
    """
    sent = forces.ask(PrivateHistogram(column=column, epsilon=epsilon)).complete().values()
    total: npt.NDArray[np.int64] = np.sum([table.column(COLUMN).to_numpy() for table in sent], 0)
    return total


def quantiles(forces: Forces, column: str, shares: tuple[float, ...], epsilon: float) -> Array:
    """Values below which given shares of all forces' people lie, within one cell and the noise.

    Args:
        forces: the forces, opened.
        column: a bounded column.
        shares: each in (0, 1); any number of them costs the same.
        epsilon: privacy loss of a person in each force.

    Returns:
        Lower edges of cells, shape (shares,).

    Raises:
        UseCaseError: if the column is not bounded.
        PolicyError: if a force refused or failed, or noise drowned everybody.
    """
    if not isinstance(forces.use_case.column(column).domain, Bounds):
        raise UseCaseError(f"column '{column}' must have bounds to have quantiles")
    if not all(0 < share < 1 for share in shares):
        raise ValueError(f"shares ({shares}) must each be between 0 and 1")
    edges = np.asarray(cells_of(forces.use_case, column), dtype=np.float64)
    below = np.maximum.accumulate(np.cumsum(histogram(forces, column, epsilon)))
    if below[-1] <= 0:
        raise PolicyError("there must be people beyond the noise; raise epsilon")
    found: Array = edges[np.searchsorted(below, np.array(shares) * below[-1])]
    return found


def _width(domain: Bounds) -> float:
    steps = round((domain.high - domain.low) / domain.step) + 1
    return domain.step * -(-steps // MOST_CELLS)


def _cell_sql(use_case: UseCase, column: str) -> str:
    domain, value = use_case.column(column).domain, sql.name(column)
    if isinstance(domain, Bounds):
        width = _width(domain)
        return f"cast(floor(({value} - {domain.low!r}) / {width!r} + 1e-9) as bigint)"
    if not isinstance(domain, Categories):
        raise UseCaseError(f"column '{column}' must have a public domain to be counted")
    labels = ", ".join(sql.text(label) for label in domain.values)
    return f"cast(list_position([{labels}], {value}) - 1 as bigint)"
