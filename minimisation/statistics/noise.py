"""Discrete noise on integer vectors, drawn by OpenDP from the operating system's randomness.

No seed exists and none can be given. The discrete Laplace is the geometric mechanism of Ghosh,
Roughgarden and Sundararajan (2009); the discrete Gaussian and its accounting are those of
Canonne, Kamath and Steinke (2020). Only this file imports OpenDP.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from minimisation.contract.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

Integers: TypeAlias = npt.NDArray[np.int64]
Reals: TypeAlias = npt.NDArray[np.float64]

LARGEST_SCALE = 2.0**50
"""Scales above this drown every integer that a cell may hold; asking for one is a mistake."""

MARGIN = 1 + 2.0**-40
"""Factor on a scale that keeps the rounded division L/scale below the epsilon it was made for."""

CONTINUOUS = 1000.0
"""Scale above which a discrete Gaussian's distribution function is the normal one to 1e-7."""


@dataclass(frozen=True, kw_only=True)
class DiscreteLaplace:
    """P(x) ∝ exp(−|x| / scale) on the integers: pure epsilon for a bounded L1 distance."""

    scale: float
    """Scale, in units of the integer vector."""

    def __post_init__(self) -> None:
        """Refuse a scale that is not a usable positive number.

        Raises:
            ValueError: naming the rule.
        """
        _check_scale(self.scale)

    @property
    def deviation(self) -> float:
        """Standard deviation of one draw."""
        ratio = math.exp(-1 / self.scale)
        return math.sqrt(2 * ratio) / -math.expm1(-1 / self.scale)

    def cdf(self, x: Reals) -> Reals:
        """P(noise ≤ x), elementwise."""
        ratio = math.exp(-1 / self.scale)
        whole = np.floor(x)
        below = np.exp(np.minimum(whole, 0.0) / self.scale) / (1 + ratio)
        above = 1 - np.exp(-(np.maximum(whole, 0.0) + 1) / self.scale) / (1 + ratio)
        return np.where(whole < 0, below, above)

    def __str__(self) -> str:
        """In words, for reports."""
        return f"discrete Laplace noise of scale {self.scale:.6g}"


@dataclass(frozen=True, kw_only=True)
class DiscreteGaussian:
    """P(x) ∝ exp(−x² / (2 scale²)) on the integers: zero-concentrated for a bounded L2 distance."""

    scale: float
    """Scale, in units of the integer vector; about its standard deviation."""

    def __post_init__(self) -> None:
        """Refuse a scale that is not a usable positive number.

        Raises:
            ValueError: naming the rule.
        """
        _check_scale(self.scale)

    @property
    def deviation(self) -> float:
        """Standard deviation of one draw; never more than the scale."""
        return self.scale

    def cdf(self, x: Reals) -> Reals:
        """P(noise ≤ x), elementwise."""
        whole = np.floor(x)
        if self.scale > CONTINUOUS:
            return np.asarray(ndtr((whole + 0.5) / self.scale), dtype=np.float64)
        reach = math.ceil(12 * self.scale) + 1
        points = np.arange(-reach, reach + 1)
        mass = np.exp(-((points / self.scale) ** 2) / 2)
        cumulative = np.cumsum(mass) / mass.sum()
        place = np.clip(whole, -reach - 1, reach).astype(np.int64) + reach
        return np.where(place < 0, 0.0, cumulative[np.maximum(place, 0)])

    def __str__(self) -> str:
        """In words, for reports."""
        return f"discrete Gaussian noise of scale {self.scale:.6g}"


Noise: TypeAlias = DiscreteLaplace | DiscreteGaussian


def cheapest(l1: int, l2_squared: int, epsilon: float, delta: float) -> Noise:
    """The noise of smallest deviation that gives (epsilon, delta), by public parameters only.

    Args:
        l1: L1 sensitivity of the integer vector.
        l2_squared: its squared L2 sensitivity.
        epsilon: privacy loss, in (0, ∞).
        delta: its failure probability, in [0, 1); 0 leaves only the Laplace.

    Raises:
        ValueError: if epsilon or delta is out of range, or so small that noise drowns everything.
    """
    check_budget(epsilon, delta)
    laplace = DiscreteLaplace(scale=l1 / epsilon * MARGIN)
    if delta == 0:
        return laplace
    scale = math.sqrt(l2_squared / (2 * rho_of(epsilon, delta))) * MARGIN
    gaussian = DiscreteGaussian(scale=scale)
    return laplace if laplace.deviation <= gaussian.deviation else gaussian


def check_budget(epsilon: float, delta: float) -> None:
    """Refuse a budget that is not a pair of ordinary numbers.

    Raises:
        ValueError: naming the figure and the rule.
    """
    if not _is_number(epsilon) or not (math.isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"epsilon ({epsilon!r}) must be a positive finite number")
    if not _is_number(delta) or not 0 <= delta < 1:
        raise ValueError(f"delta ({delta!r}) must be a number in [0, 1)")


