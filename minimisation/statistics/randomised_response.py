"""Randomised response: each person's answer is changed by chance before anyone else sees it.

Warner, "Randomized response", JASA 60 (1965); optimal form for several categories by Kairouz, Oh
and Viswanath (2014). Nobody needs to be trusted with the answers, which is why figures are much
coarser than those of noise on sums. It hides what a person answered, not that they took part:
neighbours replace one person's answer.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from minimisation.statistics import noise
from minimisation.statistics.intervals import CONFIDENCE
from minimisation.statistics.noise import Integers, Reals

NEIGHBOURS = "replace one unit's answer"
"""Neighbour relation of everything here."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Debiased counts and their error; arrays of shape (categories,)."""

    value: Reals
    """Unbiased estimate of how many people have each answer; may be below 0."""
    error: Reals
    """Estimated standard error of the randomisation."""

    @property
    def low(self) -> Reals:
        """Lower end of an approximate 95 % interval."""
        return np.asarray(self.value - self.error * _deviates())

    @property
    def high(self) -> Reals:
        """Upper end of an approximate 95 % interval."""
        return np.asarray(self.value + self.error * _deviates())


@dataclass(frozen=True, kw_only=True)
class RandomisedResponse:
    """Answers out of a fixed public list, each randomised by itself."""

    categories: int
    """Number of possible answers, at least 2."""
    epsilon: float
    """Privacy loss of one answer."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget or a single category.

        Raises:
            ValueError: naming the figure and the rule.
        """
        noise.kept_share(self.categories, self.epsilon)

    @property
    def keep(self) -> float:
        """Probability of an answer to stay as it is."""
        return noise.kept_share(self.categories, self.epsilon)

    @property
    def other(self) -> float:
        """Probability of an answer to become one certain other answer."""
        return (1 - self.keep) / (self.categories - 1)

    def randomise(self, codes: Integers) -> Integers:
        """Randomised answers of people, one each.

        Args:
            codes: answers in 0 … categories − 1, shape (people,).

        Raises:
            ValueError: if an answer is not on the list; the message does not say which.
        """
        if len(codes) and not (codes.min() >= 0 and codes.max() < self.categories):
            raise ValueError(f"answers must be codes from 0 to {self.categories - 1}")
        return noise.randomise(codes, self.categories, self.epsilon)

    def estimate(self, counts: Integers) -> Estimate:
        """How many people have each answer, from counts of randomised answers.

        Args:
            counts: randomised answers per category, shape (categories,).

        Raises:
            ValueError: if there is not one count per category.
        """
        if counts.shape != (self.categories,):
            raise ValueError(f"counts ({counts.shape}) must be one per category")
        people = float(counts.sum())
        gap = self.keep - self.other
        value = (counts - people * self.other) / gap
        # those with the answer keep it by one coin, those without it get it by another
        having = np.clip(value, 0.0, people)
        variance = having * self.keep * (1 - self.keep)
        variance += (people - having) * self.other * (1 - self.other)
        return Estimate(
            value=np.asarray(value, dtype=np.float64),
            error=np.asarray(np.sqrt(variance) / gap, dtype=np.float64),
        )


def _deviates() -> float:
    return float(norm.isf((1 - CONFIDENCE) / 2))
