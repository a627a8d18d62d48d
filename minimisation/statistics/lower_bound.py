"""A lower bound on epsilon from draws alone: how far apart a mechanism's outputs can be told.

Half of the draws choose the event that tells two neighbouring inputs apart best, the other half
measure it with exact binomial bounds (Clopper and Pearson, Biometrika 26, 1934). The bound holds
whatever the mechanism is; it never proves that a claim is true, only that it is false (Ding, Wang,
Wang, Zhang and Kifer, "Detecting violations of differential privacy", 2018).
"""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from minimisation.statistics.noise import Reals

Flags: TypeAlias = npt.NDArray[np.bool_]

CONFIDENCE = 1 - 1e-6
"""Probability with which the bound holds; so rarely wrong that a test may rely on it."""

EVENTS = 200
"""Thresholds tried on the first half of the draws."""


def lower_bound(
    one: Reals, other: Reals, delta: float = 0.0, confidence: float = CONFIDENCE
) -> float:
    """Epsilon that two sets of draws show to be lost, at least.

    Args:
        one: a figure of each draw on one input, shape (n,); the larger, the likelier this input.
        other: the same figure of draws on its neighbour, shape (n,).
        delta: failure probability that the claim allows itself.
        confidence: probability with which the result is below the true epsilon.

    Raises:
        ValueError: if there are fewer than two draws of each.
    """
    if min(len(one), len(other)) < 2:  # noqa: PLR2004 - one to choose, one to measure
        raise ValueError("draws must be at least 2 of each input")
    best, chosen = -math.inf, (one, other, 0.0)
    # an event that tells one from the other may be told by a large figure or by a small one
    for likely, unlikely in ((one, other), (-other, -one)):
        both = np.concatenate([likely[::2], unlikely[::2]])
        for cut in np.unique(np.quantile(both, np.linspace(0, 1, EVENTS))):
            found = _epsilon(likely[::2] >= cut, unlikely[::2] >= cut, delta, confidence)
            if found > best:
                best, chosen = found, (likely, unlikely, float(cut))
    likely, unlikely, cut = chosen
    return max(0.0, _epsilon(likely[1::2] >= cut, unlikely[1::2] >= cut, delta, confidence))


def _epsilon(likely: Flags, unlikely: Flags, delta: float, confidence: float) -> float:
    """Bound from how often an event happened on the likely and on the unlikely input."""
    error = (1 - confidence) / 2
    hits, misses = int(likely.sum()), int(unlikely.sum())
    low = 0.0 if hits == 0 else float(beta.ppf(error, hits, len(likely) - hits + 1))
    always = misses == len(unlikely)
    high = 1.0 if always else float(beta.isf(error, misses + 1, len(unlikely) - misses))
    return -math.inf if low <= delta else math.log((low - delta) / high)
