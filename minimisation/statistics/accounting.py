"""What releases cost together, in whole units that never round down, and what a budget covers.

Losses are added up two ways at once: *basic* sums epsilon and delta, *zcdp* sums zero-concentrated
loss with additive delta (Bun and Steinke 2016; that such filters may be fed adaptively: Feldman and
Zrnic 2021, Whitehouse and others 2023). A request is covered if either sum stays within the budget.
That is sound although which one holds depends on what was asked: outcomes along which the basic sum
holds are pointwise e^epsilon as likely at most, the others are outcomes of the zcdp filter, which
is stopped where its own sum ends, and their delta is charged once. A zero-concentrated release that
is stated as (epsilon, delta) too enters the basic sum with that; its delta may be lost on outcomes
that end in the zcdp filter, but only while the basic sum still held, so at most half the account's.
A *block* of queries that is
declared before the first draw may be costed by numerical composition (Meiser and Mohammadi 2018,
Koskela and others 2020), through the dominating pair of all epsilon-private mechanisms (Kairouz, Oh
and Viswanath 2015), so it holds for noise on whole vectors as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, get_args

from minimisation.contract.errors import MissingEngineError
from minimisation.contract.privacy import PrivacyLoss
from minimisation.forces.policy import Budget, Period
from minimisation.statistics.noise import (
    DiscreteLaplace,
    Noise,
    check_budget,
    epsilon_of,
    rho_of,
)

UNITS = 10**9
"""Whole units per 1 of epsilon or rho."""

DELTA_UNITS = 10**18
"""Whole units per 1 of delta."""

WORTH_A_DELTA = 0.99
"""Share of the summed epsilon below which a block's bound is worth its delta."""

GRID = 1e-4
"""Discretisation of privacy losses; dp-accounting rounds them up to it."""


@dataclass(frozen=True, kw_only=True)
class Spend:
    """Loss of one release, in both currencies."""

    rho: float
    """Zero-concentrated loss."""
    epsilon: float | None
    """Pure epsilon; None where there is none, as for Gaussian noise."""
    delta: float = 0.0
    """Additive delta, such as that of thresholding unknown keys."""
    basic_delta: float = 0.0
    """Delta that epsilon holds with beyond that, where the release is zero-concentrated."""

    def __post_init__(self) -> None:
        """Refuse a release that claims to cost nothing.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_budget(self.rho, self.delta)
        if self.epsilon is not None:
            check_budget(self.epsilon, self.delta)
            check_budget(self.epsilon, self.basic_delta)

    @classmethod
    def of(cls, noise: Noise, l1: int, l2_squared: int, delta: float = 0.0) -> "Spend":
        """Loss of adding a noise to a vector of these sensitivities."""
        if isinstance(noise, DiscreteLaplace):
            epsilon = l1 / noise.scale
            return cls(rho=epsilon**2 / 2, epsilon=epsilon, delta=delta)
        return cls(rho=l2_squared / (2 * noise.scale**2), epsilon=None, delta=delta)

    @classmethod
    def pure(cls, epsilon: float) -> "Spend":
        """Loss of an epsilon-private release."""
        return cls(rho=epsilon**2 / 2, epsilon=epsilon)

    @classmethod
    def approximate(cls, epsilon: float, delta: float) -> "Spend":
        """Loss of an (epsilon, delta)-private release of which no more is known."""
        return cls(rho=epsilon**2 / 2, epsilon=epsilon, delta=delta)

    @classmethod
    def concentrated(cls, rho: float, epsilon: float, delta: float) -> "Spend":
        """Loss of a rho-zero-concentrated release that is (epsilon, delta)-private as well."""
        return cls(rho=rho, epsilon=epsilon, basic_delta=delta)

    @classmethod
    def stated(cls, loss: PrivacyLoss) -> "Spend":
        """What a loss as a boundary knows it is charged as."""
        if loss.rho is None:
            return cls.approximate(loss.epsilon, loss.delta)
        return cls.concentrated(loss.rho, loss.epsilon, loss.delta)

    @property
    def amount(self) -> "Amount":
        """In whole units, rounded up, so that nothing is free."""
        return Amount(
            rho=_up(self.rho, UNITS),
            epsilon=None if self.epsilon is None else _up(self.epsilon, UNITS),
            delta=_up(self.delta, DELTA_UNITS),
            basic_delta=_up(self.basic_delta, DELTA_UNITS),
        )


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Losses of one or several releases in whole units."""

    rho: int = 0
    """Billionths of zero-concentrated loss."""
    epsilon: int | None = 0
    """Billionths of summed epsilon; None if one of them has no pure epsilon."""
    delta: int = 0
    """Additive delta in units of 1e-18."""
    basic_delta: int = 0
    """Delta that only the summed epsilon holds with, in units of 1e-18."""

    def __add__(self, other: "Amount") -> "Amount":
        """Both together."""
        known = self.epsilon is not None and other.epsilon is not None
        return Amount(
            rho=self.rho + other.rho,
            epsilon=(self.epsilon or 0) + (other.epsilon or 0) if known else None,
            delta=self.delta + other.delta,
            basic_delta=self.basic_delta + other.basic_delta,
        )

    @property
    def basic(self) -> float:
        """Summed epsilon; infinite if one of them has no pure epsilon."""
        return math.inf if self.epsilon is None else self.epsilon / UNITS


