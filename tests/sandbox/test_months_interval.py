"""The interval of the useful history holds a planted length as often as it says."""

import numpy as np
import pytest

from minimisation.regression import fit_logistic
from sandbox.inquiries import months

PLANTED, LONGEST = 24, 36


def losses(rng: np.random.Generator, people: int) -> dict[int, float]:
    """Loss under every window, of invented people whose events count for 24 months alone."""
    rate = 0.05 * rng.gamma(1.0, 1.0, (people, 1))
    past = rng.poisson(rate, (people, LONGEST)).cumsum(axis=1).clip(max=10).astype(float)
    chances = 1 / (1 + np.exp(2.5 - 0.3 * past[:, PLANTED - 1]))
    happened = np.where(rng.random(people) < chances, 1.0, 0.0)
    found = {}
    for window in range(PLANTED // 2, LONGEST + 1):
        counted = past[:, [window - 1]]
        intercept, slope = fit_logistic(counted, happened).coefficients
        chance = intercept + slope * counted[:, 0]
        found[window] = float(np.sum(np.logaddexp(0, chance) - happened * chance))
    return found


@pytest.mark.parametrize(
    ("trials", "people", "least"),
    [
        pytest.param(30, 2000, 0.85, id="sample"),
        pytest.param(200, 5000, 0.93, id="all", marks=pytest.mark.full),
    ],
)
def test_the_interval_holds_the_planted_length_as_often_as_it_says(
    trials: int, people: int, least: float
) -> None:
    rng = np.random.default_rng(1)
    intervals = [months.likeliest(losses(rng, people))[1:] for _ in range(trials)]
    held = np.mean([low <= PLANTED <= high for low, high in intervals])
    assert held >= least
    assert np.mean([high - low for low, high in intervals]) < LONGEST / 3, "it still says something"