def epsilon_of(rho: float, delta: float) -> float:
    """Epsilon at which rho-zero-concentrated privacy is (epsilon, delta)-differentially private.

    Canonne, Kamath and Steinke (2020), proposition 12: every order above 1 gives a valid epsilon,
    so an inexact search for the best one is still valid.
    """

    def loss(log_excess: float) -> float:
        excess = math.exp(log_excess)
        alpha = 1 + excess
        return (
            rho * alpha
            - (math.log(delta) + math.log(alpha)) / excess
            + math.log(excess)
            - math.log(alpha)
        )

    return max(0.0, float(minimize_scalar(loss, bounds=(-25.0, 60.0), method="bounded").fun))


@cache
def rho_of(epsilon: float, delta: float) -> float:
    """Largest rho found whose `epsilon_of` stays within epsilon."""
    low, high = 0.0, epsilon + 1.0
    while epsilon_of(high, delta) <= epsilon:
        low, high = high, high * 2
    for _ in range(100):
        middle = (low + high) / 2
        if epsilon_of(middle, delta) <= epsilon:
            low = middle
        else:
            high = middle
    if low <= 0:
        raise ValueError(f"epsilon ({epsilon:g}) must be large enough for delta ({delta:g})")
    return low


def concentrated(noise: Noise, l2_squared: int) -> float | None:
    """Zero-concentrated loss of Gaussian noise at a squared L2 sensitivity; None of any other."""
    return l2_squared / (2 * noise.scale**2) if isinstance(noise, DiscreteGaussian) else None


def perturb(values: Integers, noise: Noise) -> Integers:
    """Add independent noise to every entry in one draw.

    Args:
        values: exact integers, shape (n,).
        noise: the distribution.

    Raises:
        SandboxError: if the noise source fails; the message never contains a value.
    """
    if len(values) == 0:
        return values.copy()
    return np.array(_draw(values.tolist(), noise), dtype=np.int64)


def randomise(codes: Integers, categories: int, epsilon: float) -> Integers:
    """Every code kept or replaced by another one, so that each alone is epsilon-private.

    Args:
        codes: one answer per person in 0 … categories − 1, shape (n,).
        categories: number of possible answers, at least 2.
        epsilon: privacy loss of each answer (Warner 1965; Kairouz, Oh and Viswanath 2014).

    Raises:
        SandboxError: if the source of randomness fails; the message contains no answer.
    """
    keep = kept_share(categories, epsilon)
    mechanism = _opendp().m.make_randomized_response(list(range(categories)), keep)
    failures = _failures()
    try:
        answers = [mechanism(code) for code in codes.tolist()]
    except failures:
        raise SandboxError("answers could not be randomised; nothing was released") from None
    return np.array(answers, dtype=np.int64)


def kept_share(categories: int, epsilon: float) -> float:
    """Probability with which an answer is kept as it is: e^ε / (e^ε + categories − 1).

    Raises:
        ValueError: if there are fewer than two categories, or epsilon is no positive number.
    """
    check_budget(epsilon, 0.0)
    if categories < 2:  # noqa: PLR2004 - one answer needs no hiding
        raise ValueError(f"categories ({categories}) must be at least 2")
    # a hair less, so that rounding cannot make an answer a hair more telling than epsilon
    return 1 / (1 + (categories - 1) * math.exp(-epsilon)) / MARGIN


def _draw(values: list[int], noise: Noise) -> list[int]:
    failures = _failures()
    try:
        drawn: list[int] = _measurement(noise)(values)
    except failures:
        # the original message prints the values
        raise SandboxError("noise could not be drawn; nothing was released") from None
    return drawn


@cache
def _measurement(noise: Noise) -> "Callable[[list[int]], list[int]]":
    dp = _opendp()
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    if isinstance(noise, DiscreteLaplace):
        mechanism = (domain, dp.l1_distance(T="i64")) >> dp.m.then_laplace(noise.scale)
    else:
        mechanism = (domain, dp.l2_distance(T="f64")) >> dp.m.then_gaussian(noise.scale)
    return mechanism  # type: ignore[no-any-return]  # OpenDP's measurements are untyped callables


def mechanism_loss(noise: Noise, distance: float) -> float:
    """OpenDP's own figure: epsilon at an L1 distance, or rho at an L2 distance."""
    measurement: Any = _measurement(noise)
    exact = int(distance) if isinstance(noise, DiscreteLaplace) else float(distance)
    return float(measurement.map(exact))


@cache
def _opendp() -> Any:  # noqa: ANN401 - OpenDP's prelude is untyped
    import opendp.prelude as dp  # noqa: PLC0415 - takes 2.5 s, paid only where noise is drawn

    dp.enable_features("contrib")
    return dp


def _failures() -> tuple[type[Exception], ...]:
    from opendp.mod import OpenDPException  # noqa: PLC0415 - as in `_opendp`

    return (OpenDPException, ValueError, TypeError, OverflowError)


def _check_scale(scale: float) -> None:
    if not (math.isfinite(scale) and 0 < scale <= LARGEST_SCALE):
        msg = f"noise scale ({scale:.6g}) must be positive and at most {LARGEST_SCALE:.0f}"
        raise ValueError(f"{msg}: raise epsilon or narrow the bounds")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
