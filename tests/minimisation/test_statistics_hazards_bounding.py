"""Hazards of bounding: whatever one person holds, they move the figures no further than claimed."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from minimisation import Bounds, Column, StoreError
from minimisation.statistics import (
    audit,
    contributions,
    duckdb_engine,
    preparation,
    private_query,
)
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import Form, choose
from minimisation.statistics.text_form import parse
from tests.minimisation.custody import (
    ALLOWANCE,
    SHAPES,
    TABLE,
    exact,
    planned,
    row,
    stored,
    unweighted,
)

MILLION = """create or replace table custody as select 7::bigint as person, i + 1 as rank,
    i % {kinds} as offence, 48 as hours, 0 as wait, 1 as station_id from range(1000000) t(i)
    order by rank"""


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_a_person_of_a_million_rows_counts_as_the_bound(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    # all rows in one group, or spread over as many as may count
    for kinds, groups in ((1, 1), (4, 2)):
        connection.execute(MILLION.format(kinds=kinds))
        preparation.prepare(connection, TABLE, TABLE.prepared[0])
        vector = unweighted(plan, private_query.exact_vector(plan, connection))
        most = 4 if form == "prefix" else 2 * groups
        assert vector.sum(axis=1).tolist() == [
            most,
            min(4, kinds) if form == "prefix" else groups,
            most * 48,
        ]
    assert unweighted(plan, exact(plan, connection, {1: [row()]}))[:, 0].tolist() == [1, 1, 48]


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_replacing_somebody_costs_at_most_twice_the_claim(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    change = exact(plan, connection, {1: [row(0)] * 9}) - exact(plan, connection, {1: [row(1)] * 9})

    assert plan.vector.l1 < np.abs(change).sum() * 2 <= 4 * plan.vector.l1
    assert np.abs(change).sum() <= 2 * plan.vector.l1


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_two_ids_of_one_person_cost_at_most_twice_the_claim(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    rows = [row(place % 4) for place in range(12)]
    change = np.abs(exact(plan, connection, {1: rows, 2: rows}) - exact(plan, connection, {}))

    assert plan.vector.l1 < change.sum() <= 2 * plan.vector.l1


def test_ties_of_the_hash_keep_no_group_more(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(SHAPES[2][1])
    tied = compile_query(plan).replace("hash(person, cell, 4)", "hash(1)")
    assert tied != compile_query(plan)
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: tied)

    vector = unweighted(plan, exact(plan, connection, {1: [row(n % 4) for n in range(40)]}))

    assert vector[:2].sum(axis=1).tolist() == [4, 2]


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_rows_of_nobody_count_nowhere(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    stored({1: [row()]}).store(connection, "custody")
    connection.execute(
        "insert into custody select null, null, custody.* exclude (person, rank)"
        " from custody, range(50)"
    )
    if form == "prepared":
        preparation.prepare(connection, TABLE, TABLE.prepared[0])

    assert unweighted(plan, private_query.exact_vector(plan, connection)).sum(axis=1)[0] == 1


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_everybody_adds_the_same_whoever_else_is_there(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    people = dict(audit.invent(plan, np.random.default_rng(4), 12).people)
    everybody = {one: [{**own, "station_id": 1} for own in rows] for one, rows in people.items()}
    alone = [exact(plan, connection, {one: rows}) for one, rows in everybody.items()]

    assert np.array_equal(exact(plan, connection, everybody), np.sum(alone, axis=0))


@pytest.mark.parametrize(("form", "text"), SHAPES[1:])
def test_people_numbered_by_their_place_among_others_are_caught(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    # removing the first then renumbers everybody, and with that the groups they keep
    plan = planned(text, form)
    rows = [[row(place % 4, hours=place) for place in range(4)] for _ in range(40)]
    whole = exact(plan, connection, dict(enumerate(rows)))
    change = np.abs(whole - exact(plan, connection, dict(enumerate(rows[1:], 7))))

    assert change.sum() > plan.vector.l1


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_threads_order_and_reopening_change_nothing(tmp_path: Path, form: Form, text: str) -> None:
    plan = planned(text, form)
    people = audit.invent(plan, np.random.default_rng(5), 60).people
    with duckdb.connect(str(tmp_path / "a.db"), config={"threads": 1}) as first:
        stored(dict(people)).store(first, plan.source)
        once = private_query.exact_vector(plan, first)
        assert np.array_equal(once, private_query.exact_vector(plan, first))
    with duckdb.connect(str(tmp_path / "a.db"), config={"threads": 2}) as second:
        assert np.array_equal(once, private_query.exact_vector(plan, second))
        shuffled = (
            f"create or replace table {plan.source} as from {plan.source} order by hash(rowid)"
        )
        second.execute(shuffled)
        assert np.array_equal(once, private_query.exact_vector(plan, second))


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ("insert into station values (1, 1)", "one row of 'station'"),
        ("update custody set person = null", "every row a person"),
        ("update custody set rank = 1", "rank each person's rows"),
        ("update custody set rank = rank + 1", "rank each person's rows"),
    ],
)
def test_a_store_that_breaks_a_promise_is_refused(
    connection: duckdb.DuckDBPyConnection, change: str, promise: str
) -> None:
    stored({1: [row(), row()]}).store(connection, "custody")
    preparation.refuse_broken_promises(connection, TABLE)
    connection.execute(change)
    with pytest.raises(StoreError, match=promise):
        preparation.refuse_broken_promises(connection, TABLE)


def test_merged_people_must_be_ranked_again(connection: duckdb.DuckDBPyConnection) -> None:
    stored({1: [row()] * 9, 2: [row()] * 9}).store(connection, "custody")
    connection.execute("update custody set person = 1")
    with pytest.raises(StoreError, match="rank each person's rows"):
        preparation.refuse_broken_promises(connection, TABLE)


def test_a_person_of_too_many_rows_is_refused(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preparation.MOST_ROWS == 2**31
    monkeypatch.setattr(preparation, "MOST_ROWS", 3)
    stored({1: [row(), row()]}).store(connection, "custody")
    preparation.refuse_broken_promises(connection, TABLE)
    stored({1: [row(), row(), row()]}).store(connection, "custody")
    with pytest.raises(StoreError, match="fewer than 3 rows of one person"):
        preparation.refuse_broken_promises(connection, TABLE)


@pytest.mark.parametrize("end", ["low", "high"])
def test_totals_of_two_to_the_31_rows_are_bounded_without_overflow(
    connection: duckdb.DuckDBPyConnection, end: str
) -> None:
    # the widest column whose totals are added in 64 bits; every row of one person at one bound
    domain = Bounds(low=-(2**25), high=2**25 - 1)
    hours = Column(name="hours", role="other", domain=domain)
    table = replace(TABLE, columns=(*TABLE.columns[:1], hours, TABLE.columns[2]))
    text = "rows, persons, sum(hours), mean(hours) by offence where hours <= 9"
    plan = choose(parse(text, "custody"), table, replace(ALLOWANCE, rows=3))
    at = getattr(domain, end)
    assert "cast(coalesce(sum" in compile_query(plan)
    totals = (
        f"totals as (select 1::bigint as person, 0::bigint as cell, {2**31}::bigint as rows_here,"
        f" {2**31}::bigint as known_hours, ({2**31 * int(at)})::bigint as total_hours)"
    )
    steps = ", ".join([totals, contributions.scaled_step(plan), contributions.bounded_step(plan)])
    found = connection.execute(f"with {steps} select * from bounded").fetchone()

    centre = 2 * at - (domain.low + domain.high)
    assert found is not None
    assert found[2:5] == (3, 1, 3 * at)
    assert sorted(found[5:]) == sorted((3, 3 * centre))


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_values_that_no_domain_holds_are_an_error_or_held_never_wrapped(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    try:
        vector = exact(plan, connection, {1: [row(hours=2**62)] * 8})
    except StoreError:
        return
    assert (vector >= 0).all()
    assert (vector <= 2**62).all()
    assert vector.any()


@pytest.mark.parametrize(("form", "text"), SHAPES)
@pytest.mark.parametrize("others", [4, 5])
def test_an_added_person_pushes_nobody_out_of_an_odd_or_an_even_table(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str, others: int
) -> None:
    # a table that is cut to an even length changes by two when it grows by one
    plan = planned(text, form)
    people = {number: [row(number % 4)] for number in range(1, others + 1)}
    before = exact(plan, connection, people)
    change = exact(plan, connection, people | {99: [row(0)]}) - before

    assert (change >= 0).all()
    assert unweighted(plan, change).sum(axis=1).tolist() == [1, 1, 48]
