"""Intervals of known noise: how far a released figure may be from the exact one it was made from.

They cover noise alone. What contribution bounds cut off is not in them. A sum of several noises
is laid on a lattice and convolved; rounding to the lattice is added to the width, so that an
interval is never narrower than it says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.fft import next_fast_len

from minimisation.statistics.noise import Noise, Reals

CONFIDENCE = 0.95
"""Share of releases whose noise interval holds the exact bounded figure."""

RESOLUTION = 1000.0
"""Lattice points per standard deviation of the sum, unless the integers themselves are fewer."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """`copies` independent draws of a noise, added and multiplied by `factor`."""

    noise: Noise
    """Distribution of one draw."""
    factor: float = 1.0
    """Positive multiplier."""
    copies: int = 1
    """How many draws are added: one per force."""

    @property
    def deviation(self) -> float:
        """Standard deviation of the term."""
        return self.noise.deviation * self.factor * math.sqrt(self.copies)


def half_width(terms: Sequence[Term], confidence: float = CONFIDENCE) -> float:
    """Smallest w found with P(|sum of the terms| ≤ w) ≥ confidence.

    Args:
        terms: what is added up; terms with factor 0 are ignored.
        confidence: in (0, 1).

    Returns:
        Exact for one integer term of few digits, otherwise at most 1 % too wide.
    """
    kept = tuple(term for term in terms if term.factor > 0)
    if not kept:
        return 0.0
    if len({term.noise for term in kept}) == len(kept) == 1:
        unit = Term(noise=kept[0].noise, copies=kept[0].copies)
        return kept[0].factor * _half_width((unit,), confidence)
    return _half_width(kept, confidence)


@cache
def _half_width(terms: tuple[Term, ...], confidence: float) -> float:
    if len(terms) == 1 and terms[0].copies == 1:
        return _quantile(terms[0].noise, confidence)
    deviation = math.sqrt(sum(term.deviation**2 for term in terms))
    if deviation == 0:  # scales so small that no draw is ever other than 0
        return 0.0
    whole = len(terms) == 1
    step = max(1.0, math.floor(deviation / RESOLUTION)) if whole else deviation / RESOLUTION
    # beyond this reach every term has less than 1e-12 of its mass
    reach = sum(term.noise.deviation * term.factor * (25 + 10 * term.copies**0.5) for term in terms)
    cells = math.ceil(reach / step) + 1
    right, left = _sum_of_masses(terms, step, cells)
    inside = np.concatenate([right[:1], right[1:] + left]).cumsum()
    place = int(np.searchsorted(inside, confidence))
    rounding = 0.0 if whole and step == 1 else step / 2 * sum(term.copies for term in terms)
    return place * step + rounding


def _sum_of_masses(terms: tuple[Term, ...], step: float, cells: int) -> tuple[Reals, Reals]:
    """Masses of the sum at 0, step, 2·step and on, and at −step, −2·step and on."""
    edges: Reals = (np.arange(-cells, cells + 2, dtype=np.float64) - 0.5) * step
    size = next_fast_len(2 * cells + 1, real=True)
    spectrum = np.ones(size // 2 + 1, dtype=np.complex128)
    for term in terms:
        scaled: Reals = edges / term.factor
        mass = np.diff(term.noise.cdf(scaled))
        ring = np.zeros(size)
        ring[: cells + 1], ring[-cells:] = mass[cells:], mass[:cells]
        spectrum *= np.fft.rfft(ring) ** term.copies
    summed: Reals = np.fft.irfft(spectrum, size)
    return summed[: cells + 1], summed[: -cells - 1 : -1]


def _quantile(noise: Noise, confidence: float) -> float:
    low, high = -1, 1
    target = (1 + confidence) / 2
    while noise.cdf(np.array([float(high)]))[0] < target:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if noise.cdf(np.array([float(middle)]))[0] < target:
            low = middle
        else:
            high = middle
    return float(high)
