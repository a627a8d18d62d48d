"""What a private query engine must survive: every hazard by number, and the test that covers it."""

import ast
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pytest

from minimisation import Bounds, BudgetExceededError, Categories, Column, StoreError, UseCaseError
from minimisation.forces.log import Log
from minimisation.statistics import (
    audit,
    compiler,
    duckdb_engine,
    noise,
    preparation,
    private_query,
)
from minimisation.statistics.accounting import NOTHING, Account, Spend
from minimisation.statistics.audit import Invented, Row
from minimisation.statistics.catalogue import Prepared, Reference, StoredTable
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.desk import Answer, Asking, Desk, ask
from minimisation.statistics.ledger import Ledger
from minimisation.statistics.noise import DiscreteLaplace
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.query import Measure, Query
from minimisation.statistics.text_form import parse

HERE = Path(__file__).parent
COVERED: dict[str, tuple[str, ...]] = {
    "1 one row, a million rows": ("test_a_person_of_a_million_rows_counts_as_the_bound",),
    "2 keys redefined after truncation": ("test_a_query_that_breaks_its_claim_is_caught",),
    "3 add or remove is not replace": ("test_replacing_somebody_costs_at_most_twice_the_claim",),
    "4 identical rows, hash ties": ("test_ties_of_the_hash_keep_no_group_more",),
    "5 null person ids": ("test_rows_of_nobody_count_nowhere",),
    "7 one person under two ids": ("test_two_ids_of_one_person_cost_at_most_twice_the_claim",),
    "8 removing one changes nobody else": (
        "test_everybody_adds_the_same_whoever_else_is_there",
        "test_people_numbered_by_their_place_among_others_are_caught",
    ),
    "9 same query, same aggregate": ("test_threads_order_and_reopening_change_nothing",),
    "10 join fan-out": (
        "test_a_join_that_doubles_rows_is_caught",
        "test_a_store_that_breaks_a_promise_is_refused",
    ),
    "11 unregistered table": ("test_an_unregistered_table_is_refused",),
    "12 bounds": (
        "test_bounds_become_whole_multiples_with_halves_away_from_zero",
        "test_bounds_that_are_no_interval_are_refused",
    ),
    "13 overflow": (
        "test_bounds_that_could_overflow_are_refused_before_anything_runs",
        "test_a_query_that_could_overflow_is_refused_without_data",
    ),
    "14 odd halving": ("test_bounds_become_whole_multiples_with_halves_away_from_zero",),
    "14a totals are clipped": (
        "test_the_total_is_clipped_not_each_row",
        "test_totals_that_are_not_clipped_are_caught",
    ),
    "14b merging ids re-ranks": ("test_merged_people_must_be_ranked_again",),
    "14c ties at the k-th hash": ("test_ties_of_the_hash_keep_no_group_more",),
    "14d a filter after the prefix": ("test_a_form_that_cannot_answer_is_refused",),
    "14e 32-bit integers, leaking errors": (
        "test_large_values_do_not_overflow",
        "test_an_error_of_the_noise_source_prints_no_value",
    ),
    "15 NaN": ("test_a_value_that_is_not_a_number_counts_as_missing",),
    "16 float sums": (
        "test_no_query_sums_a_float",
        "test_a_sum_in_doubles_is_caught_where_whole_numbers_are_not",
    ),
    "17 overflow raises": ("test_a_query_that_could_overflow_is_refused_without_data",),
    "19 casts, modulo and bins that fail": ("test_anything_else_is_refused",),
    "20 noise distribution": (
        "test_drawn_noise_has_the_claimed_distribution",
        "test_noise_has_the_same_support_on_neighbours",
    ),
    "21 forks, threads, seeds": (
        "test_forked_processes_and_threads_draw_noise_of_their_own",
        "test_two_draws_differ_because_no_seed_exists",
    ),
    "22 a unique key": ("test_a_threshold_one_lower_would_break_delta",),
    "23 declared keys without rows": ("test_cells_without_rows_are_noised_like_any_other",),
    "24 rows outside the keys": (
        "test_rows_outside_the_declared_labels_are_dropped_without_an_error",
        "test_an_undeclared_code_is_no_error",
    ),
    "25 order": ("test_cells_come_in_declared_order_whatever_the_data",),
    "26 thresholds count persons": (
        "test_a_key_of_one_person_is_hidden_however_many_draws",
        "test_a_rare_key_stuffed_by_one_person_stays_hidden",
    ),
    "27 tiny delta": ("test_a_tiny_delta_hides_everything_without_a_crash",),
    "28 races": ("test_of_processes_that_race_for_the_last_of_it_exactly_one_wins",),
    "29 kill -9": ("test_a_process_that_is_killed_has_paid",),
    "30 errors mid-query": ("test_an_error_after_the_start_has_paid",),
    "30a all or none": ("test_a_force_that_cannot_pay_costs_the_others_nothing",),
    "31 disk, copies, clock": (
        "test_a_full_disk_means_that_nothing_runs",
        "test_a_ledger_restored_from_a_copy_is_noticed",
        "test_a_clock_that_was_turned_back_is_noticed",
    ),
    "32 impossible budgets": (
        "test_an_impossible_epsilon_is_refused",
        "test_an_impossible_delta_is_refused",
    ),
    "33 zero cost": ("test_a_cost_of_zero_is_impossible",),
    "34 k measures cost k": ("test_every_measure_and_hidden_count_is_paid_for",),
    "35 a view, copy or rename": ("test_another_name_for_a_table_does_not_reset_the_budget",),
    "36 parallel composition": ("test_disjoint_rows_are_no_discount",),
    "37 identical and near-identical": (
        "test_an_identical_request_is_free_and_byte_identical",
        "test_a_nearly_identical_request_is_charged",
    ),
    "38 public refusals": ("test_a_refusal_comes_before_any_row_is_read",),
    "39 weekly re-releases": (
        "test_weekly_releases_add_up_within_a_period_and_begin_anew_after_it",
    ),
    "40 averaging": ("test_an_identical_request_is_free_and_byte_identical",),
    "41 differencing": (
        "test_disjoint_rows_are_no_discount",
        "test_everybody_but_one_is_refused",
    ),
    "42 random subsets": ("test_a_budget_stops_reconstruction_by_subsets",),
    "43 figures one person decides": ("test_anything_else_is_refused",),
    "44 expressions that can fail": ("test_anything_else_is_refused",),
    "45 error text": (
        "test_an_error_of_the_store_prints_no_value",
        "test_an_error_of_the_noise_source_prints_no_value",
    ),
    "46 latency": ("test_noise_is_drawn_in_one_batch",),
    "47 size and pattern of the result": ("test_size_and_gaps_do_not_depend_on_data",),
    "48 noise scale": ("test_size_and_gaps_do_not_depend_on_data",),
    "52 debug switches": ("test_no_switch_turns_the_noise_off",),
    "53 record and replay": (
        "test_no_person_moves_a_query_past_its_claim",
        "test_the_epsilon_that_draws_show_is_never_above_the_claim",
        "test_noise_that_is_off_shows_an_epsilon_above_the_claim",
        "test_a_bound_off_by_one_shows_an_epsilon_above_the_claim",
    ),
    # faults of another engine, by its issue number
    "opendp 2938 a failed cast counts for free": ("test_anything_else_is_refused",),
    "opendp 2939 NaN falls out of its bin": ("test_a_value_that_is_not_a_number_is_in_a_bin",),
    "opendp 2940 modulo zero counts for free": ("test_anything_else_is_refused",),
    "opendp 2941 a 32-bit float overflows": ("test_no_query_sums_a_float",),
    "opendp 2942 a garbled date stops the query": ("test_an_undeclared_code_is_no_error",),
    "opendp 2944 bins numbered as they appear": ("test_a_bin_is_numbered_by_its_public_edges",),
    "opendp 2945 a full group changes by twice its size": (
        "test_replacing_somebody_costs_at_most_twice_the_claim",
    ),
    "opendp 2949 keys merged after truncation": ("test_a_query_that_breaks_its_claim_is_caught",),
}
"""Hazard → tests that cover it. Those of loading, files and processes are the force's own."""


