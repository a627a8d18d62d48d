"""Equivalence classes are the same whichever way they are found: packed, dense or row by row."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from minimisation.statistics.disclosure import risk

ROWS = arrays.arrays(
    np.int64, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.integers(-1, 6)
)


@given(codes=ROWS)
@settings(max_examples=100, deadline=None)
def test_classes_are_the_distinct_rows_in_order_and_where_each_row_is(codes: risk.Integers) -> None:
    distinct, inverse = risk._classes(list(codes.T), len(codes))
    expected, places = np.unique(codes, axis=0, return_inverse=True)
    assert distinct.tolist() == expected.tolist()
    assert inverse.tolist() == places.ravel().tolist()


def test_more_combinations_than_a_number_holds_are_found_row_by_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = np.array([[3, -1], [0, 2], [3, -1]], dtype=np.int64)
    monkeypatch.setattr(risk, "MOST_CELLS", 1)
    distinct, inverse = risk._classes(list(codes.T), len(codes))
    assert distinct.tolist() == [[0, 2], [3, -1]]
    assert inverse.tolist() == [1, 0, 1]


@given(codes=ROWS, block=st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_frequencies_are_those_of_counting_rows_one_by_one(
    codes: risk.Integers, block: int
) -> None:
    names = [f"c{place}" for place in range(codes.shape[1])]
    columns = [pa.array(column, mask=column < 0) for column in codes.T]
    rows = [tuple(row) for row in codes.tolist()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(risk, "BLOCK", block)
        found = risk.frequencies(pa.table(columns, names), names)
        assert found.sample.tolist() == [rows.count(row) for row in rows]
        assert found.population.tolist() == [rows.count(row) for row in rows]
        assert found.k == min(rows.count(row) for row in rows)
        assert found.fewer_than(3).tolist() == [rows.count(row) < 3 for row in rows]
