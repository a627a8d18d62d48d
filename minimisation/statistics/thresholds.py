"""Releases persons per key where the keys themselves are not public.

A key is shown only if its noisy number of *persons* reaches a threshold, so that a key which one
person alone brings in appears with probability at most delta, however many rows they filled it
with (Korolova, Kenthapadi, Mishra and Ntoulas 2009; Wilson and others 2020).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minimisation.statistics import noise
from minimisation.statistics.accounting import Spend
from minimisation.statistics.intervals import CONFIDENCE, Term, half_width
from minimisation.statistics.noise import DiscreteLaplace, Integers


@dataclass(frozen=True, kw_only=True)
class UnknownKeys:
    """Noise and threshold for keys of which a person has at most `groups`."""

    groups: int
    """Most keys of one person, enforced before counting."""
    epsilon: float
    """Privacy loss of the counts."""
    delta: float
    """Most probability with which a person's own keys show that the person is there."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget or bound.

        Raises:
            ValueError: naming the figure and the rule.
        """
        noise.check_budget(self.epsilon, self.delta)
        if self.delta == 0:
            raise ValueError("delta (0) must be above 0: no threshold hides a key for certain")
        if self.groups < 1:
            raise ValueError(f"groups ({self.groups}) must be at least 1")

    @property
    def noise(self) -> DiscreteLaplace:
        """Noise on each count."""
        return DiscreteLaplace(scale=self.groups / self.epsilon * noise.MARGIN)

    @property
    def threshold(self) -> int:
        """Smallest noisy count that is shown: g·P(1 + noise ≥ threshold) ≤ delta."""
        low, high = 0, 1
        while not self._hides(high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._hides(middle) else (middle, high)
        return high

    @property
    def spend(self) -> Spend:
        """What a release costs."""
        return Spend(rho=self.epsilon**2 / 2, epsilon=self.epsilon, delta=self.delta)

    def release(self, persons: Mapping[str, int]) -> dict[str, int]:
        """Noisy persons per key that reach the threshold, in the order of the keys' own text.

        Args:
            persons: key → persons with at least one row; keys without anybody are ignored.
        """
        present = sorted(key for key, count in persons.items() if count > 0)
        exact = np.array([persons[key] for key in present], dtype=np.int64)
        noisy = noise.perturb(exact, self.noise)
        shown = noisy >= self.threshold
        return {key: int(noisy[place]) for place, key in enumerate(present) if shown[place]}

    def margins(self, forces: int, shown_by: Integers) -> tuple[Integers, Integers]:
        """How far the persons of all forces may lie below and above the sum of the figures shown.

        A force that does not show a key has from 0 to threshold − 1 − noise persons of it. So the
        persons of all exceed the sum by (threshold − 1) for each such force less the noise of all,
        and fall short of it by the noise of those that show it. Which forces these are depends on
        the noise, so both bounds hold together with probability 95 %: one on the noise of all, one
        on that of every force, with half of the error each.

        Args:
            forces: forces that were asked.
            shown_by: how many of them show a key, shape (keys,).

        Returns:
            Margins below and above, shape (keys,).
        """
        error = (1 - CONFIDENCE) / min(forces, 2)
        together = math.ceil(half_width([Term(noise=self.noise, copies=forces)], 1 - error))
        each = math.ceil(half_width([Term(noise=self.noise)], 1 - error / forces))
        below: Integers = np.where(shown_by == forces, together, shown_by * each)
        above: Integers = together + (forces - shown_by) * (self.threshold - 1)
        return below, above

    def _hides(self, threshold: int) -> bool:
        # P(noise ≥ k) = P(noise ≤ −k)
        tail = float(self.noise.cdf(np.array([1.0 - threshold]))[0])
        return self.groups * tail <= self.delta