NOTHING = Amount()
"""No loss."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A budget (epsilon, delta) of a period."""

    epsilon: float
    """Most epsilon of the period."""
    delta: float = 0.0
    """Most delta of the period; half of it is kept for converting rho into epsilon."""
    period: Period = "year"
    """How long it lasts."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_budget(self.epsilon, self.delta)
        if self.period not in get_args(Period):
            raise ValueError(f"period ({self.period}) must be one of {', '.join(get_args(Period))}")

    @classmethod
    def of(cls, budget: Budget) -> "Account":
        """The account that a force's policy grants."""
        return cls(epsilon=budget.epsilon, delta=budget.delta, period=budget.period)

    def covers(self, spent: Amount) -> bool:
        """Whether everything spent in a period stays within (epsilon, delta), by either sum."""
        share = _down(self.delta / 2, DELTA_UNITS)
        if spent.delta + min(spent.basic_delta, share) > share:
            return False
        by_sum = spent.epsilon is not None and spent.epsilon <= _down(self.epsilon, UNITS)
        by_sum = by_sum and spent.delta + spent.basic_delta <= share
        return by_sum or (self.delta > 0 and spent.rho <= _down(self._most_rho, UNITS))

    def zcdp(self, spent: Amount) -> float:
        """Epsilon that the zero-concentrated sum amounts to at this account's delta."""
        if spent.rho == 0:
            return 0.0
        return epsilon_of(spent.rho / UNITS, self.delta / 2) if self.delta > 0 else math.inf

    def guarantee(self, spent: Amount) -> tuple[float, float]:
        """The (epsilon, delta) that everything spent so far amounts to."""
        basic, zcdp, delta = spent.basic, self.zcdp(spent), spent.delta / DELTA_UNITS
        if basic <= zcdp:
            return basic, (spent.delta + spent.basic_delta) / DELTA_UNITS
        return zcdp, delta + self.delta / 2

    @property
    def _most_rho(self) -> float:
        return rho_of(self.epsilon, self.delta / 2)


@dataclass(frozen=True, kw_only=True)
class BlockCost:
    """Epsilon of a block at one delta, by each rule; all of them hold."""

    basic: float
    """Sum of the epsilons."""
    zcdp: float
    """By zero-concentrated privacy."""
    pld: float
    """By numerical composition."""

    @property
    def epsilon(self) -> float:
        """The tightest, which may be taken because the block was fixed beforehand."""
        return min(self.basic, self.zcdp, self.pld)


def block_cost(epsilons: Sequence[float], delta: float) -> BlockCost:
    """Cost of a block of epsilon-private queries that is declared before the first draw.

    Args:
        epsilons: pure epsilon of each query.
        delta: failure probability of the whole block, above 0.

    Raises:
        ValueError: if a figure is out of range.
        MissingEngineError: if dp-accounting is not installed.
    """
    for epsilon in epsilons:
        check_budget(epsilon, delta)
    if not epsilons or delta == 0:
        raise ValueError(f"block must have at least one query and delta ({delta!r}) above 0")
    distributions, common = _engine()
    pair = common.DifferentialPrivacyParameters
    composed: Any = None
    for epsilon in sorted(set(epsilons)):
        one = distributions.from_privacy_parameters(
            pair(epsilon, 0.0), value_discretization_interval=GRID
        )
        several = one.self_compose(list(epsilons).count(epsilon))
        composed = several if composed is None else composed.compose(several)
    return BlockCost(
        basic=math.fsum(epsilons),
        zcdp=epsilon_of(math.fsum(epsilon**2 / 2 for epsilon in epsilons), delta),
        pld=float(composed.get_epsilon_for_delta(delta)),
    )


def block_spend(epsilons: Sequence[float], delta: float) -> Spend:
    """A declared block as one entry of an account.

    Its epsilon and delta are those of the tightest rule where that saves at least a hundredth of
    the sum; its rho is the queries' own. At delta 0 only the sum is left.
    """
    rho = math.fsum(epsilon**2 / 2 for epsilon in epsilons)
    total = math.fsum(epsilons)
    if delta == 0:
        return Spend(rho=rho, epsilon=total)
    cost = block_cost(epsilons, delta)
    saved = cost.epsilon < WORTH_A_DELTA * total
    return Spend(rho=rho, epsilon=cost.epsilon if saved else total, delta=delta if saved else 0.0)


def _engine() -> tuple[Any, Any]:
    try:
        from dp_accounting.pld import common, privacy_loss_distribution  # type: ignore[import-untyped]  # noqa: PLC0415 - takes 2 s
    except ImportError:
        msg = "numerical composition needs dp-accounting: install the extra 'accounting'"
        raise MissingEngineError(msg) from None
    return privacy_loss_distribution, common


def _up(value: float, units: int) -> int:
    # by its shortest decimal, so that ten times 0.1 is 1; scales have a margin above that
    return math.ceil(Fraction(repr(float(value))) * units)


def _down(value: float, units: int) -> int:
    return math.floor(Fraction(repr(float(value))) * units)
