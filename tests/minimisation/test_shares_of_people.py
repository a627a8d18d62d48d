"""People taken in shares where memory is short: the same sums, to the last integer."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from minimisation.contract.errors import StoreError
from minimisation.statistics import audit, duckdb_engine, first_rows, private_query
from minimisation.statistics.bounding import LIMIT
from minimisation.statistics.catalogue import PERSON
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.duckdb_engine import DuckDBEngine, added, bytes_of
from minimisation.statistics.planner import QueryPlan
from tests.minimisation.custody_shapes import FORMS, planned


@pytest.mark.parametrize("name", FORMS["ad_hoc"])
def test_sums_over_shares_of_the_people_are_those_over_everybody(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned("ad_hoc", name)
    with duckdb.connect(config={"threads": 1, "memory_limit": "1GiB"}) as connection:
        audit.invent(plan, np.random.default_rng(7), 60).store(connection, plan.source)
        engine = DuckDBEngine(connection=connection)
        monkeypatch.setattr(DuckDBEngine, "shares", lambda *_: 1)
        whole = private_query.exact_vector(plan, engine)
        monkeypatch.setattr(DuckDBEngine, "shares", lambda *_: 6)
        assert np.array_equal(private_query.exact_vector(plan, engine), whole)
    assert whole.any()


def test_shares_are_guessed_from_rows_and_memory_where_first_rows_are_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_rows, "CELLS_PER_GROUP", 0)
    plan = planned("ad_hoc", "rows")
    with duckdb.connect(config={"threads": 1, "memory_limit": "1GiB"}) as connection:
        audit.invent(plan, np.random.default_rng(7), 60).store(connection, plan.source)
        engine = DuckDBEngine(connection=connection)
        assert engine.shares(plan) == 1
        rows = connection.execute(f"select count(*) from {plan.source}").fetchall()[0][0]
        monkeypatch.setattr(duckdb_engine, "ROW", 5.5 * 2**30 / rows)
        assert engine.shares(plan) == 6
        monkeypatch.setattr(first_rows, "CELLS_PER_GROUP", 10**9)
        assert engine.shares(plan) == 1, "totals are spilled"


def test_a_share_that_does_not_fit_is_halved_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = planned("ad_hoc", "rows")
    tried: list[tuple[int, int]] = []

    def compiled(plan: QueryPlan, people: tuple[int, int] = (0, 1)) -> str:
        tried.append(people)
        if people[1] < 4:
            raise duckdb.OutOfMemoryException("no room")
        return compile_query(plan, people=people)

    with duckdb.connect() as connection:
        audit.invent(plan, np.random.default_rng(7), 60).store(connection, plan.source)
        engine = DuckDBEngine(connection=connection)
        whole = private_query.exact_vector(plan, engine)
        monkeypatch.setattr(duckdb_engine, "compile_query", compiled)
        assert np.array_equal(private_query.exact_vector(plan, engine), whole)
        assert tried == [(0, 1), (0, 2), (0, 4), (1, 4), (2, 4), (3, 4)]
        monkeypatch.setattr(duckdb_engine, "MOST_SHARES", 2)
        with pytest.raises(StoreError, match=r"OutOfMemory.*nothing was released"):
            engine.sums(plan)


def test_people_are_taken_at_once_where_ranks_bound_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_engine, "ROW", 2**60)
    with duckdb.connect() as connection:
        for form in ("prefix", "prepared"):
            plan = planned(form, "rows")
            assert DuckDBEngine(connection=connection).shares(plan) == 1
            assert "% " not in compile_query(plan, people=(0, 1))


def test_a_person_is_in_one_share_with_all_their_rows() -> None:
    # a mutant that deals out rows instead of people would let a person count once per share
    plan = planned("ad_hoc", "rows")
    statement = compile_query(plan, people=(1, 3))
    assert statement.count("% 3 = 1") == 1
    assert f'hash("{plan.source}"."{PERSON}") % 3 = 1' in statement


def test_sums_of_shares_are_held_without_overflow() -> None:
    def share(*values: int) -> pa.Table:
        return pa.table({"cell": [0, 1], "x": pa.array(values, pa.int64())})

    sums = added([share(LIMIT, 3), share(LIMIT, -5), share(-1, -LIMIT), share(0, -LIMIT)])
    assert sums.to_pydict() == {"cell": [0, 1], "x": [LIMIT - 1, -LIMIT]}
    apart = added([share(1, 2), pa.table({"cell": [7], "x": pa.array([4], pa.int64())})])
    assert apart.to_pydict() == {"cell": [0, 1, 7], "x": [1, 2, 4]}


def test_memory_is_read_as_duckdb_states_it() -> None:
    with duckdb.connect(config={"memory_limit": "3GiB"}) as connection:
        stated = connection.execute("select current_setting('memory_limit')").fetchall()[0][0]
    assert bytes_of(stated) == 3 * 2**30
    assert bytes_of("512 bytes") == 512
