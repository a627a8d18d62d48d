"""Persons by a key whose labels are not public: who counts, what is shown, and broken twins."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from minimisation import Bounds, Categories, Column, StoreError, UseCaseError
from minimisation.contract.columns import OpenColumn
from minimisation.statistics import keys_audit, noise, planner, unknown_keys
from minimisation.statistics.audit import Invented, Row
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.planner import Allowance
from minimisation.statistics.query import Measure, Query
from minimisation.statistics.text_form import parse
from minimisation.statistics.thresholds import UnknownKeys
from minimisation.statistics.unknown_keys import KeysPlan

TABLE = StoredTable(
    name="stops",
    columns=(
        Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True),
        Column(name="age", role="other", domain=Bounds(low=10, high=90)),
    ),
    open_columns=(OpenColumn(name="street"), OpenColumn(name="beat")),
)
CERTAIN = {"epsilon": 60.0, "delta": 1e-6}
"""So much budget that a key of one person is hidden and every other one shown as it is."""


def planned(text: str = "persons by unknown(street)", groups: int = 2) -> KeysPlan:
    return unknown_keys.choose(parse(text, "stops"), TABLE, Allowance(groups=groups))


def stored(connection: duckdb.DuckDBPyConnection, people: Mapping[int, Sequence[Row]]) -> None:
    Invented(table=TABLE, people=people, referred={}).store(connection, "stops")


def row(street: str | None, sex: int | None = 0) -> Row:
    return {"sex": sex, "age": 30, "street": street, "beat": None}


HAND = {
    101: [row("High Street")] * 5,
    102: [row("High Street"), row("Mill Lane", sex=1)],
    103: [row("High Street", sex=1), row(None)],
    104: [row("Mill Lane", sex=None)],
    105: [row("Quiet Close")] * 9,
    106: [row(None)],
}


def test_persons_are_counted_once_a_key_and_a_key_of_one_person_is_hidden(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    stored(connection, HAND)
    plan = planned()
    exact = {"High Street": 3, "Mill Lane": 2, "Quiet Close": 1}
    assert unknown_keys.exact_persons(plan, connection) == exact
    mechanism = plan.mechanism(**CERTAIN)
    release = unknown_keys.run(plan, connection, mechanism)
    assert release == b'{"High Street": 3, "Mill Lane": 2}'
    assert unknown_keys.finish(plan, [release], mechanism).to_pylist() == [
        {"street": "High Street", "persons": 3, "persons_low": 3, "persons_high": 3, "shown_by": 1},
        {"street": "Mill Lane", "persons": 2, "persons_low": 2, "persons_high": 2, "shown_by": 1},
    ]


def test_conditions_choose_rows_before_persons_are_counted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    stored(connection, HAND)
    plan = planned("persons by unknown(street) where sex = 'm' or sex is null")
    exact = {"High Street": 1, "Mill Lane": 2}
    assert unknown_keys.exact_persons(plan, connection) == exact


@pytest.mark.parametrize(
    ("people", "text"),
    [
        (HAND, "persons by unknown(street) where age >= 80"),
        (HAND, "persons by unknown(beat)"),
        ({}, "persons by unknown(street)"),
    ],
    ids=["a population of nobody", "a column without any value", "an empty table"],
)
def test_where_nobody_has_a_key_none_is_shown_and_nothing_fails(
    connection: duckdb.DuckDBPyConnection, people: dict[int, list[Row]], text: str
) -> None:
    stored(connection, people)
    plan = planned(text)
    mechanism = plan.mechanism(1.0, 1e-6)
    release = unknown_keys.run(plan, connection, mechanism)
    assert release == b"{}"
    table = unknown_keys.finish(plan, [release], mechanism)
    assert table.num_rows == 0
    assert table.column_names == [plan.column.name, *unknown_keys.FIGURES]


def test_of_two_thousand_keys_the_shared_ones_show_in_order_of_text(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    people = {n: [row(f"Street {n % 1000}"), row(f"Own {n}")] for n in range(1, 3001)}
    stored(connection, people)
    plan = planned()
    release = unknown_keys.run(plan, connection, plan.mechanism(**CERTAIN))
    table = unknown_keys.finish(plan, [release], plan.mechanism(**CERTAIN))
    labels = table.column("street").to_pylist()
    assert labels == sorted(f"Street {n}" for n in range(1000))
    assert set(table.column("persons").to_pylist()) == {3}


MANY = {n: [row(f"key {(n + step) % 7}") for step in range(5)] for n in range(1, 60)}


def counted(
    connection: duckdb.DuckDBPyConnection, people: Mapping[int, Sequence[Row]]
) -> dict[str, int]:
    stored(connection, people)
    return unknown_keys.exact_persons(planned(), connection)


def reordered(people: Mapping[int, Sequence[Row]]) -> dict[int, list[Row]]:
    return {person: list(reversed(rows)) for person, rows in reversed(list(people.items()))}


def test_no_person_counts_in_more_keys_than_allowed_and_all_have_a_say(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = counted(connection, MANY)
    assert sum(found.values()) == 2 * len(MANY)
    assert len(found) == 7, "the hash of one person tells nothing of another's"


def test_keys_are_kept_whatever_the_order_of_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert counted(connection, MANY) == counted(connection, reordered(MANY))


def test_mutant_that_keeps_the_first_keys_to_come_depends_on_the_order(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_come(plan: KeysPlan) -> str:
        place = "row_number() over (partition by person order by first_row)"
        ordered = f"select *, {place} as place from pairs"
        listed = f"select person, list({{'label': label}}) as first_keys from ({ordered})"
        return f"smallest as ({listed} where place <= {plan.groups} group by person)"

    def in_order(plan: KeysPlan) -> str:
        where = f"{plan.column.name} is not null"
        firsts = f"select person, {plan.column.name} as label, min(rowid) as first_row from stops"
        return f"pairs as ({firsts} where {where} group by all)"

    monkeypatch.setattr(unknown_keys, "smallest_step", first_come)
    monkeypatch.setattr(unknown_keys, "pairs_step", in_order)
    assert counted(connection, MANY) != counted(connection, reordered(MANY))


PLANS = {
    "one key": planned(groups=1),
    "three keys": planned(groups=3),
    "filtered": planned("persons by unknown(street) where sex = 'f' and age >= 11", groups=2),
}


@pytest.mark.parametrize("name", PLANS)
def test_replay_one_person_changes_at_most_g_keys_by_one(name: str) -> None:
    worst = keys_audit.worst(PLANS[name], 25)
    assert worst.largest <= 1
    assert worst.l1 == 1, "the audit must reach the bound, or it shows nothing"


def rows_counted(plan: KeysPlan) -> str:
    return RIGHT["keys_sql"](plan).replace("from kept", "from kept join stops on street = label")


def one_more(plan: KeysPlan) -> str:
    return RIGHT["smallest_step"](replace(plan, groups=plan.groups + 1))


def chosen_by_others(plan: KeysPlan) -> str:
    """Keys that fewest people have come first."""
    step = RIGHT["pairs_step"](plan).replace("pairs as", "seen as", 1)
    rarest = "select person, lpad(count(*) over (partition by label)::varchar, 9, '0') || label"
    return f"{step}, pairs as ({rarest} as label from seen)"


RIGHT: dict[str, Callable[[KeysPlan], str]] = {
    "pairs_step": unknown_keys.pairs_step,
    "smallest_step": unknown_keys.smallest_step,
    "keys_sql": unknown_keys.keys_sql,
}


@pytest.mark.parametrize(
    ("step", "broken"),
    [("keys_sql", rows_counted), ("smallest_step", one_more), ("pairs_step", chosen_by_others)],
    ids=["rows for persons", "one key too many", "keys chosen by other people"],
)
def test_mutant_bounds_are_caught_by_replay(
    monkeypatch: pytest.MonkeyPatch, step: str, broken: object
) -> None:
    monkeypatch.setattr(unknown_keys, step, broken)
    assert keys_audit.worst(PLANS["three keys"], 25).largest > 1


def test_a_person_among_many_is_told_apart_by_no_more_than_epsilon() -> None:
    plan = planned(groups=2)
    assert 0.2 < keys_audit.shown_epsilon(plan, plan.mechanism(1.0, 1e-6), 3000) <= 1.0


@pytest.mark.parametrize("factor", [0.0, 0.4])
def test_mutants_with_no_noise_or_half_of_it_lose_more_than_epsilon(
    monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    plan, perturb = planned(groups=2), noise.perturb

    def weaker(values: noise.Integers, added: noise.Noise) -> noise.Integers:
        return perturb(values, replace(added, scale=added.scale * factor)) if factor else values

    monkeypatch.setattr(noise, "perturb", weaker)
    assert keys_audit.shown_epsilon(plan, plan.mechanism(1.0, 1e-6), 3000) > 1.0


BIG = {"epsilon": 0.35, "delta": 0.1}
"""A delta that a few thousand draws can put to the test."""


def test_a_persons_own_keys_show_no_more_often_than_delta() -> None:
    plan = planned(groups=3)
    shown = keys_audit.shown_delta(plan, plan.mechanism(**BIG), people=4000, keys=9, rows=3)
    assert 0.05 < shown <= 0.1, "near the claim, so that a broken bound is seen"


@pytest.mark.parametrize(
    ("step", "broken", "rows"),
    [
        ("keys_sql", rows_counted, 30),
        ("smallest_step", lambda plan: RIGHT["smallest_step"](replace(plan, groups=99)), 1),
    ],
    ids=["rows for persons", "keys of a person not bounded"],
)
def test_mutants_show_a_persons_own_keys_too_often(
    monkeypatch: pytest.MonkeyPatch, step: str, broken: object, rows: int
) -> None:
    monkeypatch.setattr(unknown_keys, step, broken)
    plan = planned(groups=3)
    shown = keys_audit.shown_delta(plan, plan.mechanism(**BIG), people=1000, keys=9, rows=rows)
    assert shown > 0.1


def test_mutant_threshold_for_one_key_of_a_person_shows_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = planned(groups=3)
    right = plan.mechanism(**BIG)
    lower = next(
        t for t in range(right.threshold, 0, -1) if right.noise.cdf(np.array([1.0 - t]))[0] > 0.05
    )
    monkeypatch.setattr(UnknownKeys, "threshold", property(lambda _: lower))
    assert keys_audit.shown_delta(plan, right, people=4000, keys=9) > 0.1


def test_a_key_that_one_force_holds_back_widens_the_interval_upwards() -> None:
    plan, mechanism = planned(), UnknownKeys(groups=2, epsilon=1.0, delta=1e-6)
    (below,), (above,) = mechanism.margins(2, np.array([2]))
    assert below == above == 10, "97.5 % of two discrete Laplace noises of scale 2"
    (below,), (above,) = mechanism.margins(2, np.array([1]))
    assert (below, above) == (9, 29 + 10), "98.75 % of one; threshold - 1 and both"
    table = unknown_keys.finish(plan, [b'{"a": 60, "b": 70}', b'{"b": 31}'], mechanism)
    assert mechanism.threshold == 30
    assert table.to_pylist() == [
        {"street": "a", "persons": 60, "persons_low": 51, "persons_high": 99, "shown_by": 1},
        {"street": "b", "persons": 101, "persons_low": 91, "persons_high": 111, "shown_by": 2},
    ]


@pytest.mark.parametrize("small", [0, 5, 25, 32, 60])
def test_intervals_hold_what_all_forces_have_together(small: int) -> None:
    """A key that one force surely shows, and of which the other has `small` persons."""
    plan, mechanism = planned(), UnknownKeys(groups=2, epsilon=1.0, delta=1e-6)
    keys = [f"key {n:04}" for n in range(2000)]
    releases = [
        json.dumps(mechanism.release(dict.fromkeys(keys, each))).encode() for each in (200, small)
    ]
    table = unknown_keys.finish(plan, releases, mechanism)
    low, high = (table.column(f"persons_{end}").to_numpy() for end in ("low", "high"))
    held = (low <= 200 + small) & (200 + small <= high)
    assert len(held) == len(keys)
    assert held.mean() > 0.95 - 5 * (0.05 * 0.95 / len(keys)) ** 0.5


def test_text_and_python_ask_the_same() -> None:
    asked = Query(table="stops", measures=(Measure(kind="persons"),), unknown="street")
    assert parse("persons by unknown(street)", "stops") == asked


@pytest.mark.parametrize(
    "text",
    [
        "rows by unknown(street)",
        "persons, rows by unknown(street)",
        "persons by unknown(street), sex",
        "persons by unknown(street), unknown(beat)",
        "persons by unknown()",
        "persons by unknown(street, 3)",
        "persons by unknown('High Street')",
        "persons by other(street)",
    ],
)
def test_anything_but_persons_by_one_unknown_key_is_refused(text: str) -> None:
    with pytest.raises(UseCaseError, match="must be"):
        parse(text, "stops")


@pytest.mark.parametrize(
    "text",
    [
        "persons by street",
        "mean(street)",
        "persons where street = 'High Street'",
        "persons where street is null",
        "persons by sex where street = sex",
        "histogram(street)",
        "sum(street * 2)",
        "persons by unknown(beat) where street in ('High Street', 'x')",
    ],
)
def test_open_text_is_refused_in_every_other_place_without_naming_a_label(text: str) -> None:
    query = parse(text, "stops")
    with pytest.raises(UseCaseError, match=r"must be asked as `persons by unknown\(street\)`") as e:
        (unknown_keys.choose if query.unknown else planner.choose)(query, TABLE, Allowance())
    assert "High" not in str(e.value)


def test_only_open_text_may_be_unknown() -> None:
    with pytest.raises(UseCaseError, match="ask it as `by sex`"):
        planned("persons by unknown(sex)")
    with pytest.raises(UseCaseError, match="open text: street, beat"):
        planned("persons by unknown(road)")


def test_an_unknown_key_has_no_place_among_declared_cells() -> None:
    with pytest.raises(UseCaseError, match="not in a block"):
        planner.choose(parse("persons by unknown(street)", "stops"), TABLE, Allowance())


def test_a_store_that_fails_names_no_key(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create table stops as select 1 as person, 'High Street' as street")
    plan = planned("persons by unknown(street) where age >= 11")
    with pytest.raises(StoreError, match="nothing was released") as error:
        unknown_keys.run(plan, connection, plan.mechanism(1.0, 1e-6))
    assert "High" not in str(error.value)
    assert error.value.__suppress_context__


def test_a_quote_names_the_threshold_and_both_kinds_of_interval() -> None:
    offer = unknown_keys.quote(planned(), 1.0, 1e-6, forces=3)
    assert (offer.spend.epsilon, offer.spend.rho, offer.spend.delta) == (1.0, 0.5, 1e-6)
    whole, single = offer.widths()
    assert whole == {"shown_by": 3, "below": whole["below"], "above": whole["below"]}
    assert single["above"] == whole["above"] + 2 * (offer.mechanism.threshold - 1)
    with pytest.raises(UseCaseError, match="delta"):
        unknown_keys.quote(planned(), 1.0, 0.0)


def test_a_query_by_an_unknown_key_compiles_to_its_golden_sql() -> None:
    plan = planned("persons by unknown(street) where sex = 'f' and age >= 18", groups=2)
    golden = Path(__file__).parents[1] / "golden" / "private_queries" / "unknown_key.sql"
    assert unknown_keys.keys_sql(plan) + "\n" == golden.read_text("utf-8")
