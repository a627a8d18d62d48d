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
    def half_width(self) -> Reals:
        """Half an approximate 95 % interval."""
        return np.asarray(self.error * float(norm.isf((1 - CONFIDENCE) / 2)))

    @property
    def low(self) -> Reals:
        """Lower end of the interval."""
        return np.asarray(self.value - self.half_width)

    @property
    def high(self) -> Reals:
        """Upper end of the interval."""
        return np.asarray(self.value + self.half_width)


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

    def estimate(self, counts: Integers, together: int = 1) -> Estimate:
        """How many people have each answer, from counts of randomised answers.

        Args:
            counts: randomised answers, shape (categories,).
            together: how many answers in a row count as one, a divisor of the categories.

        Returns:
            Arrays of shape (categories / together,).

        Raises:
            ValueError: if there is not one count per category.
        """
        if counts.shape != (self.categories,):
            raise ValueError(f"counts ({counts.shape}) must be one per category")
        people = float(counts.sum())
        given = counts.reshape(-1, together).sum(axis=1)
        gap = self.keep - self.other
        # chance of an answer in the set, for those whose own is in it and for the others
        inside, outside = self.keep + (together - 1) * self.other, together * self.other
        value = (given - people * outside) / gap
        having = np.clip(value, 0.0, people)
        variance = having * inside * (1 - inside) + (people - having) * outside * (1 - outside)
        return Estimate(
            value=np.asarray(value, dtype=np.float64),
            # rounding may take a variance that is 0 a hair below it
            error=np.asarray(np.sqrt(np.maximum(variance, 0.0)) / gap, dtype=np.float64),
        )
