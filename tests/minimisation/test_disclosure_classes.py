"""Equivalence classes are the same whichever way they are found: packed, dense or row by row."""

import numpy as np
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
    distinct, inverse = risk._classes(codes)
    expected, places = np.unique(codes, axis=0, return_inverse=True)
    assert distinct.tolist() == expected.tolist()
    assert inverse.tolist() == places.ravel().tolist()


def test_more_combinations_than_a_number_holds_are_found_row_by_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = np.array([[3, -1], [0, 2], [3, -1]], dtype=np.int64)
    monkeypatch.setattr(risk, "MOST_CELLS", 1)
    distinct, inverse = risk._classes(codes)
    assert distinct.tolist() == [[0, 2], [3, -1]]
    assert inverse.tolist() == [1, 0, 1]
