"""Losses add up to no less than they are, and nothing is free."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation.statistics.accounting import (
    UNITS,
    Account,
    Amount,
    Spend,
    block_cost,
    block_spend,
)
from minimisation.statistics.noise import (
    DiscreteGaussian,
    DiscreteLaplace,
    epsilon_of,
    rho_of,
)


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
    block = block_spend([0.05] * 200, 1e-6)
    assert block.epsilon is not None
    assert block.epsilon <= 3.6
    assert block.delta == 1e-6
    assert block.rho == pytest.approx(200 * 0.05**2 / 2)
    assert block_spend([0.05] * 2, 1e-9) == Spend(rho=0.05**2, epsilon=0.1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-4, 2), min_size=1, max_size=20))
def test_whole_units_never_round_a_cost_down(epsilons: list[float]) -> None:
    account = Account(epsilon=1.0, delta=1e-6)
    spent = Amount()
    for epsilon in epsilons:
        spent += Spend.pure(epsilon).amount
    zcdp = epsilon_of(math.fsum(e**2 / 2 for e in epsilons), account.delta / 2)
    assert spent.basic >= math.fsum(epsilons) * (1 - 1e-9)
    assert account.zcdp(spent) >= zcdp * (1 - 1e-6)
    assert account.guarantee(spent)[0] == min(spent.basic, account.zcdp(spent))


def test_an_account_is_full_where_both_sums_are() -> None:
    account = Account(epsilon=2.0, delta=1e-6)
    rho = rho_of(2.0, 5e-7)
    small, large = int(rho * UNITS), int(rho * UNITS) + 1
    assert account.covers(Amount(rho=small, epsilon=9 * UNITS))
    assert account.covers(Amount(rho=large, epsilon=2 * UNITS))
    assert not account.covers(Amount(rho=large, epsilon=2 * UNITS + 1))
    assert 1.999 < account.zcdp(Amount(rho=small)) <= 2.0


def test_half_of_delta_is_kept_for_the_conversion() -> None:
    account = Account(epsilon=2.0, delta=1e-6)
    assert account.covers(Spend.approximate(0.1, 5e-7).amount)
    assert not account.covers(Spend.approximate(0.1, 5.1e-7).amount)
    assert not Account(epsilon=2.0).covers(Spend.approximate(0.1, 1e-12).amount)


def test_the_tiniest_release_still_costs_a_unit() -> None:
    assert Spend.pure(1e-7).amount == Amount(rho=1, epsilon=100)
    assert Spend(rho=1e-12, epsilon=None, delta=1e-30).amount == Amount(
        rho=1, epsilon=None, delta=1
    )


def test_noise_costs_what_its_sensitivity_makes_it() -> None:
    laplace = Spend.of(DiscreteLaplace(scale=10.0), l1=5, l2_squared=5)
    assert (laplace.epsilon, laplace.rho) == (0.5, 0.125)
    gaussian = Spend.of(DiscreteGaussian(scale=10.0), l1=5, l2_squared=5)
    assert (gaussian.epsilon, gaussian.rho) == (None, 0.025)


def test_a_concentrated_loss_pays_its_rho_in_one_sum_and_epsilon_and_delta_in_the_other() -> None:
    account = Account(epsilon=1.0, delta=1e-6)
    rho = rho_of(0.5, 1e-7)
    gaussian = Spend.concentrated(rho, 0.5, 1e-7).amount
    pure = Spend.pure(0.5).amount
    # by zcdp the pure release alone is too much; by the sum both fit
    assert not account.covers(Amount(rho=(gaussian + pure).rho, epsilon=None))
    assert account.covers(gaussian + pure)
    assert account.guarantee(gaussian + pure) == (1.0, 1e-7)
    assert not account.covers(gaussian + gaussian + pure)


def test_concentrated_losses_compose_as_their_rhos_do() -> None:
    account = Account(epsilon=1.0, delta=1e-6)
    one = Spend.concentrated(rho_of(0.1, 1e-7), 0.1, 1e-7).amount
    as_pure = Spend.approximate(0.1, 1e-7).amount

    def most(each: Amount) -> int:
        spent, count = each, 0
        while account.covers(spent):
            spent, count = spent + each, count + 1
        return count

    assert most(as_pure) == 5  # half of delta is used up
    assert most(one) == int(rho_of(1.0, 5e-7) * UNITS) // one.rho > 50


def test_deltas_of_both_sums_and_the_conversion_stay_within_the_budget() -> None:
    account = Account(epsilon=1.0, delta=1e-6)
    gaussian = Spend.concentrated(1e-4, 0.01, 4e-7).amount
    threshold = Spend.approximate(0.001, 2e-7).amount
    assert account.covers(gaussian + gaussian)  # zcdp alone
    assert account.covers(gaussian)
    assert not account.covers(gaussian + threshold)  # 6e-7 of the 5e-7 that are not kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 2), st.sampled_from([0.0, 1e-9, 1e-7])), max_size=12),
)
def test_what_is_covered_is_within_the_budget_by_one_of_the_sums(
    losses: list[tuple[float, float]],
) -> None:
    account = Account(epsilon=2.0, delta=1e-6)
    spent, rho, epsilon, delta = Amount(), 0.0, 0.0, 0.0
    for own, failure in losses:
        own_rho = rho_of(own, failure) if failure else own**2 / 2
        each = Spend.concentrated(own_rho, own, failure) if failure else Spend.pure(own)
        if not account.covers(spent + each.amount):
            break
        spent, rho = spent + each.amount, rho + own_rho
        epsilon, delta = epsilon + own, delta + failure
    zcdp = epsilon_of(rho, account.delta / 2) if rho else 0.0
    assert (epsilon <= 2.0 + 1e-9 and delta <= 5e-7) or zcdp <= 2.0 + 1e-6


def test_gaussian_noise_needs_a_budget_with_delta() -> None:
    gaussian = Spend(rho=0.1, epsilon=None).amount
    assert not Account(epsilon=100.0).covers(gaussian)
    assert Account(epsilon=100.0, delta=1e-6).covers(gaussian)
    assert (gaussian + Spend.pure(1.0).amount).basic == math.inf


def test_zcdp_covers_more_small_queries_and_basic_more_large_ones() -> None:
    account = Account(epsilon=10.0, delta=1e-6)
    small, large = Spend.pure(0.01).amount, Spend.pure(1.0).amount

    def most(each: Amount) -> int:
        spent, count = each, 0
        while account.covers(spent):
            spent, count = spent + each, count + 1
        return count

    assert most(large) == 10  # by zcdp it would be 2
    assert most(small) > 20_000  # by the sum it would be 1,000


@pytest.mark.parametrize("epsilon", [0, -1, math.nan, math.inf, "1"])
def test_an_account_without_a_budget_is_refused(epsilon: object) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        Account(epsilon=epsilon)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Account(epsilon=1.0, period="decade"),  # type: ignore[arg-type]
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
