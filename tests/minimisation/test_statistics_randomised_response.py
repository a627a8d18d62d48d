"""Randomised response: its probabilities, its epsilon seen from outside, its debiased counts."""

import math

import numpy as np
import pytest

from minimisation.contract.errors import SandboxError
from minimisation.statistics import noise
from minimisation.statistics.lower_bound import lower_bound
from minimisation.statistics.randomised_response import RandomisedResponse


def test_a_fair_pair_of_answers_keeps_three_in_four_at_epsilon_log_three() -> None:
    coin = RandomisedResponse(categories=2, epsilon=math.log(3))
    assert (coin.keep, coin.other) == (pytest.approx(0.75), pytest.approx(0.25))


@pytest.mark.parametrize("categories", [2, 5, 40])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 6.0])
def test_no_answer_is_likelier_than_epsilon_allows(categories: int, epsilon: float) -> None:
    response = RandomisedResponse(categories=categories, epsilon=epsilon)
    assert math.log(response.keep / response.other) == pytest.approx(epsilon)
    assert math.log(response.keep / response.other) <= epsilon
    assert response.keep + (categories - 1) * response.other == pytest.approx(1)


def test_the_epsilon_that_answers_show_is_the_claimed_one() -> None:
    response = RandomisedResponse(categories=3, epsilon=1.0)
    shown = [response.randomise(np.full(6000, code)) == 0 for code in (0, 1)]
    found = lower_bound(shown[0].astype(float), shown[1].astype(float))
    assert 0.6 < found <= 1.0


def test_answers_that_are_kept_too_often_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    response = RandomisedResponse(categories=3, epsilon=1.0)
    monkeypatch.setattr(noise, "kept_share", lambda *_: 0.85)
    shown = [response.randomise(np.full(6000, code)) == 0 for code in (0, 1)]
    assert lower_bound(shown[0].astype(float), shown[1].astype(float)) > 1.0


def test_debiased_counts_are_right_on_average_and_within_their_error() -> None:
    response = RandomisedResponse(categories=4, epsilon=1.5)
    exact = np.array([900, 400, 150, 50])
    rng = np.random.default_rng(5)  # a stand-in with the same chances, so that many runs are cheap
    chances = np.full((4, 4), response.other) + np.eye(4) * (response.keep - response.other)
    runs = [
        response.estimate(
            np.sum([rng.multinomial(n, p) for n, p in zip(exact, chances, strict=True)], axis=0)
        )
        for _ in range(2000)
    ]
    values = np.array([run.value for run in runs])
    assert values.mean(axis=0) == pytest.approx(exact, abs=4 * values.std(axis=0).max() / 44)
    errors = np.array([run.error for run in runs]).mean(axis=0)
    assert errors == pytest.approx(values.std(axis=0), rel=0.1)
    covered = np.mean([(run.low <= exact) & (exact <= run.high) for run in runs])
    assert 0.93 < covered < 0.97


def test_estimates_add_up_to_the_people() -> None:
    response = RandomisedResponse(categories=3, epsilon=0.5)
    answers = response.randomise(np.array([0, 1, 2, 2, 1, 0, 0, 0, 1, 2]))
    estimate = response.estimate(np.bincount(answers, minlength=3))
    assert estimate.value.sum() == pytest.approx(10)


def test_a_failing_source_prints_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> int:
        raise ValueError("the answer was 7 of SYN-1")

    class Broken:
        def make_randomized_response(self, *_: object) -> object:
            return fail

        m = property(lambda self: self)

    monkeypatch.setattr(noise, "_opendp", Broken)
    with pytest.raises(SandboxError) as caught:
        RandomisedResponse(categories=9, epsilon=1.0).randomise(np.array([7]))
    assert "7" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("categories", "epsilon"), [(1, 1.0), (3, 0.0), (3, math.inf)])
def test_an_impossible_response_is_refused(categories: int, epsilon: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        RandomisedResponse(categories=categories, epsilon=epsilon)


def test_an_answer_outside_the_list_is_refused_without_being_named() -> None:
    response = RandomisedResponse(categories=3, epsilon=1.0)
    with pytest.raises(ValueError, match="from 0 to 2") as caught:
        response.randomise(np.array([0, 77]))
    assert "77" not in str(caught.value)
    with pytest.raises(ValueError, match="one per category"):
        response.estimate(np.array([1, 2]))
