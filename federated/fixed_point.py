"""Fixed-point encoding of sums: on the finest grid on which the total provably cannot wrap.

With |x| ≤ b at each of p parties and a grid of 2^-f, where f = floor(62 − log2(p·b)), the total
of the rounded integers is at most p·b·2^f + p/2 ≤ 2^62 + p/2 < 2^63 in absolute value. So
arithmetic modulo 2^64 loses nothing but the rounding, which is at most p·2^-(f+1).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minimisation import PolicyError

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

HEADROOM = 62
"""Bits for the absolute value of a total; one more is the sign, and one is spare."""


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """Turns numbers of known bounds into integers modulo 2^64, and their total back."""

    limits: tuple[float, ...]
    """Largest absolute value of each number at one party, by public facts."""
    parties: int
    """How many parties' numbers are added up."""

    def __post_init__(self) -> None:
        """Refuse limits that leave no bit for the number itself.

        Raises:
            ValueError: naming the rule.
        """
        if self.parties < 1:
            raise ValueError(f"parties ({self.parties}) must be at least 1")
        if not all(math.isfinite(limit) and limit > 0 for limit in self.limits):
            raise ValueError("limits must be positive finite numbers")
        if any(limit * self.parties > 2.0**HEADROOM for limit in self.limits):
            raise ValueError(f"limits times parties must be at most 2^{HEADROOM}")

    @property
    def fractions(self) -> npt.NDArray[np.int64]:
        """Binary places of each number, shape (n,)."""
        room = HEADROOM - np.log2(np.array(self.limits) * self.parties)
        whole: npt.NDArray[np.int64] = np.floor(room).astype(np.int64)
        return whole

    @property
    def resolution(self) -> Floats:
        """Most by which rounding can change each total, shape (n,)."""
        return self.parties * np.exp2(-self.fractions.astype(np.float64) - 1)

    def encode(self, numbers: Floats) -> Words:
        """One party's numbers as integers modulo 2^64, shape (n,).

        Raises:
            PolicyError: if a number is not finite or beyond its limit.
        """
        if not (np.abs(numbers) <= np.array(self.limits)).all():
            raise PolicyError("every number of a secure sum must lie within its public limit")
        scaled = np.rint(np.ldexp(numbers, self.fractions))
        return scaled.astype(np.int64).view(np.uint64)

    def decode(self, total: Words) -> Floats:
        """The parties' total as numbers, shape (n,)."""
        signed = total.view(np.int64).astype(np.float64)
        found: Floats = np.ldexp(signed, -self.fractions)
        return found
