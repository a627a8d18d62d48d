"""The epsilon that draws show: never above an honest claim, above a broken one."""

import math

import numpy as np
import pytest

from minimisation.statistics import audit, duckdb_engine, noise, private_query
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.lower_bound import lower_bound
from minimisation.statistics.planner import Allowance, Form
from tests.minimisation.custody_shapes import SHAPES, larger, planned

SAMPLE = SHAPES[::4]
"""What the slower checks run on by default; the full run takes every shape."""
IN_TURN = [
    each if each in SAMPLE else pytest.param(*each, marks=pytest.mark.full) for each in SHAPES
]
EPSILON = 1.0


@pytest.mark.parametrize(("form", "name"), IN_TURN)
def test_the_epsilon_that_draws_show_is_never_above_the_claim(form: Form, name: str) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, 0.0)

    assert audit.shown_epsilon(plan, added, 400) <= EPSILON


@pytest.mark.full
@pytest.mark.parametrize("delta", [0.0, 1e-5])
@pytest.mark.parametrize(("form", "name"), SHAPES)
def test_the_epsilon_that_many_draws_show_is_never_above_the_claim(
    form: Form, name: str, delta: float
) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, delta)

    assert audit.shown_epsilon(plan, added, 6_000, delta=delta) <= EPSILON


def test_draws_show_most_of_a_claim_that_is_reached() -> None:
    plan = planned("prefix", "rows", Allowance(in_all=2))
    added = private_query.noise_of(plan, EPSILON, 0.0)

    assert 0.6 < audit.shown_epsilon(plan, added, 10_000) <= EPSILON


@pytest.mark.parametrize(("form", "name"), IN_TURN)
def test_noise_that_is_off_shows_an_epsilon_above_the_claim(
    form: Form, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, 0.0)
    monkeypatch.setattr(noise, "_draw", lambda values, _: values)

    assert audit.shown_epsilon(plan, added, 400) > 2 * EPSILON


@pytest.mark.parametrize("form", ["prefix", "prepared", "ad_hoc"])
def test_a_bound_off_by_one_shows_an_epsilon_above_the_claim(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(form, "rows", Allowance(in_all=1, groups=1, rows=1))
    added = private_query.noise_of(plan, EPSILON, 0.0)
    honest = audit.shown_epsilon(plan, added, 5000)
    broken = compile_query(larger(plan, rows=1))
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: broken)

    assert honest <= EPSILON < audit.shown_epsilon(plan, added, 5000)


def test_a_randomised_response_shows_its_known_epsilon() -> None:
    rng = np.random.default_rng(7)  # a coin, not privacy noise
    truth = math.e / (1 + math.e)
    one, other = (rng.random(40_000) < share for share in (truth, 1 - truth))

    shown = lower_bound(one.astype(float), other.astype(float))

    assert 0.8 < shown <= 1


def test_equal_inputs_show_nothing() -> None:
    same = np.random.default_rng(1).normal(size=2000)

    assert lower_bound(same, same.copy()) == 0


def test_a_distinguishing_event_is_shown_as_far_as_the_draws_allow() -> None:
    assert lower_bound(np.ones(2000), np.zeros(2000)) > 4
    assert lower_bound(np.ones(2000), np.zeros(2000), delta=0.999) == 0


def test_a_bound_needs_draws() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        lower_bound(np.ones(1), np.ones(5))
