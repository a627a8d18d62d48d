"""Marginal counts and the bound on what one person adds to them, replayed on small tables."""

from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation import (
    Bounds,
    Categories,
    Column,
    Contribution,
    NotApplicableError,
    Premises,
    UseCase,
)
from synthetic import counting
from synthetic.margins import Cells

COLUMNS = (
    Column(name="age", role="other", domain=Bounds(low=0, high=29, edges=(3, 6))),
    Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True),
)
CELLS = tuple(Cells(column=column) for column in COLUMNS)
CLIQUES = [(0,), (1,), (0, 1)]
CONNECTION = duckdb.connect()


def premises(
    rows: list[tuple[int, float | None, str | None]], most: int, base: UseCase
) -> Premises:
    table = pa.table(
        {
            "unit": pa.array([row[0] for row in rows], pa.int64()),
            "age": pa.array([row[1] for row in rows], pa.float64()),
            "sex": pa.array([row[2] for row in rows], pa.string()),
        }
    )
    use_case = replace(base, contribution=Contribution(groups=1, rows=most))
    return Premises(
        force="ashmere",
        use_case=use_case,
        people=CONNECTION.from_arrow(table),
        inputs=None,
        secret=b"",
        hold=lambda *_: None,
    )


def test_counts_are_those_of_the_rows(grouped_use_case: UseCase) -> None:
    rows = [(1, 0.0, "f"), (2, 2.0, "f"), (3, 3.0, "m"), (4, 9.0, None)]
    age, sex, both = counting.count(premises(rows, 1, grouped_use_case), CELLS, CLIQUES)
    assert age.tolist() == [1, 0, 1, 1, *[0] * 5, 1, *[0] * 20]
    assert sex.tolist() == [2, 1, 1]
    assert both.reshape(3, 3).tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_missing_value_where_none_is_allowed_is_not_counted(grouped_use_case: UseCase) -> None:
    age, sex, _ = counting.count(premises([(1, None, "f")], 1, grouped_use_case), CELLS, CLIQUES)
    assert age.sum() == sex.sum() == 0


def test_one_person_adds_no_more_rows_than_the_bound(grouped_use_case: UseCase) -> None:
    rows = [(1, float(i), "f") for i in range(8)] + [(2, 1.0, "m")]
    for counts in counting.count(premises(rows, 3, grouped_use_case), CELLS, CLIQUES):
        assert counts.sum() == 4


ROW = st.tuples(st.integers(0, 9).map(float), st.sampled_from(["f", "m", None]))


@settings(max_examples=40, deadline=None)
@given(
    others=st.lists(st.tuples(st.integers(1, 4), ROW), max_size=12),
    own=st.lists(ROW, min_size=1, max_size=6),
    most=st.integers(1, 3),
)
def test_adding_a_person_changes_each_margin_by_no_more_than_the_bound(
    grouped_use_case: UseCase,
    others: list[tuple[int, tuple[float, str | None]]],
    own: list[tuple[float, str | None]],
    most: int,
) -> None:
    without: list[Any] = [(unit, *row) for unit, row in others]
    added = without + [(9, *row) for row in own]
    before = counting.count(premises(without, most, grouped_use_case), CELLS, CLIQUES)
    after = counting.count(premises(added, most, grouped_use_case), CELLS, CLIQUES)
    for one, other in zip(before, after, strict=True):
        assert np.abs(other - one).sum() <= most


def test_a_bound_off_by_one_would_be_caught(
    grouped_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = counting.coded_sql
    monkeypatch.setattr(counting, "coded_sql", lambda cells, most: original(cells, (most or 0) + 1))
    rows = [(1, float(i), "f") for i in range(8)]
    counts = counting.count(premises(rows, 3, grouped_use_case), CELLS, CLIQUES)
    assert counts[0].sum() > 3


def test_which_of_a_person_rows_count_depends_on_no_other_person(
    grouped_use_case: UseCase,
) -> None:
    own = [(1, float(i), "f") for i in range(6)]
    alone = counting.count(premises(own, 2, grouped_use_case), CELLS, CLIQUES)[2]
    others = [(2, 20.0, "m"), (3, 21.0, "m")]
    among = counting.count(premises(others + own, 2, grouped_use_case), CELLS, CLIQUES)[2]
    apart = counting.count(premises(others, 2, grouped_use_case), CELLS, CLIQUES)[2]
    assert np.array_equal(among - apart, alone)


def test_cell_numbers_in_sql_and_in_numpy_agree() -> None:
    rng = np.random.default_rng(0)
    for low, high, step in [(0, 99, 1), (-5, 1000, 0.5), (0, 1, 1), (10, 1_000_000, 10)]:
        cells = Cells(
            column=Column(name="x", role="other", domain=Bounds(low=low, high=high, step=step))
        )
        points = rng.integers(round(low / step), round(high / step) + 1, 300) * step
        values = pa.table({"x": pa.array([*points, None], pa.float64())})
        found = CONNECTION.from_arrow(values).query(
            "people", f"select {cells.code_sql} as c from people"
        )
        codes = found.to_arrow_table()["c"].fill_null(cells.size - 1).to_numpy()
        assert np.array_equal(codes, cells.codes(values["x"]))


def test_one_column_is_no_model_of_pairs() -> None:
    with pytest.raises(NotApplicableError, match="2 to"):
        counting.check_width(CELLS[:1])
