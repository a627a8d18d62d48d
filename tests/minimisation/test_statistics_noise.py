"""The noise has the distribution it claims, costs what it claims, and fails without a word."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from minimisation.contract.errors import SandboxError
from minimisation.statistics import noise
from minimisation.statistics.intervals import Term, half_width
from minimisation.statistics.noise import DiscreteGaussian, DiscreteLaplace, Noise, cheapest

FALSE_ALARM = 1e-6
SCALES = [0.3, 1.0, 2.0, math.pi, 12.5, 1000.1, 1e6 / 3]


def chi_square(noise_claimed: Noise, drawn: np.ndarray) -> tuple[float, int]:
    """Chi-square statistic of draws against a claimed distribution, on bins of >= 50 expected."""
    bins = 24
    cuts = np.unique(
        np.floor(np.linspace(-2.5, 2.5, bins) * noise_claimed.deviation).astype(np.int64)
    )
    below = np.concatenate([[0.0], noise_claimed.cdf(cuts.astype(float)), [1.0]])
    expected = np.diff(below) * len(drawn)
    observed = np.bincount(np.searchsorted(cuts, drawn), minlength=len(cuts) + 1)
    kept = expected >= 50
    statistic = float((((observed - expected) ** 2)[kept] / expected[kept]).sum())
    return statistic, int(kept.sum())


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", [DiscreteLaplace, DiscreteGaussian])
def test_drawn_noise_has_the_claimed_distribution(kind: type, scale: float) -> None:
    drawn = noise.perturb(np.zeros(20_000, dtype=np.int64), kind(scale=scale))
    statistic, bins = chi_square(kind(scale=scale), drawn)
    assert bins >= 2
    assert statistic < chi2.isf(FALSE_ALARM, bins)


@pytest.mark.parametrize("mutant", ["too small", "too large", "shifted"])
def test_noise_that_is_not_as_claimed_is_caught(mutant: str) -> None:
    scale = {"too small": 9.0, "too large": 11.0, "shifted": 10.0}[mutant]
    drawn = noise.perturb(np.zeros(20_000, dtype=np.int64), DiscreteLaplace(scale=scale))
    drawn = drawn + (mutant == "shifted")
    statistic, bins = chi_square(DiscreteLaplace(scale=10.0), drawn)
    assert statistic > chi2.isf(FALSE_ALARM, bins)


def test_the_laplace_distribution_function_is_the_known_one() -> None:
    half = DiscreteLaplace(scale=1 / math.log(2))  # P(x) = 2^-|x| / 3
    assert half.cdf(np.array([-2.0, -1.0, 0.0, 1.0])) == pytest.approx([1 / 6, 1 / 3, 2 / 3, 5 / 6])
    assert half.deviation == pytest.approx(2.0)


def test_every_entry_gets_noise_of_its_own() -> None:
    drawn = noise.perturb(np.full(1000, 7, dtype=np.int64), DiscreteLaplace(scale=1e6))
    assert len(set(drawn.tolist())) > 990


def test_two_draws_differ_because_no_seed_exists() -> None:
    values = np.zeros(100, dtype=np.int64)
    first, second = (noise.perturb(values, DiscreteLaplace(scale=1e6)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_large_values_do_not_overflow() -> None:
    drawn = noise.perturb(np.array([2**62, -(2**62)]), DiscreteLaplace(scale=1e12))
    assert drawn[0] > 2**61
    assert drawn[1] < -(2**61)


def test_an_error_of_the_noise_source_prints_no_value() -> None:
    with pytest.raises(SandboxError) as caught:
        noise._draw([2**70], DiscreteLaplace(scale=1.0))
    assert str(2**70) not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@settings(max_examples=40, deadline=None)
@given(l1=st.integers(1, 10**9), epsilon=st.floats(1e-3, 50))
def test_a_laplace_scale_costs_at_most_the_epsilon_it_was_made_for(l1: int, epsilon: float) -> None:
    used = cheapest(l1, l1, epsilon, 0.0)
    assert epsilon * (1 - 1e-9) <= noise.mechanism_loss(used, l1) <= epsilon


def test_gaussian_accounting_agrees_with_opendp() -> None:
    dp = noise._opendp()
    gaussian = noise._measurement(DiscreteGaussian(scale=8.0))
    theirs, _ = dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(gaussian), 1e-6).map(4.0)
    ours = noise.epsilon_of(noise.mechanism_loss(DiscreteGaussian(scale=8.0), 4.0), 1e-6)
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_the_gaussian_is_chosen_only_where_it_is_smaller() -> None:
    assert isinstance(cheapest(100, 100, 1.0, 1e-6), DiscreteGaussian)
    assert isinstance(cheapest(2, 2, 1.0, 1e-6), DiscreteLaplace)
    assert isinstance(cheapest(100, 100, 1.0, 0.0), DiscreteLaplace)


@pytest.mark.parametrize("epsilon", [0, -1, math.nan, math.inf, 1e-320, "1", True, None])
def test_an_impossible_epsilon_is_refused(epsilon: object) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        cheapest(1, 1, epsilon, 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("delta", [-1e-9, 1, 2, math.nan, "0"])
def test_an_impossible_delta_is_refused(delta: object) -> None:
    with pytest.raises(ValueError, match=r"delta .* must be"):
        cheapest(1, 1, 1.0, delta)  # type: ignore[arg-type]


def test_one_laplace_interval_is_the_exact_quantile() -> None:
    # P(x) = 2^-|x| / 3, so P(|x| <= 4) = 1 - (2/3) 2^-4 = 0.958 and P(|x| <= 3) = 0.917
    assert half_width([Term(noise=DiscreteLaplace(scale=1 / math.log(2)))]) == 4.0


def test_a_sum_of_two_laplaces_has_the_convolved_quantile() -> None:
    used = DiscreteLaplace(scale=1 / math.log(2))
    mass = {x: 2.0 ** -abs(x) / 3 for x in range(-60, 61)}
    both: dict[int, float] = {}
    for x, p in mass.items():
        for y, q in mass.items():
            both[x + y] = both.get(x + y, 0.0) + p * q
    exact = next(w for w in range(100) if sum(both[x] for x in range(-w, w + 1)) >= 0.95)
    assert half_width([Term(noise=used, copies=2)]) == exact


@pytest.mark.parametrize("scale", [3.0, 777.7, 1e7])
def test_an_interval_of_many_forces_is_never_narrow_and_at_most_one_percent_wide(
    scale: float,
) -> None:
    rng = np.random.default_rng(5)
    drawn = rng.laplace(0, scale, (200_000, 9)).sum(axis=1)
    width = half_width([Term(noise=DiscreteLaplace(scale=scale), copies=9)])
    covered = float((np.abs(drawn) <= width).mean())
    assert 0.95 - 0.0025 < covered < 0.955 + 1 / scale / 10
    wide = half_width([Term(noise=DiscreteLaplace(scale=scale), copies=9)], 0.5)
    assert wide < width


def test_a_factor_scales_an_interval() -> None:
    used = DiscreteLaplace(scale=40.0)
    one, half = half_width([Term(noise=used)]), half_width([Term(noise=used, factor=0.5)])
    assert half == one / 2
    assert half_width([Term(noise=used, factor=0.0)]) == 0.0


def test_two_different_terms_add_up() -> None:
    used = DiscreteLaplace(scale=50.0)
    both = half_width([Term(noise=used), Term(noise=used, factor=1.0)])
    assert both == pytest.approx(half_width([Term(noise=used, copies=2)]), rel=0.02)
    tiny = half_width([Term(noise=used), Term(noise=used, factor=1e-6)])
    assert tiny == pytest.approx(half_width([Term(noise=used)]), rel=0.01)
