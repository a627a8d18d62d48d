"""Hazards of what comes out: numbers, keys, noise, errors and the shape of a released table."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from minimisation import Bounds, Column, StoreError, UseCaseError
from minimisation.statistics import (
    noise,
    private_query,
)
from minimisation.statistics.noise import DiscreteLaplace
from minimisation.statistics.planner import Allowance, Form, choose
from minimisation.statistics.query import Measure, Query
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

ROOT = Path(__file__).parents[2]


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


FORKED = """
import multiprocessing
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from minimisation.statistics import noise
from minimisation.statistics.noise import DiscreteLaplace

def large_draw(_):
    return noise.perturb(np.zeros(20, dtype=np.int64), DiscreteLaplace(scale=1e9)).tobytes()

large_draw(0)  # the source is open before the fork
with multiprocessing.get_context("fork").Pool(3) as processes:
    forked = processes.map(large_draw, range(6), chunksize=1)
with ThreadPoolExecutor(3) as threads:
    threaded = list(threads.map(large_draw, range(6)))
print(len({*forked, *threaded}))
"""
"""In an interpreter of its own: engines that other tests have loaded must not be forked."""


def test_forked_processes_and_threads_draw_noise_of_their_own() -> None:
    command = [sys.executable, "-c", FORKED]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "12"


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
