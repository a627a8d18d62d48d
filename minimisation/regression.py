"""Logistic regression by Newton's method on sums that add up over people, batches and forces.

One implementation serves the pooled fit, the analysis of released rows and the federated
strategy, which is why they agree to rounding. A ridge on all terms but the intercept keeps the
optimum finite where a group has no events; the same public value is used everywhere.
McCullagh and Nelder, Generalized Linear Models (1989), section 4.4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Array = npt.NDArray[np.float64]

RIDGE = 1e-3
"""Penalty on half the squared norm of the weights, on the scale of the total log-likelihood."""


@dataclass(frozen=True, kw_only=True)
class LogisticSums:
    """What Newton's method needs to know about the data, given the current coefficients."""

    rows: float
    """Total weight of the rows."""
    loss: float
    """Negative log-likelihood, summed."""
    gradient: Array
    """Its gradient, shape (d + 1,), intercept first."""
    hessian: Array
    """Its Hessian, shape (d + 1, d + 1)."""

    def __add__(self, other: "LogisticSums") -> "LogisticSums":
        """Sums over two disjoint sets of people."""
        return LogisticSums(
            rows=self.rows + other.rows,
            loss=self.loss + other.loss,
            gradient=self.gradient + other.gradient,
            hessian=self.hessian + other.hessian,
        )

    @classmethod
    def zero(cls, size: int) -> Self:
        """The sums of nobody, for `size` coefficients including the intercept."""
        return cls(rows=0.0, loss=0.0, gradient=np.zeros(size), hessian=np.zeros((size, size)))


def logistic_sums(
    features: Array, outcome: Array, coefficients: Array, weights: Array | None = None
) -> LogisticSums:
    """Sums at the given coefficients.

    Args:
        features: (n, d) encoded features, without an intercept column.
        outcome: (n,) zeros and ones.
        coefficients: (d + 1,) intercept first.
        weights: (n,) row weights; ones if None.
    """
    design = np.column_stack([np.ones(len(outcome)), features])
    weight = np.ones(len(outcome)) if weights is None else weights
    linear = design @ coefficients
    chance = expit(linear)
    return LogisticSums(
        rows=float(weight.sum()),
        loss=float(weight @ (np.logaddexp(0.0, linear) - outcome * linear)),
        gradient=design.T @ (weight * (chance - outcome)),
        hessian=(design * (weight * chance * (1 - chance))[:, None]).T @ design,
    )


@dataclass(frozen=True, kw_only=True)
class NewtonFit:
    """Result of Newton's method."""

    coefficients: Array
    """(d + 1,) intercept first."""
    gradient_norm: float
    """Largest absolute entry of the penalised gradient at the coefficients, per row."""
    rounds: int
    """Evaluations of the sums."""
    covariance: Array
    """Inverse of the penalised Hessian, shape (d + 1, d + 1)."""


def newton(
    evaluate: Callable[[Array], LogisticSums],
    size: int,
    *,
    rounds: int = 25,
    tolerance: float = 1e-10,
    ridge: float = RIDGE,
) -> NewtonFit:
    """Minimise the penalised negative log-likelihood, halving steps that overshoot.

    Args:
        evaluate: returns the sums at given coefficients; one call is one federated round.
        size: number of coefficients, intercept included.
        rounds: most evaluations.
        tolerance: stop when no entry of the gradient, per row, is larger.
        ridge: penalty; the intercept is not penalised.
    """
    penalty = np.r_[0.0, np.full(size - 1, ridge)]
    current = np.zeros(size)
    sums = evaluate(current)
    used = 1
    while True:
        gradient = sums.gradient + penalty * current
        hessian = sums.hessian + np.diag(penalty + 1e-12)
        norm = float(np.abs(gradient).max()) / max(sums.rows, 1.0)
        if norm <= tolerance or used >= rounds:
            covariance: Array = np.linalg.pinv(hessian).astype(np.float64)
            return NewtonFit(
                coefficients=current, gradient_norm=norm, rounds=used, covariance=covariance
            )
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        before = sums.loss + float(penalty @ current**2) / 2
        for halving in range(8):
            trial = current - step / 2**halving
            sums = evaluate(trial)
            used += 1
            after = sums.loss + float(penalty @ trial**2) / 2
            if after <= before + 1e-9 * max(1.0, abs(before)) or used >= rounds:
                break
        current = trial


def fit_logistic(
    features: Array, outcome: Array, weights: Array | None = None, ridge: float = RIDGE
) -> NewtonFit:
    """Fit to rows at hand; arguments as `logistic_sums`."""
    return newton(
        lambda at: logistic_sums(features, outcome, at, weights),
        features.shape[1] + 1,
        ridge=ridge,
    )
