"""Public cells and one-way frequencies, on tables that can be checked by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation import Bounds, Categories, Column, UseCaseError
from synthetic.margins import MOST_CELLS, Cells, Margin


def numeric(low: float, high: float, step: float = 1.0) -> Cells:
    return Cells(
        column=Column(name="x", role="other", domain=Bounds(low=low, high=high, step=step))
    )


SEX = Cells(column=Column(name="s", role="other", domain=Categories(values=("f", "m"))))


def test_labels_are_numbered_as_declared_and_missing_is_last() -> None:
    codes = SEX.codes(pa.chunked_array([["m", None, "f", "unheard of"]]))
    assert codes.tolist() == [1, 2, 0, 2]
    assert SEX.values(codes, np.random.default_rng(0)).to_pylist() == ["m", None, "f", None]


def test_a_small_grid_has_one_cell_for_each_point() -> None:
    cells = numeric(0, 1)
    assert cells.size == 3
    assert cells.codes(pa.chunked_array([[0.0, 1.0, None]])).tolist() == [0, 1, 2]
    assert cells.values(np.array([0, 1, 2]), np.random.default_rng(0)).to_pylist() == [
        0.0,
        1.0,
        None,
    ]


def test_a_large_grid_has_no_more_cells_than_the_public_maximum() -> None:
    assert numeric(0, 1_000_000).size == MOST_CELLS + 1


@given(
    low=st.integers(-1000, 1000),
    span=st.integers(1, 5000),
    step=st.sampled_from([0.25, 1.0, 5.0]),
    share=st.lists(st.floats(0, 1), min_size=1, max_size=8),
)
def test_a_drawn_value_stays_in_its_own_cell_and_on_the_grid(
    low: int, span: int, step: float, share: list[float]
) -> None:
    cells = numeric(low * step, (low + span) * step, step)
    values = pa.chunked_array([[(low + round(s * span)) * step for s in share]])
    codes = cells.codes(values)
    drawn = cells.values(codes, np.random.default_rng(0))
    assert cells.codes(pa.chunked_array([drawn])).tolist() == codes.tolist()
    assert all(abs(x / step - round(x / step)) < 1e-6 for x in drawn.to_pylist())


def test_shares_are_the_frequencies() -> None:
    margin = Margin.of(SEX, np.array([0, 1, 1, 2]))
    assert margin.shares.tolist() == [0.25, 0.5, 0.25]
    assert margin.at(np.array([0.0, 0.2, 0.25, 0.7, 0.8, 1.0])).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_cell_without_people_is_never_drawn() -> None:
    margin = Margin.of(SEX, np.array([1, 1]))
    assert margin.at(np.array([0.0, 0.5, 1.0])).tolist() == [1, 1, 1]
    rng = np.random.default_rng(0)
    assert set(margin.cells.values(margin.codes(50, rng), rng).to_pylist()) == {"m"}


def test_a_column_without_a_domain_cannot_be_synthesised() -> None:
    with pytest.raises(UseCaseError, match="public domain"):
        Cells(column=Column(name="family_name", role="direct_identifier"))
