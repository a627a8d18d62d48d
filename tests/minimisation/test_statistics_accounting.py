"""Losses add up to no less than they are, and nothing is free."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation.statistics.accounting import (
    Account,
    Amount,
    Spend,
    block_cost,
    block_spend,
)
from minimisation.statistics.noise import DiscreteGaussian, DiscreteLaplace, epsilon_of


def test_a_declared_block_of_two_hundred_costs_far_less_than_their_sum() -> None:
    cost = block_cost([0.05] * 200, 1e-6)
    assert cost.basic == pytest.approx(10.0)
    assert cost.epsilon <= 3.6
    assert cost.pld < cost.zcdp < cost.basic


def test_a_block_of_ten_costs_their_sum() -> None:
    assert block_cost([0.05] * 10, 1e-6).epsilon == pytest.approx(0.5, abs=1e-3)


def test_a_block_of_different_queries_is_composed_together() -> None:
    mixed = block_cost([0.05] * 100 + [0.1] * 50, 1e-6)
    assert block_cost([0.05] * 150, 1e-6).pld < mixed.pld < block_cost([0.1] * 150, 1e-6).pld


def test_one_randomised_response_has_its_known_privacy_curve() -> None:
    # for one epsilon-private mechanism delta(e) = (exp(epsilon) - exp(e)) / (1 + exp(epsilon))
    delta = 0.01
    exact = math.log(math.exp(1.0) - delta * (1 + math.exp(1.0)))
    assert exact - 1e-12 <= block_cost([1.0], delta).pld <= exact + 2e-4


def test_numerical_composition_is_never_below_the_exact_two_fold_one() -> None:
    # Kairouz, Oh and Viswanath (2015), theorem 3.3, for two mechanisms and i = 1
    epsilon, ratio = 0.5, math.exp(0.5)
    delta = (ratio**2 - 1) / (1 + ratio) ** 2  # delta(0) of the composition
    got = block_cost([epsilon] * 2, delta).pld
    assert 0 <= got <= 3e-4


def test_a_block_enters_an_account_as_one_entry() -> None:
    basic = block_spend([0.05] * 200, 1e-6, "basic")
    assert basic.epsilon is not None
    assert basic.epsilon <= 3.6
    assert basic.delta == 1e-6
    zcdp = block_spend([0.05] * 200, 1e-6, "zcdp")
    assert zcdp.rho == pytest.approx(200 * 0.05**2 / 2)
    assert zcdp.delta == 0.0
    assert block_spend([0.05] * 2, 1e-9, "basic") == Spend(rho=0.05**2, epsilon=0.1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-4, 2), min_size=1, max_size=20))
def test_whole_units_never_round_a_cost_down(epsilons: list[float]) -> None:
    for account in (Account(epsilon=1.0), Account(epsilon=1.0, delta=1e-6, accountant="zcdp")):
        spent = Amount(units=0, delta=0)
        for epsilon in epsilons:
            spent = spent + account.cost(Spend.pure(epsilon))
        exact = (
            math.fsum(epsilons)
            if account.accountant == "basic"
            else epsilon_of(math.fsum(e**2 / 2 for e in epsilons), account.delta / 2)
        )
        assert account.guarantee(spent)[0] >= exact * (1 - 1e-6)


def test_a_full_account_guarantees_its_budget() -> None:
    account = Account(epsilon=2.0, delta=1e-6, accountant="zcdp")
    epsilon, delta = account.guarantee(account.capacity)
    assert 1.999 < epsilon <= 2.0
    assert 1e-6 * 0.999 < delta <= 1e-6


def test_the_tiniest_release_still_costs_a_unit() -> None:
    account = Account(epsilon=1.0, delta=1e-6, accountant="zcdp")
    assert account.cost(Spend.pure(1e-7)) == Amount(units=1, delta=0)
    assert account.cost(Spend(rho=1e-12, epsilon=None, delta=1e-30)) == Amount(units=1, delta=1)


def test_noise_costs_what_its_sensitivity_makes_it() -> None:
    laplace = Spend.of(DiscreteLaplace(scale=10.0), l1=5, l2_squared=5)
    assert (laplace.epsilon, laplace.rho) == (0.5, 0.125)
    gaussian = Spend.of(DiscreteGaussian(scale=10.0), l1=5, l2_squared=5)
    assert (gaussian.epsilon, gaussian.rho) == (None, 0.025)


def test_gaussian_noise_has_no_place_in_a_basic_account() -> None:
    with pytest.raises(ValueError, match="must be zcdp"):
        Account(epsilon=1.0).cost(Spend(rho=0.1, epsilon=None))


def test_zcdp_beats_basic_composition_for_many_small_queries() -> None:
    account = Account(epsilon=1.0, delta=1e-6, accountant="zcdp")
    each = account.cost(Spend.pure(0.01)).units
    assert account.capacity.units // each > 150  # basic composition stops at 100


@pytest.mark.parametrize("epsilon", [0, -1, math.nan, math.inf, "1"])
def test_an_account_without_a_budget_is_refused(epsilon: object) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        Account(epsilon=epsilon)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Account(epsilon=1.0, accountant="zcdp"),
        lambda: Account(epsilon=1.0, accountant="best"),  # type: ignore[arg-type]
        lambda: Spend(rho=0.0, epsilon=None),
        lambda: Spend(rho=0.1, epsilon=0.0),
        lambda: Spend(rho=0.1, epsilon=None, delta=1.0),
        lambda: block_cost([], 1e-6),
        lambda: block_cost([0.1], 0.0),
        lambda: block_cost([0.1, 0.0], 1e-6),
    ],
)
def test_a_cost_of_zero_is_impossible(make: object) -> None:
    with pytest.raises(ValueError, match="must"):
        make()  # type: ignore[operator]
