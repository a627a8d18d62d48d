"""What rounds of noise cost: known figures, and prices that add up."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from federated import accounting
from federated.accounting import Rounds, noise_for
from minimisation import SandboxError

DELTA = 1e-6


@pytest.mark.parametrize(
    ("sampling", "noise", "rounds", "epsilon"),
    [(1.0, 10, 50, 3.31), (1.0, 5, 20, 4.31), (0.02, 1, 500, 3.21), (0.02, 2, 500, 1.06)],
)
def test_known_figures_are_met_within_one_percent(
    sampling: float, noise: float, rounds: int, epsilon: float
) -> None:
    plan = Rounds(rounds=rounds, noise=noise, delta=DELTA, sampling=sampling)
    assert plan.epsilon() == pytest.approx(epsilon, rel=0.01)
    plan.check()


def exact(noise: float, rounds: int) -> float:
    """Balle and Wang 2018, theorem 8: T rounds of a full batch are one Gaussian of noise/√T."""
    mu = math.sqrt(rounds) / noise
    return float(
        brentq(
            lambda e: norm.cdf(mu / 2 - e / mu) - math.exp(e) * norm.cdf(-mu / 2 - e / mu) - DELTA,
            1e-9,
            60,
        )
    )


@settings(max_examples=12, deadline=None)
@given(st.floats(4, 60), st.integers(1, 60))
def test_full_batches_agree_with_the_analytic_gaussian_from_above(
    noise: float, rounds: int
) -> None:
    found, known = Rounds(rounds=rounds, noise=noise, delta=DELTA).epsilon(), exact(noise, rounds)
    assert known - 1e-6 <= found <= known * 1.01 + 1e-3


def test_prices_of_the_turns_add_up_to_the_whole() -> None:
    plan = Rounds(rounds=30, noise=12.0, delta=DELTA)
    prices = [plan.price(turn) for turn in range(1, 31)]
    assert math.fsum(epsilon for epsilon, _ in prices) == pytest.approx(plan.epsilon(), abs=1e-9)
    assert math.fsum(delta for _, delta in prices) == DELTA
    assert all(epsilon > 0 for epsilon, _ in prices)


def test_paying_every_turn_alone_would_cost_several_times_as_much() -> None:
    plan = Rounds(rounds=30, noise=12.0, delta=DELTA)
    assert 30 * plan.epsilon(1) > 4 * plan.epsilon()


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 8.0])
@pytest.mark.parametrize("sampling", [1.0, 0.1])
def test_the_noise_found_stays_within_epsilon_and_less_would_not(
    epsilon: float, sampling: float
) -> None:
    noise = noise_for(epsilon, delta=DELTA, rounds=10, sampling=sampling)
    kept = Rounds(rounds=10, noise=noise, delta=DELTA, sampling=sampling)
    less = Rounds(rounds=10, noise=noise * 0.995, delta=DELTA, sampling=sampling)
    assert kept.epsilon() <= epsilon < less.epsilon()


def test_an_accountant_that_understates_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    true = accounting._epsilon
    monkeypatch.setattr(
        accounting,
        "_epsilon",
        lambda method, *rest: true("rdp", *rest) * (1.1 if method == "pld" else 1.0),
    )
    with pytest.raises(SandboxError, match="nothing was run"):
        Rounds(rounds=10, noise=5.0, delta=DELTA).check()


@pytest.mark.parametrize(
    "wrong",
    [{"rounds": 0}, {"noise": 0.0}, {"noise": math.inf}, {"delta": 0.0}, {"sampling": 1.5}],
)
def test_rounds_that_protect_nobody_are_refused(wrong: dict[str, float]) -> None:
    given_parameters = {"rounds": 5, "noise": 1.0, "delta": DELTA, "sampling": 0.5}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rounds(**(given_parameters | wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, 1e-9])
def test_an_epsilon_that_no_noise_reaches_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        noise_for(epsilon, delta=DELTA, rounds=100)


@pytest.mark.parametrize("turn", [0, 6])
def test_a_turn_outside_the_plan_has_no_price(turn: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 5"):
        Rounds(rounds=5, noise=1.0, delta=DELTA).price(turn)
