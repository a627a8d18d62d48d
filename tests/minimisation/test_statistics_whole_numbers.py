"""Sums near 2^53: whole numbers keep a person's bound where doubles would break it."""

import duckdb
import numpy as np
import pytest

from minimisation.statistics import audit, duckdb_engine
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.text_form import parse
from tests.minimisation.custody_shapes import TABLE


def in_doubles(plan: QueryPlan) -> str:
    name = '"value_value"' if plan.form == "prefix" else '"sum_value"'
    return compile_query(plan).replace(f"sum({name})", f"sum(cast({name} as double))")


def large_sums(connection: duckdb.DuckDBPyConnection, plan: QueryPlan) -> float:
    """Excess of one person in sums near 2^53, where not every integer is a double."""
    high = 2**45 + 1
    worst = 0.0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        others = {n: [row(int(rng.integers(high - 2**30, high)))] for n in range(400)}
        for person in (401, 402):
            invented = audit.Invented(
                table=TABLE,
                people=others | {person: [row(high)]},
                referred={"station": [], "region": []},
            )
            whole, rest = audit.recorded(plan, connection, invented, person)
            worst = max(worst, float(np.abs(whole - rest).sum()) / plan.vector.l1)
    return worst


def row(value: int) -> audit.Row:
    return {
        "offence": 0,
        "sex": 0,
        "hours": 0,
        "value": value,
        "wait": 0,
        "minute": 0,
        "station_id": 0,
    }


@pytest.mark.parametrize("form", ["prefix", "ad_hoc"])
def test_a_sum_in_doubles_is_caught_where_whole_numbers_are_not(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = choose(
        parse("sum(value)", "custody"), TABLE, Allowance(in_all=1, groups=1, rows=1), form
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        assert large_sums(connection, plan) == 1
        monkeypatch.setattr(duckdb_engine, "compile_query", in_doubles)
        assert large_sums(connection, plan) > 1
