"""What releases cost together: one accountant per account, in whole units that never round down.

*zcdp*: an adaptive filter on zero-concentrated privacy with additive delta (Bun and Steinke 2016;
that filters are free for it: Feldman and Zrnic 2021, Whitehouse and others 2023). *basic*: plain
sums of epsilon and delta. An account keeps one of them for good, because taking the better of two
after the fact is a choice made on what was released. A *block* of queries that is declared before
the first draw may be costed by numerical composition (Meiser and Mohammadi 2018, Koskela and
others 2020), through the dominating pair of all epsilon-private mechanisms (Kairouz, Oh and
Viswanath 2015), so it holds for noise on whole vectors as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from minimisation.contract.errors import MissingEngineError
from minimisation.statistics.noise import (
    DiscreteLaplace,
    Noise,
    check_budget,
    epsilon_of,
    rho_of,
)

Accountant: TypeAlias = Literal["zcdp", "basic"]

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

    def __post_init__(self) -> None:
        """Refuse a release that claims to cost nothing.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_budget(self.rho, self.delta)
        if self.epsilon is not None:
            check_budget(self.epsilon, self.delta)

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


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A cost or a capacity in whole units."""

    units: int
    """Billionths of rho or epsilon."""
    delta: int
    """Additive delta in units of 1e-18."""

    def __add__(self, other: "Amount") -> "Amount":
        """Both together."""
        return Amount(units=self.units + other.units, delta=self.delta + other.delta)

    def within(self, other: "Amount") -> bool:
        """Whether both parts fit."""
        return self.units <= other.units and self.delta <= other.delta


@dataclass(frozen=True, kw_only=True)
class Account:
    """A budget (epsilon, delta) and the one way in which losses are added up against it."""

    epsilon: float
    """Most epsilon of the period."""
    delta: float = 0.0
    """Most delta of the period; zcdp keeps half of it for converting rho into epsilon."""
    accountant: Accountant = "basic"
    """How losses add up; fixed when the account is opened."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_budget(self.epsilon, self.delta)
        if self.accountant not in ("zcdp", "basic"):
            raise ValueError(f"accountant ({self.accountant}) must be zcdp or basic")
        if self.accountant == "zcdp" and self.delta == 0:
            raise ValueError("delta (0) must be above 0 for zcdp: it has no pure epsilon")

    @property
    def capacity(self) -> Amount:
        """What fits; rounded down."""
        if self.accountant == "basic":
            return Amount(units=_down(self.epsilon, UNITS), delta=_down(self.delta, DELTA_UNITS))
        rho = rho_of(self.epsilon, self.delta / 2)
        return Amount(units=_down(rho, UNITS), delta=_down(self.delta / 2, DELTA_UNITS))

    def cost(self, spend: Spend) -> Amount:
        """What a release takes from it; rounded up, so that nothing is free.

        Raises:
            ValueError: if the accountant is basic and the release has no pure epsilon.
        """
        if self.accountant == "zcdp":
            return Amount(units=_up(spend.rho, UNITS), delta=_up(spend.delta, DELTA_UNITS))
        if spend.epsilon is None:
            raise ValueError("accountant (basic) must be zcdp for Gaussian noise")
        return Amount(units=_up(spend.epsilon, UNITS), delta=_up(spend.delta, DELTA_UNITS))

    def guarantee(self, spent: Amount) -> tuple[float, float]:
        """The (epsilon, delta) that everything spent so far amounts to."""
        delta = spent.delta / DELTA_UNITS
        if self.accountant == "basic":
            return spent.units / UNITS, delta
        if spent.units == 0:
            return 0.0, delta
        return epsilon_of(spent.units / UNITS, self.delta / 2), delta + self.delta / 2


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


def block_spend(epsilons: Sequence[float], delta: float, accountant: Accountant) -> Spend:
    """A declared block as one entry of an account.

    A zcdp account adds up the queries' rho, which is the most it can gain, and no delta. A basic
    one takes the block's epsilon and delta where that saves at least a hundredth of the sum.
    """
    rho = math.fsum(epsilon**2 / 2 for epsilon in epsilons)
    total = math.fsum(epsilons)
    if accountant == "zcdp":
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