@cache
def all_tests() -> frozenset[str]:
    found = set()
    for path in HERE.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return frozenset(found)


@pytest.mark.parametrize("hazard", COVERED)
def test_every_hazard_has_its_tests(hazard: str) -> None:
    assert set(COVERED[hazard]) <= all_tests()


def test_no_hazard_was_dropped() -> None:
    numbers = {hazard.split()[0] for hazard in COVERED}
    elsewhere = {"6", "18", "49", "50", "51"}  # loading, locked connections, spill files
    assert {str(number) for number in range(1, 54)} - numbers == elsewhere


TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=("a", "b", "c", "d"))),
        Column(name="hours", role="other", domain=Bounds(low=0, high=24, step=0.5, edges=(6, 12))),
        Column(name="wait", role="other", domain=Bounds(low=0, high=9, edges=(3,)), optional=True),
    ),
    references={
        "station": Reference(
            table="station",
            by="station_id",
            key="station_id",
            columns=(Column(name="size", role="other", domain=Categories(values=("s", "l"))),),
        )
    },
    prepared=(Prepared(table="by_offence", population=(), by=("offence",)),),
)
SHAPES: tuple[tuple[Form, str], ...] = (
    ("prefix", "rows, persons, sum(hours) by offence"),
    ("prepared", "rows, persons, sum(hours) by offence"),
    ("ad_hoc", "rows, persons, sum(hours) by offence where hours >= 0"),
)
ALLOWANCE = Allowance(in_all=4, groups=2, rows=2)


