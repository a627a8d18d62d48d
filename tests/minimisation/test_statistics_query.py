"""What typed private queries answer, the SQL that they become, and the form that is picked."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from minimisation import UseCaseError
from minimisation.statistics import duckdb_engine, private_query
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.noise import DiscreteLaplace
from minimisation.statistics.parts import Plan
from minimisation.statistics.planner import Allowance, choose
from minimisation.statistics.text_form import parse
from tests.minimisation.custody_events import (
    ALLOWANCE,
    FIGURES,
    SHAPES,
    TABLE,
    load,
    planned,
    random_events,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "private_queries"


def test_the_three_forms_agree_exactly_where_no_bound_bites(
    store: duckdb.DuckDBPyConnection,
) -> None:
    events = random_events(np.random.default_rng(2), 40)
    load(store, [row for rows in events.values() for row in rows])
    wide = Allowance(in_all=100, groups=12, rows=100)
    query = parse(f"{FIGURES} by offence, sex", "custody")
    sums = {}
    for form in ("prefix", "prepared", "ad_hoc"):
        plan = choose(query, TABLE, wide, form)
        exact = private_query.exact_vector(plan, store)
        weights = np.array([part.weight for part in plan.vector.parts])[:, None]
        sums[form] = exact // weights
    assert np.array_equal(sums["prefix"], sums["prepared"])
    assert np.array_equal(sums["prefix"], sums["ad_hoc"])
    assert sums["prefix"][0].sum() == sum(map(len, events.values()))


def test_a_query_answers_what_plain_sql_answers(store: duckdb.DuckDBPyConnection) -> None:
    events = random_events(np.random.default_rng(5), 60)
    load(store, [row for rows in events.values() for row in rows])
    plan = choose(
        parse(f"{FIGURES} by sex where hours >= 5.5", "custody"),
        TABLE,
        Allowance(groups=3, rows=100),
    )
    assert plan.form == "ad_hoc"
    noise_free = DiscreteLaplace(scale=1e-3)
    released = private_query.finish(plan, [private_query.exact_vector(plan, store)], noise_free)
    plain = store.execute(
        "select count(*), count(distinct person), sum(hours / 2), avg(hours / 2),"
        " var_pop(hours / 2) from events where hours >= 11 group by sex order by sex nulls last"
    ).fetchall()
    columns = ["rows", "persons", "sum_hours", "mean_hours", "variance_hours"]
    got = [tuple(row[name] for name in columns) for row in released.to_pylist()]
    assert released.column("sex").to_pylist() == ["f", "m", "missing"]
    for ours, theirs in zip(got, plain, strict=True):
        assert ours == pytest.approx(theirs)


def test_noise_stays_inside_its_intervals_from_end_to_end(
    store: duckdb.DuckDBPyConnection,
) -> None:
    events = random_events(np.random.default_rng(6), 80)
    load(store, [row for rows in events.values() for row in rows])
    plan = planned("prepared")
    added = private_query.noise_of(plan, 2.0, 0.0)
    exact = private_query.finish(plan, [private_query.exact_vector(plan, store)], added)
    misses = dict.fromkeys(exact.column_names, 0)
    trials = 300
    for _ in range(trials):
        got = private_query.finish(plan, [private_query.run(plan, store, added)], added)
        for name in ("rows", "persons", "sum_hours", "mean_hours", "variance_hours"):
            truth = exact.column(name)[4].as_py()
            low, high = got.column(f"{name}_low")[4].as_py(), got.column(f"{name}_high")[4].as_py()
            misses[name] += not low - 1e-9 <= truth <= high + 1e-9
    # 5 % of 300 is 15; more than 35 has probability below 1e-6
    assert max(misses.values()) <= 35


@pytest.mark.parametrize("name", SHAPES)
def test_a_query_compiles_to_its_golden_sql(name: str) -> None:
    # of so few cells, rows are looked at first where one of them is kept
    kept = 1 if name == "ad_hoc_rows_first" else ALLOWANCE.groups
    expected = (GOLDEN / f"{name}.sql").read_text("utf-8")
    assert compile_query(planned(name, replace(ALLOWANCE, groups=kept))) + "\n" == expected


@pytest.mark.parametrize("name", SHAPES)
def test_no_query_sums_a_float(store: duckdb.DuckDBPyConnection, name: str) -> None:
    load(store, [(1, 1, 0, 0, 5, 1)])
    text = compile_query(planned(name))
    assert "double" not in text.lower()
    kinds = {str(kind) for kind in store.sql(text).types[1:]}
    assert kinds == {"BIGINT"}


def test_the_planner_picks_by_public_facts() -> None:
    def pick(text: str) -> str:
        return choose(parse(text, "custody"), TABLE, ALLOWANCE).form

    assert pick("rows by sex, offence") == "prepared"
    assert pick("rows by offence where offence in ('drugs', 'theft')") == "prepared"
    assert pick("rows by hours") == "prefix"
    assert pick("rows by offence where offence = 'drugs'") == "ad_hoc"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("rows by officer_id", "must be one a query may use"),
        ("rows by nothing", "must be one a query may use"),
        ("sum(offence)", "must have bounds"),
        ("rows where hours = 'long'", "must be declared ones"),
        ("rows where offence = 'murder'", "must be declared ones"),
        ("rows where offence >= 3", "must have bounds"),
        ("rows where sex = 'f' or offence = 'murder'", "must be declared ones"),
        ("rows where sex = offence", "must have the same categories"),
        ("rows where hours = hours", "must have the same categories"),
        ("rows where sex = nothing", "must be one a query may use"),
        ("sum(hours, 30, 40)", "must leave low < high"),
        ("sum(hours, 0, 12), mean(hours)", "must be the same"),
        ("rows by other.size", "must be one that 'custody' refers to"),
    ],
)
def test_a_query_outside_the_declared_columns_is_refused(text: str, rule: str) -> None:
    with pytest.raises(UseCaseError, match=rule):
        choose(parse(text, "custody"), TABLE, ALLOWANCE)


@pytest.mark.parametrize(
    ("form", "text"),
    [("prefix", "rows where sex = 'f'"), ("prepared", "rows by hours"), ("magic", "rows")],
)
def test_a_form_that_cannot_answer_is_refused(form: str, text: str) -> None:
    with pytest.raises(UseCaseError, match="form"):
        choose(parse(text, "custody"), TABLE, ALLOWANCE, form)  # type: ignore[arg-type]


def test_an_unregistered_table_is_refused() -> None:
    with pytest.raises(UseCaseError, match="registered"):
        choose(parse("rows", "custody_copy"), TABLE, ALLOWANCE)


def test_alternatives_never_count_rows_of_nobody(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(store, [(1, 1, 1, 0, 5, 1), (2, 2, 0, 1, 5, 1), (3, 3, 0, 0, 5, 2), (None, 4, 1, 0, 5, 2)])  # type: ignore[list-item]  # a broken load
    plan = choose(
        parse("rows where offence = 'drugs' or station.size = 'l'", "custody"), TABLE, ALLOWANCE
    )
    assert private_query.exact_vector(plan, store).tolist() == [[2]]

    together = '(("custody"."offence" in (1)) or ("station"."size" in (1)))'
    loose = compile_query(plan).replace(together, together[1:-1])
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: loose)
    assert private_query.exact_vector(plan, store).tolist() == [[3]]


@pytest.mark.parametrize("bound", ["in_all", "groups", "rows"])
def test_an_allowance_below_one_is_refused(bound: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Allowance(**{bound: 0})


def test_a_prefix_spreads_persons_over_at_most_its_rows() -> None:
    def by_offence(text: str) -> Plan:
        return choose(parse(text, "custody"), TABLE, Allowance(in_all=3)).vector

    assert (by_offence("persons by offence").l1, by_offence("persons by offence").l2_squared) == (
        3,
        3,
    )
    assert (by_offence("rows by offence").l1, by_offence("rows by offence").l2_squared) == (3, 9)
    # 48 half hours of bound, three rows
    assert by_offence("sum(hours) by offence").l2_squared == (3 * 48) ** 2
