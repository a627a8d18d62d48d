"""Linear and Poisson regression over all forces from sums, which equal the pooled fits.

Linear regression needs XᵀX and Xᵀy once; Poisson regression, like the logistic, needs its sums
once per Newton step (McCullagh and Nelder 1989, Generalized Linear Models, chapters 3 and 6).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from federated.design import Array
from federated.layout import Layout, Values
from federated.newton import COEFFICIENTS, LARGEST, newton_over
from minimisation import (
    Bounds,
    Encoding,
    Forces,
    NotApplicableError,
    Payload,
    Premises,
    UseCase,
    UseCaseError,
)
from minimisation.forces import sql
from minimisation.regression import RIDGE, LogisticSums, NewtonFit

STEEPEST = 30.0
"""Largest linear predictor of a Poisson model: beyond it a rate is no rate of people's records."""


@dataclass(frozen=True, kw_only=True)
class RegressionSums:
    """Sums over a force's own people for a regression of one bounded column on others."""

    family: Literal["linear", "poisson"]
    """`linear`: squared error of the target scaled to [0, 1]; `poisson`: rate of a count."""
    target: str
    """Bounded column that is explained."""
    features: tuple[str, ...]
    """Columns that explain it."""

    @property
    def name(self) -> str:
        """Name by which a force approves it."""
        return f"{self.family}-sums"

    def encoding(self, use_case: UseCase) -> Encoding:
        """The public encoding of the features."""
        return Encoding.features(use_case, self.features)

    def bounds_of_target(self, use_case: UseCase) -> Bounds:
        """The target's public bounds.

        Raises:
            UseCaseError: if it has none, or is a count that could be negative.
        """
        domain = use_case.column(self.target).domain
        if not isinstance(domain, Bounds):
            raise UseCaseError(f"target '{self.target}' must have bounds")
        if self.family == "poisson" and domain.low < 0:
            raise UseCaseError(f"target '{self.target}' must not be negative for a Poisson rate")
        return domain

    def size(self, use_case: UseCase) -> int:
        """Number of coefficients, the intercept included."""
        return len(self.encoding(use_case).terms) + 1

    def takes(self, use_case: UseCase) -> Layout:
        """Coefficients, intercept first."""
        return Layout(arrays=((COEFFICIENTS, (self.size(use_case),)),))

    def gives(self, use_case: UseCase) -> Layout:
        """Rows, loss, gradient and Hessian, each summed over people."""
        size = self.size(use_case)
        arrays = (("gradient", (size,)), ("hessian", (size, size)))
        return Layout(arrays=arrays, scalars=("rows", "loss"))

    def bounds(self, use_case: UseCase) -> Values:
        """A prediction more than 64 times beyond the target's bounds is a diverging fit."""
        size, reach = self.size(use_case), 64.0
        if self.family == "poisson":
            reach *= max(self.bounds_of_target(use_case).high, 1.0)
        hessian = np.full((size, size), 1.0 if self.family == "linear" else reach)
        loss = reach**2 if self.family == "linear" else reach * STEEPEST
        return {"gradient": np.full(size, reach), "hessian": hessian, "rows": 1.0, "loss": loss}

    def sends(self, use_case: UseCase) -> Payload:
        """As many numbers as the model's size determines."""
        return self.gives(use_case).promise(low=-LARGEST, high=LARGEST)

    def run(self, premises: Premises) -> pa.Table:
        """Sum over the force's people whose target is known."""
        if premises.inputs is None:
            raise ValueError("inputs must hold the coefficients")
        case = premises.use_case
        given = self.takes(case).values(premises.inputs)[COEFFICIENTS]
        names = ", ".join(sql.name(name) for name in (*self.features, self.target))
        known = f"{sql.name(self.target)} is not null"
        rows = premises.query(f"select {names} from people where {known}")
        target = rows.column(self.target).to_numpy().astype(np.float64)
        sums = self.sums(case, self.encoding(case).encode(rows), target, given)
        return self.gives(case).table(
            {
                "gradient": sums.gradient,
                "hessian": sums.hessian,
                "rows": sums.rows,
                "loss": sums.loss,
            }
        )

    def sums(self, use_case: UseCase, features: Array, target: Array, at: Array) -> LogisticSums:
        """Sums at coefficients.

        Args:
            use_case: declares the target's bounds.
            features: (n, d) encoded features.
            target: (n,) values in the column's units.
            at: (d + 1,) coefficients, intercept first.
        """
        design = np.column_stack([np.ones(len(target)), features])
        linear = design @ at
        if self.family == "linear":
            domain = self.bounds_of_target(use_case)
            residual = linear - (target - domain.low) / (domain.high - domain.low)
            weight, loss = np.ones(len(target)), float(residual @ residual) / 2
        else:
            weight = np.exp(np.clip(linear, -STEEPEST, STEEPEST))
            residual, loss = weight - target, float(np.sum(weight - target * linear))
        return LogisticSums(
            rows=float(len(target)),
            loss=loss,
            gradient=design.T @ residual,
            hessian=(design * weight[:, None]).T @ design,
        )


def fit(
    forces: Forces, step: RegressionSums, *, ridge: float = RIDGE, most_people: int = 2**20
) -> NewtonFit:
    """Fit over all forces; only totals over all of them are seen.

    Args:
        forces: three forces or more, opened.
        step: what is explained by what.
        ridge: penalty on half the squared norm of the weights.
        most_people: public bound on the people of one force.

    Returns:
        The fit; coefficients of a linear model are for the target scaled to [0, 1].

    Raises:
        NotApplicableError: if no feature is named.
        PolicyError: if there are fewer than three forces, or one refused or failed.
    """
    from federated.grid import in_process  # noqa: PLC0415 - loads Flower when used
    from federated.secure_grid import secure_grid  # noqa: PLC0415 - as above

    if not step.features:
        raise NotApplicableError("a regression must have at least one feature")
    step.bounds_of_target(forces.use_case)
    case, connect = forces.use_case, in_process(forces)
    grid = secure_grid(connect, case, forces.names, step, most_people)
    return newton_over(grid, step.size(case), rounds=50, ridge=ridge)
