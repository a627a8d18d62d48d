"""Rounds counts to a base, so that a small count is read as one of several.

Conventional rounding (Hundepool and others, Statistical Disclosure Control, 2012, section 5.4.3).
It gives no epsilon: two tables that differ by one person's rows can show that person.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """Each count, margins included, goes to the nearest multiple on its own."""

    base: int = 5
    """Released counts are multiples of it."""

    def __post_init__(self) -> None:
        """Refuse a base that hides nothing.

        Raises:
            ValueError: naming the rule.
        """
        if self.base < 2:  # noqa: PLR2004 - multiples of one hide nothing
            raise ValueError(f"base ({self.base}) must be at least 2")

    def apply(self, counts: Counts) -> Counts:
        """Rounded counts, same shape; a tie of an even base goes up.

        Raises:
            ValueError: if a count is negative.
        """
        if (counts < 0).any():
            raise ValueError("counts must not be negative")
        rounded: Counts = (counts + self.base // 2) // self.base * self.base
        return rounded
