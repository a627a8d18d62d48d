"""Federated Newton: forces send sums of gradients and Hessians, and the fit equals the pooled one.

Newton's method needs the data only through sums over people, and sums over forces are sums over
all people. Wu et al. 2012, Grid Binary LOgistic REgression (GLORE), JAMIA 19(5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from federated.design import Array, binary_outcome, linear_model, own_people, size_of
from federated.layout import Layout, Values
from federated.summing import Summing
from minimisation import Forces, Payload, Premises, Release, UseCase
from minimisation.regression import RIDGE, LogisticSums, NewtonFit, logistic_sums, newton

if TYPE_CHECKING:
    from federated.flower import Grid
    from federated.grid import Connect

COEFFICIENTS = "coefficients"
"""Name of the array that the server sends: coefficients, intercept first."""

LARGEST = 2.0**53
"""Public bound on every sum: beyond it not even a count is exact in a float."""


@dataclass(frozen=True, kw_only=True)
class NewtonSums:
    """Sums of gradient and Hessian over a force's own people, at coefficients given as inputs."""

    name: ClassVar[str] = "newton-sums"

    def takes(self, use_case: UseCase) -> Layout:
        """Coefficients, intercept first."""
        return Layout(arrays=((COEFFICIENTS, (size_of(use_case),)),))

    def gives(self, use_case: UseCase) -> Layout:
        """Rows, negative log-likelihood, its gradient and its Hessian, each summed over people."""
        size = size_of(use_case)
        arrays = (("gradient", (size,)), ("hessian", (size, size)))
        return Layout(arrays=arrays, scalars=("rows", "loss"))

    def bounds(self, use_case: UseCase) -> Values:
        """Features lie in [0, 1] and chances in (0, 1); a loss above 256 is a diverging fit."""
        size = size_of(use_case)
        hessian = np.full((size, size), 0.25)
        return {"gradient": np.ones(size), "hessian": hessian, "rows": 1.0, "loss": 256.0}

    def sends(self, use_case: UseCase) -> Payload:
        """As many numbers as the model's size determines."""
        return self.gives(use_case).promise(low=-LARGEST, high=LARGEST)

    def run(self, premises: Premises) -> pa.Table:
        """Sum over the force's people; a force without any sends zeros.

        Raises:
            PolicyError: if the inputs are not finite coefficients of the right number.
        """
        if premises.inputs is None:
            raise ValueError("inputs must hold the coefficients")
        given = self.takes(premises.use_case).values(premises.inputs)[COEFFICIENTS]
        people = own_people(premises)
        sums = logistic_sums(people.features, people.outcome, given)
        return self.gives(premises.use_case).table(
            {
                "gradient": sums.gradient,
                "hessian": sums.hessian,
                "rows": sums.rows,
                "loss": sums.loss,
            }
        )


@dataclass(frozen=True, kw_only=True)
class FederatedNewton:
    """Logistic regression over all forces that equals the pooled fit, from sums alone."""

    rounds: int = 25
    """Most rounds; a handful is usual."""
    tolerance: float = 1e-10
    """Stops when no entry of the gradient, per row, is larger."""
    ridge: float = RIDGE
    """Penalty on half the squared norm of the weights; the same as every other fit's."""
    secure_sum: bool = True
    """Whether forces mask their sums so that only the total over all of them is ever seen."""
    most_people: int = 2**20
    """Public bound on the people of one force; masked sums are encoded so that none can wrap."""
    name: ClassVar[str] = "federated-newton"
    summary: ClassVar[str] = (
        "Sums of gradients and Hessians over each force's people, masked, once per round."
    )
    keeps_direct_identifiers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a run that cannot converge.

        Raises:
            ValueError: naming the parameter and the rule.
        """
        if self.rounds < 1:
            raise ValueError(f"rounds ({self.rounds}) must be at least 1")
        if not self.tolerance > 0:
            raise ValueError(f"tolerance ({self.tolerance}) must be positive")
        if not self.ridge >= 0:
            raise ValueError(f"ridge ({self.ridge}) must not be negative")
        if self.most_people < 1:
            raise ValueError(f"most_people ({self.most_people}) must be at least 1")

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Fit over all forces; `rng` is not needed.

        Raises:
            NotApplicableError: for grouped statistics.
            MissingEngineError: if Flower is not installed.
            PolicyError: if a force refused or failed.
        """
        del rng
        from federated.grid import in_process  # noqa: PLC0415 - loads Flower when used

        fit = self.fit(in_process(forces), use_case, forces.names)
        reached = "converged" if fit.gradient_norm <= self.tolerance else "did not converge"
        norm = f"{fit.gradient_norm:.1e}"
        return Release(
            artefact=linear_model(use_case, fit.coefficients),
            remarks=(
                f"Newton's method {reached} in {fit.rounds} rounds (gradient {norm} per row).",
                self._summing().remark,
            ),
        )

    def fit(self, connect: "Connect", use_case: UseCase, roster: Sequence[str]) -> NewtonFit:
        """Fit over forces in this process or deployed.

        Args:
            connect: reaches the forces.
            use_case: the use case.
            roster: names of the forces, in their order.
        """
        binary_outcome(use_case)
        grid = self._summing().grid(connect, use_case, roster, NewtonSums())
        size, limits = size_of(use_case), {"rounds": self.rounds, "tolerance": self.tolerance}
        return newton_over(grid, size, ridge=self.ridge, **limits)

    def _summing(self) -> Summing:
        return Summing(secure=self.secure_sum, most_people=self.most_people)


def newton_over(grid: "Grid", size: int, **limits: Any) -> NewtonFit:  # noqa: ANN401 - as `newton`
    """Newton's method on sums over the nodes of a grid; one evaluation is one round.

    Args:
        grid: its nodes answer with gradient, Hessian, rows and loss.
        size: number of coefficients, the intercept included.
        limits: rounds, tolerance and ridge, as `minimisation.regression.newton` takes them.
    """
    from federated.grid import start  # noqa: PLC0415 - loads Flower when used
    from federated.sums_strategy import Ask, SumsStrategy  # noqa: PLC0415 - as above

    fits: list[NewtonFit] = []

    def drive(ask: Ask) -> None:
        def evaluate(at: Array) -> LogisticSums:
            found = ask({COEFFICIENTS: at}, {})
            return LogisticSums(
                rows=float(found["rows"]),
                loss=float(found["loss"]),
                gradient=found["gradient"],
                hessian=found["hessian"],
            )

        fits.append(newton(evaluate, size, **limits))

    start(SumsStrategy(drive=drive), grid, {COEFFICIENTS: np.zeros(size)}, 1)
    return fits[0]
