"""Quotes before spending: they cost nothing, and what is released keeps to them."""

import duckdb
import numpy as np
import pytest

from minimisation import Bounds, Categories, Column, UseCaseError
from minimisation.statistics import audit, private_query
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.planner import Allowance, QueryPlan, choose
from minimisation.statistics.quote import Width, epsilon_for, half_width, quote
from minimisation.statistics.text_form import parse

TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=("a", "b", "c", "d"))),
        Column(name="age", role="other", domain=Bounds(low=10, high=90)),
    ),
)


def planned(text: str) -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, Allowance(in_all=2))


@pytest.mark.parametrize("forces", [1, 3])
def test_a_release_has_the_intervals_that_were_quoted(forces: int) -> None:
    plan = planned("rows, persons, sum(age) by offence")
    offer = quote(plan, 0.5, forces=forces)
    with duckdb.connect() as connection:
        audit.invent(plan, np.random.default_rng(1), 9).store(connection, plan.source)
        vectors = [private_query.run(plan, connection, offer.added) for _ in range(forces)]
    table = private_query.finish(plan, vectors, offer.added)
    for width in offer.widths:
        value, high = (table.column(width.measure + end).to_numpy() for end in ("", "_high"))
        assert high - value == pytest.approx(width.half)


def test_a_mean_is_quoted_for_a_number_of_rows() -> None:
    plan = planned("mean(age), variance(age) by offence")
    offer = quote(plan, 1.0)
    means = [width for width in offer.widths if width.measure == "mean_age"]
    assert [width.rows for width in means] == [100, 1000, 10_000]
    assert means[0].half > 3 * means[1].half > 9 * means[2].half > 0
    with pytest.raises(ValueError, match="at least 1"):
        half_width(plan, plan.query.measures[0], offer.added)


def test_a_quoted_mean_is_about_as_wide_as_a_released_one() -> None:
    plan = planned("mean(age)")
    offer = quote(plan, 1.0)
    people = {n: [{"offence": 0, "age": 10 + n % 81}] for n in range(1000)}
    with duckdb.connect() as connection:
        audit.Invented(table=TABLE, people=people, referred={}).store(connection, plan.source)
        table = private_query.finish(
            plan, [private_query.run(plan, connection, offer.added)], offer.added
        )
    released = (
        table.column("mean_age_high")[0].as_py() - table.column("mean_age_low")[0].as_py()
    ) / 2
    assert released == pytest.approx(offer.widths[1].half, rel=0.15)


def test_a_quote_is_the_price_that_is_charged() -> None:
    offer = quote(planned("rows by offence"), 0.25)
    assert offer.cost.epsilon == 250_000_000


@pytest.mark.parametrize(
    ("text", "measure", "half", "rows"),
    [
        ("rows by offence", "rows", 12.0, None),
        ("rows, sum(age) by offence", "sum_age", 900.0, None),
        ("mean(age) by offence", "mean_age", 1.5, 1000),
    ],
)
def test_the_epsilon_for_an_interval_gives_that_interval_and_hardly_less(
    text: str, measure: str, half: float, rows: int | None
) -> None:
    plan = planned(text)
    found = epsilon_for(plan, Width(measure=measure, half=half, rows=rows))
    asked = next(each for each in plan.query.measures if each.name == measure)

    def width(epsilon: float) -> float:
        return half_width(plan, asked, private_query.noise_of(plan, epsilon, 0.0), rows=rows)

    assert width(found) <= half < width(found * 0.99)


def test_gaussian_noise_needs_less_epsilon_where_a_vector_is_wide() -> None:
    plan = choose(parse("persons by offence", "custody"), TABLE, Allowance(groups=4), "ad_hoc")
    wanted = Width(measure="persons", half=30.0)
    assert epsilon_for(plan, wanted, delta=1e-3) <= epsilon_for(plan, wanted)


@pytest.mark.parametrize(
    ("measure", "half", "rule"),
    [
        ("mean_age", 1.0, "one that is asked"),
        ("rows", 0.0, "positive"),
        ("rows", float("nan"), "positive"),
        ("rows", 1e-9, "wider"),
    ],
)
def test_an_impossible_wish_is_refused(measure: str, half: float, rule: str) -> None:
    plan = choose(parse("rows", "custody"), TABLE, Allowance(in_all=200))
    with pytest.raises(UseCaseError, match=rule):
        epsilon_for(plan, Width(measure=measure, half=half))
