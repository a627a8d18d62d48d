"""What rounds of Gaussian noise cost a person together; the only file that imports dp-accounting.

Privacy loss distributions (Sommer, Meiser and Mohammadi 2019; Doroshenko et al. 2022, Connect the
Dots), rounded upwards, for neighbours that differ by one person added or removed; cross-checked
with Rényi differential privacy (Mironov 2017), which can only be larger. Rounds that everybody is
in are one Gaussian together, whose privacy loss needs no grid (Balle and Wang 2018). The noise
drawn is the discrete Gaussian at millions of steps per clipping bound, which differs from the
continuous one by less than exp(−2π²s²) in total variation at s steps (Canonne, Kamath and Steinke
2020).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from minimisation import MissingEngineError, SandboxError

INTERVAL = 1e-3
"""Width of the cells of a privacy loss distribution; a coarser grid can only overstate."""

EXACT = 1e-9
"""To what part of itself a loss is found where there is no grid; it is rounded upwards."""

LARGEST_NOISE = 1e6
"""Noise multiples above this drown any federation; needing one is a mistake."""


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Rounds fixed before the first draw, in each of which every sampled person counts once."""

    rounds: int
    """How many rounds are planned."""
    noise: float
    """Standard deviation of the noise as a multiple of one person's largest contribution."""
    delta: float
    """Failure probability of the whole."""
    sampling: float = 1.0
    """Chance with which each person enters a round, independently; 1 is everybody."""

    def __post_init__(self) -> None:
        """Refuse rounds that protect nobody.

        Raises:
            ValueError: naming the figure and the rule.
        """
        if self.rounds < 1:
            raise ValueError(f"rounds ({self.rounds}) must be at least 1")
        if not (math.isfinite(self.noise) and self.noise > 0):
            raise ValueError(f"noise ({self.noise}) must be a positive finite number")
        if not 0 < self.delta < 1:
            raise ValueError(f"delta ({self.delta}) must be in (0, 1)")
        if not 0 < self.sampling <= 1:
            raise ValueError(f"sampling ({self.sampling}) must be in (0, 1]")

    def epsilon(self, done: int | None = None) -> float:
        """Privacy loss after so many rounds, all of them if None; an upper bound.

        Raises:
            MissingEngineError: if dp-accounting is not installed.
        """
        count = self.rounds if done is None else done
        return _epsilon("pld", self.noise, self.sampling, count, self.delta) if count else 0.0

    def price(self, turn: int) -> tuple[float, float]:
        """What the turn adds to (epsilon, delta); prices of turns 1 to t add up to t rounds.

        Raises:
            ValueError: if the turn is not one of the rounds.
        """
        if not 1 <= turn <= self.rounds:
            raise ValueError(f"turn ({turn}) must be from 1 to {self.rounds}")
        # a loss must be positive; the least float keeps rounding from making a round free
        added = max(self.epsilon(turn) - self.epsilon(turn - 1), 1e-12)
        return added, self.delta if turn == 1 else 0.0

    def check(self) -> None:
        """Cross-check the two accountants.

        Raises:
            SandboxError: if the tighter one claims more than the looser one.
        """
        tight = self.epsilon()
        loose = _epsilon("rdp", self.noise, self.sampling, self.rounds, self.delta)
        if tight > loose * (1 + 1e-3):
            raise SandboxError(
                f"epsilon ({tight:.4g}) by privacy loss distributions must not exceed that by "
                f"Rényi differential privacy ({loose:.4g}); nothing was run"
            )


def noise_for(epsilon: float, *, delta: float, rounds: int, sampling: float = 1.0) -> float:
    """The least noise, to a part in a thousand, whose rounds together stay within epsilon.

    Raises:
        ValueError: if epsilon is not positive, or so small that noise would drown everything.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"epsilon ({epsilon}) must be a positive finite number")
    noise = _least(
        lambda noise: _within(noise, epsilon, delta, rounds, sampling), 1e-3, LARGEST_NOISE
    )
    if noise is None:
        raise ValueError(f"epsilon ({epsilon:g}) must be larger for {rounds} rounds")
    return noise


def _least(enough: Callable[[float], bool], part: float, most: float) -> float | None:
    """The least number from which on it is enough, to a part of itself; None if too large."""
    low, high = 0.0, 1.0
    while not enough(high):
        low, high = high, high * 2
        if high > most:
            return None
    while high - low > part * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _within(noise: float, epsilon: float, delta: float, rounds: int, sampling: float) -> bool:
    if noise < 1e-2:  # noqa: PLR2004 - below it every loss is far above any budget
        return False
    return _epsilon("pld", noise, sampling, rounds, delta) <= epsilon


@cache
def _epsilon(method: str, noise: float, sampling: float, rounds: int, delta: float) -> float:
    accounting, accountant = _accountant(method)
    if method == "pld" and sampling == 1:
        return _one_gaussian(noise / math.sqrt(rounds), delta)
    event = accounting.GaussianDpEvent(noise)
    if sampling < 1:
        event = accounting.PoissonSampledDpEvent(sampling, event)
    accountant.compose(accounting.SelfComposedDpEvent(event, rounds))
    return float(accountant.get_epsilon(delta))


def _one_gaussian(noise: float, delta: float) -> float:
    """Least epsilon at which one Gaussian of this noise exceeds it with probability delta."""
    from dp_accounting.pld.privacy_loss_mechanism import (  # type: ignore[import-untyped]  # noqa: PLC0415 - as below
        GaussianPrivacyLoss,
    )

    loss = GaussianPrivacyLoss(noise)
    found = _least(lambda epsilon: loss.get_delta_for_epsilon(epsilon) <= delta, EXACT, math.inf)
    return math.inf if found is None else found


def _accountant(method: str) -> tuple[Any, Any]:
    try:
        # takes a second, paid only where it is used
        import dp_accounting  # type: ignore[import-untyped]  # noqa: PLC0415
        from dp_accounting import pld, rdp  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingEngineError(
            "dp-accounting must be installed: pip install 'minimisation-sandbox[federated]'"
        ) from error
    relation = dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
    if method == "rdp":
        return dp_accounting, rdp.RdpAccountant(neighboring_relation=relation)
    return dp_accounting, pld.PLDAccountant(relation, value_discretization_interval=INTERVAL)