def planned(text: str, form: Form | None = None) -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, ALLOWANCE, form)


def row(offence: int | None = 0, hours: int | None = 48, wait: int | None = 0) -> Row:
    return {"offence": offence, "hours": hours, "wait": wait, "station_id": 1}


def stored(people: dict[int, list[Row]]) -> Invented:
    return Invented(table=TABLE, people=people, referred={"station": [{"size": 0}, {"size": 1}]})


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def exact(
    plan: QueryPlan, connection: duckdb.DuckDBPyConnection, people: dict[int, list[Row]]
) -> noise.Integers:
    stored(people).store(connection, plan.source)
    return private_query.exact_vector(plan, connection)


def unweighted(plan: QueryPlan, vector: noise.Integers) -> noise.Integers:
    return vector // np.array([part.weight for part in plan.vector.parts])[:, None]


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


@pytest.mark.parametrize("bounds", [(1, 0), (3, 3), (float("nan"), 5), (0, float("inf"))])
def test_bounds_that_are_no_interval_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises((ValueError, UseCaseError), match="must"):
        choose(summing(*bounds), TABLE, ALLOWANCE)


def summing(low: float, high: float) -> Query:
    return Query(
        table="custody", measures=(Measure(kind="sum", column="hours", low=low, high=high),)
    )


def test_a_query_that_could_overflow_is_refused_without_data() -> None:
    huge = Column(name="hours", role="other", domain=Bounds(low=0, high=2**52))
    wide = replace(TABLE, columns=(huge,))
    with pytest.raises(UseCaseError, match=r"2\^53"):
        choose(parse("sum(hours)", "custody"), wide, Allowance(in_all=10))
    with pytest.raises(UseCaseError, match="narrower"):
        choose(parse("variance(hours)", "custody"), wide, Allowance(in_all=1))


def test_noise_has_the_same_support_on_neighbours() -> None:
    drawn = [
        set(noise.perturb(np.full(4000, start), DiscreteLaplace(scale=1.0)).tolist())
        for start in (0, 1)
    ]
    assert set(range(-3, 5)) <= drawn[0] & drawn[1]


def large_draw(_: int) -> bytes:
    return noise.perturb(np.zeros(20, dtype=np.int64), DiscreteLaplace(scale=1e9)).tobytes()


