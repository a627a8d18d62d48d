"""Shares of tries that hit, and differences of two, with intervals that hold for few tries too.

Intervals of rates are Wilson's (1927), those of differences Newcombe's (1998, method 10).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Hits out of tries."""

    hits: float
    """Successes."""
    tries: float
    """Attempts."""

    @property
    def share(self) -> float:
        """Successes per attempt; NaN without any."""
        return self.hits / self.tries if self.tries else float("nan")

    def wilson(self, z: float = 1.96) -> tuple[float, float]:
        """Interval of the share, z standard deviations wide on either side."""
        if not self.tries:
            return 0.0, 1.0
        n, p = self.tries, self.share
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * float(np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)))
        return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(one: Rate, other: Rate, z: float = 1.96) -> tuple[float, float, float]:
    """Difference of two independent shares, and its interval."""
    (low, high), (least, most) = one.wilson(z), other.wilson(z)
    gap = one.share - other.share
    down = float(np.hypot(one.share - low, most - other.share))
    up = float(np.hypot(high - one.share, other.share - least))
    return gap, gap - down, gap + up


def least_detectable(one: Rate, other: Rate) -> float:
    """Difference of two shares that such a trial tells from nothing four times in five."""
    usual = min(max(other.share, 0.01), 0.99)
    return float((1.96 + 0.84) * np.sqrt(usual * (1 - usual) * (1 / one.tries + 1 / other.tries)))
