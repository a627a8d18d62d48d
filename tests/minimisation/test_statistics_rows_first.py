"""Queries that look at rows before totals: the same cells and sums, and the same bound."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest

from minimisation.statistics import audit, contributions, duckdb_engine, first_rows, private_query
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import choose
from minimisation.statistics.text_form import parse
from tests.minimisation.custody_shapes import ALLOWANCE, FORMS, TABLE, planned

AT_ROWS_FIRST = tuple(
    name for name in FORMS["ad_hoc"] if contributions.packing(planned("ad_hoc", name)) is not None
)
"""Queries whose contributions fit one integer."""


def always_at_rows_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_rows, "CELLS_PER_GROUP", 0)
    monkeypatch.setattr(first_rows, "LEAST_SHARE", 0.0)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("rows by offence, minute, hours", True),
        ("rows by offence, minute, hours where sex = 'f'", True),
        ("rows by offence, minute, hours where offence in ('a', 'b') and value >= 9", True),
        ("rows by offence, minute, hours where minute between 1 and 10", False),
        ("rows by offence, minute, hours where offence = 'a' and sex = 'f'", False),
        ("rows by offence, sex", False),
    ],
)
def test_rows_are_looked_at_first_by_public_facts(text: str, *, looks: bool) -> None:
    plan = choose(parse(text, "custody"), TABLE, ALLOWANCE, "ad_hoc")
    assert (first_rows.packed_rows(plan) is not None) == looks


@pytest.mark.parametrize("name", AT_ROWS_FIRST)
def test_looking_at_rows_before_totals_keeps_the_same_cells_and_sums(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned("ad_hoc", name)
    totalled = compile_query(plan)
    always_at_rows_first(monkeypatch)
    if plan.vector.groups < plan.cells:
        assert compile_query(plan) != totalled
    with duckdb.connect(config={"threads": 1}) as connection:
        for trial in range(6):
            # many with a row or two, some with many in one cell
            invented = audit.invent(plan, np.random.default_rng([7, trial]), 40)
            invented.store(connection, plan.source)
            looked = private_query.exact_vector(plan, connection)
            monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: totalled)
            assert np.array_equal(looked, private_query.exact_vector(plan, connection))
            monkeypatch.setattr(duckdb_engine, "compile_query", compile_query)
            assert looked.any()


@pytest.mark.parametrize("name", AT_ROWS_FIRST)
def test_no_person_moves_a_query_that_looks_at_rows_first_past_its_claim(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_at_rows_first(monkeypatch)

    assert 0.2 < audit.worst(planned("ad_hoc", name), 4).largest <= 1


def test_rows_that_share_a_cell_unseen_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # the last comparison tells whether the g-th row is alone in its cell
    always_at_rows_first(monkeypatch)
    plan = planned("ad_hoc", "rows", replace(ALLOWANCE, rows=1))
    whole = compile_query(plan)
    mutant = whole.replace(") is true as repeated", ") is null as repeated")
    assert mutant != whole
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: mutant)

    assert audit.worst(plan, 20).largest > 1