def test_forked_processes_and_threads_draw_noise_of_their_own() -> None:
    large_draw(0)  # the source is open before the fork
    with multiprocessing.get_context("fork").Pool(3) as processes:
        forked = processes.map(large_draw, range(6), chunksize=1)
    with ThreadPoolExecutor(3) as threads:
        threaded = list(threads.map(large_draw, range(6)))
    assert len({*forked, *threaded}) == 12


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_cells_without_rows_are_noised_like_any_other(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    stored({}).store(connection, plan.source)
    added = DiscreteLaplace(scale=1e6)
    noisy = private_query.run(plan, connection, added)

    assert (noisy != 0).all()
    assert private_query.finish(plan, [noisy], added).num_rows == 4


def test_an_undeclared_code_is_no_error(connection: duckdb.DuckDBPyConnection) -> None:
    for form, text in SHAPES:
        plan = planned(text, form)
        vector = exact(plan, connection, {1: [row(99), row(-5), row(None)], 2: [row(3)]})
        assert unweighted(plan, vector)[0].tolist() == [0, 0, 0, 1]


def test_cells_come_in_declared_order_whatever_the_data(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    plan = planned("rows by offence")
    for people in ({1: [row(3)], 2: [row(0)]}, {1: [row(1)]}, {}):
        stored(people).store(connection, plan.source)
        added = DiscreteLaplace(scale=1.0)
        table = private_query.finish(plan, [private_query.run(plan, connection, added)], added)
        assert table.column("offence").to_pylist() == ["a", "b", "c", "d"]


def test_a_rare_key_stuffed_by_one_person_stays_hidden(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    # what thresholds are given are persons, which rows cannot raise
    plan = planned("persons by offence where hours >= 0")
    assert unweighted(plan, exact(plan, connection, {1: [row(2)] * 500}))[0].tolist() == [
        0,
        0,
        1,
        0,
    ]


def test_every_measure_and_hidden_count_is_paid_for() -> None:
    def scale(text: str) -> float:
        plan = planned(text, "prefix")
        added = private_query.noise_of(plan, 1.0, 0.0)
        return added.scale / plan.vector.parts[0].weight / plan.vector.parts[0].most

    alone = scale("rows by offence")
    assert scale("rows, sum(hours) by offence") == pytest.approx(2 * alone, rel=0.1)
    # a mean has its own count beside the centred sum
    assert scale("mean(hours) by offence") == pytest.approx(2 * alone, rel=0.1)
    assert scale("rows, mean(hours), sum(wait) by offence") == pytest.approx(4 * alone, rel=0.1)


def test_an_error_of_the_store_prints_no_value(connection: duckdb.DuckDBPyConnection) -> None:
    plan = planned("sum(hours) by offence", "prefix")
    stored({1: [row()]}).store(connection, plan.source)
    connection.execute(
        "create or replace table custody as select 1 as person, 1 as rank,"
        " 0 as offence, 'SYN-Name' as hours"
    )
    with pytest.raises(StoreError) as caught:
        private_query.exact_vector(plan, connection)
    assert "SYN-Name" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_noise_is_drawn_in_one_batch(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(SHAPES[0][1])
    stored({1: [row()]}).store(connection, plan.source)
    drawn: list[int] = []
    monkeypatch.setattr(noise, "_draw", lambda values, _: drawn.append(len(values)) or values)
    private_query.run(plan, connection, DiscreteLaplace(scale=1.0))
    assert drawn == [3 * 4]


@pytest.mark.parametrize(("form", "text"), SHAPES)
def test_size_and_gaps_do_not_depend_on_data(
    connection: duckdb.DuckDBPyConnection, form: Form, text: str
) -> None:
    plan = planned(text, form)
    added = private_query.noise_of(plan, 1.0, 0.0)
    shapes = set()
    for people in ({}, {1: [row()]}, {n: [row(n % 4)] * 5 for n in range(1, 40)}):
        stored(people).store(connection, plan.source)
        table = private_query.finish(plan, [private_query.run(plan, connection, added)], added)
        gaps = sum(column.null_count for column in table.columns)
        shapes.add((table.num_rows, gaps, private_query.noise_of(plan, 1.0, 0.0)))
    assert shapes == {(4, 0, added)}


def test_no_switch_turns_the_noise_off() -> None:
    folder = Path(noise.__file__).parent
    for path in folder.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "environ" not in text
        assert "getenv" not in text
        assert "seed(" not in text


def test_a_bin_is_numbered_by_its_public_edges(connection: duckdb.DuckDBPyConnection) -> None:
    plan = planned("rows by hours")
    for people in ({1: [row(hours=30)]}, {1: [row(hours=30)], 2: [row(hours=1)]}):
        assert unweighted(plan, exact(plan, connection, people))[0, 2] == 1


def test_a_value_that_is_not_a_number_is_in_a_bin(connection: duckdb.DuckDBPyConnection) -> None:
    # NaN is stored as missing, which is a bin of its own, so that counts add up
    plan = planned("rows by wait")
    vector = unweighted(plan, exact(plan, connection, {1: [row(wait=None), row(wait=3)]}))
    assert plan.table.labels("wait") == ("0 to <3", "3 to 9", "missing")
    assert vector[0].tolist() == [0, 1, 1]


ASKING = Asking(purpose="testing", analyst="a")
FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def desks(
    connection: duckdb.DuckDBPyConnection, folder: Path, budgets: dict[str, float]
) -> list[Desk]:
    if not connection.execute("select 1 from duckdb_tables()").fetchall():
        stored({n: [row(n % 4)] * 3 for n in range(1, 30)}).store(connection, "by_offence")
    return [
        Desk(
            force=force,
            connection=connection,
            ledger=Ledger(
                log=Log(
                    path=folder / f"{force}.sqlite",
                    anchor=folder / f"{force}-anchor.sqlite",
                    key=b"k" * 32,
                    name=f"{force}/ledger",
                ),
                releases=folder / force,
                clock=lambda: FIRST,
            ),
            account=Account(epsilon=budget),
            snapshot="one",
        )
        for force, budget in budgets.items()
    ]


def answered(members: list[Desk], text: str = "rows by offence", epsilon: float = 0.6) -> Answer:
    return ask(planned(text), members, epsilon, 0.0, ASKING)


def spent(members: list[Desk]) -> list[float]:
    return [desk.ledger.spent().basic for desk in members]


def test_all_forces_answer_together_and_each_pays(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0, "brackwell": 1.0})
    answer = answered(members)
    assert spent(members) == [0.6, 0.6]
    assert answer.table.num_rows == 4
    rows = answer.table.column("rows").to_pylist()
    assert 0 < sum(rows) < 2 * 2 * 87  # both forces' people, within the bound and the noise


def test_a_force_that_cannot_pay_costs_the_others_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0, "brackwell": 0.5})
    with pytest.raises(BudgetExceededError):
        answered(members)
    assert spent(members) == [0.0, 0.0]


def test_an_error_after_the_start_has_paid(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    connection.execute("drop table by_offence")
    with pytest.raises(StoreError):
        answered(members)
    assert spent(members) == [0.6]


def test_an_identical_request_is_free_and_byte_identical(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    first = answered(members)
    again = [answered(members) for _ in range(5)]
    assert spent(members) == [0.6]
    assert all(each.table.equals(first.table) for each in again)
    assert again[0].costs["ashmere"] == NOTHING


@pytest.mark.parametrize(
    ("text", "epsilon"),
    [
        ("rows by offence", 0.6000001),
        ("rows by offence where hours >= 0", 0.6),
        ("rows, persons by offence", 0.6),
    ],
)
def test_a_nearly_identical_request_is_charged(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, text: str, epsilon: float
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 2.0})
    answered(members)
    answered(members, text, epsilon)
    assert spent(members) == [pytest.approx(0.6 + epsilon)]
    newer = [replace(desk, snapshot="two") for desk in members]
    answered(newer)
    assert spent(members) == [pytest.approx(1.2 + epsilon)]


def test_another_name_for_a_table_does_not_reset_the_budget(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    answered(members)
    connection.execute("create view renamed as from by_offence")
    copy = replace(TABLE, prepared=(replace(TABLE.prepared[0], table="renamed"),))
    plan = choose(parse("rows by offence", "custody"), copy, ALLOWANCE)
    assert plan.source == "renamed"
    with pytest.raises(BudgetExceededError):
        ask(plan, members, 0.6, 0.0, ASKING)


def test_disjoint_rows_are_no_discount(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    # one person may have rows on both sides of a filter
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    answered(members, "rows where offence = 'a'", 0.5)
    answered(members, "rows where offence = 'b'", 0.5)
    assert spent(members) == [1.0]


def test_a_budget_stops_reconstruction_by_subsets(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    for low in range(3):
        answered(members, f"rows where hours between {low / 2} and 24", 0.3)
    with pytest.raises(BudgetExceededError):
        answered(members, "rows where hours between 9 and 24", 0.3)


def test_a_refusal_comes_before_any_row_is_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 0.1})
    connection.close()  # whoever touches it now gets another error
    with pytest.raises(BudgetExceededError, match="budget"):
        answered(members)
    with pytest.raises(UseCaseError, match="declared"):
        planned("rows where offence = 'e'")


def test_the_cost_of_a_query_is_that_of_its_noise() -> None:
    plan = planned("rows, persons by offence", "prefix")
    added = private_query.noise_of(plan, 0.7, 0.0)
    spend = Spend.of(added, plan.vector.l1, plan.vector.l2_squared)
    assert spend.epsilon == pytest.approx(0.7)
    assert spend.epsilon <= 0.7
    assert compiler.compile_query(plan).count("as bigint") == 2
