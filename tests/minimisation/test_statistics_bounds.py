"""One person more or less never moves a query past its claim; bounds that slip are caught."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from minimisation.statistics import contributions, duckdb_engine, private_query
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import QueryPlan
from tests.minimisation.custody_events import SHAPES, load, planned, random_events


def excess(connection: duckdb.DuckDBPyConnection, plan: QueryPlan, trials: int) -> Iterator[float]:
    """Largest norm of a neighbour's difference over the claimed one, per trial (L1 and L2)."""
    for seed in range(trials):
        rng = np.random.default_rng([seed, 9])
        events = random_events(rng, int(rng.integers(1, 8)))
        one = int(rng.choice(list(events)))
        if seed % 3 == 0:  # somebody at every bound
            offence, hours = (int(seed % 4), 48) if seed % 2 else (-1, 48)
            events[one] = [
                (one, n, n % 4 if offence < 0 else offence, n // 4 % 2, hours, 1) for n in range(80)
            ]
        load(connection, [row for rows in events.values() for row in rows])
        whole = private_query.exact_vector(plan, connection)
        rest = [row for person, rows in events.items() if person != one for row in rows]
        load(connection, rest)
        change = np.abs(whole - private_query.exact_vector(plan, connection))
        yield change.sum() / plan.vector.l1
        yield float((change.astype(float) ** 2).sum()) / plan.vector.l2_squared


@pytest.mark.parametrize("name", SHAPES)
def test_removing_one_person_never_moves_a_query_past_its_claim(
    store: duckdb.DuckDBPyConnection, name: str
) -> None:
    ratios = list(excess(store, planned(name), 12))
    assert max(ratios) <= 1
    assert max(ratios) > 0.2  # the neighbours are near enough to the bound to break it


def off_by_one(plan: QueryPlan) -> QueryPlan:
    vector = plan.vector
    grown = replace(vector, rows=vector.rows + 1, groups=vector.groups + 1)
    parts = tuple(replace(part, most=part.most * 2) for part in vector.parts)
    return replace(plan, vector=replace(grown, parts=parts))


@pytest.mark.parametrize("name", ["prefix", "prepared", "ad_hoc"])
def test_a_bound_off_by_one_is_caught(
    store: duckdb.DuckDBPyConnection, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        duckdb_engine, "compile_query", lambda plan: compile_query(off_by_one(plan))
    )
    assert max(excess(store, planned(name), 24)) > 1


@pytest.mark.parametrize("name", ["ad_hoc", "ad_hoc_unfiltered"])
def test_a_query_without_clipping_is_caught(
    store: duckdb.DuckDBPyConnection, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contributions, "clipped", lambda value, low, high: value)  # noqa: ARG005
    monkeypatch.setattr(contributions, "packing", lambda _: None)
    assert max(excess(store, planned(name), 24)) > 1


def test_one_persons_groups_are_everybodys_threshold_is_caught(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_together(plan: QueryPlan) -> str:
        last = f"list_max(min(place, {plan.vector.groups} * 4))"
        return f"thresholds as (select person, {last} as last from placed group by person)"

    monkeypatch.setattr(contributions, "packing", lambda _: None)
    monkeypatch.setattr(contributions, "thresholds_step", all_together)
    assert max(excess(store, planned("ad_hoc_unfiltered"), 24)) > 1
