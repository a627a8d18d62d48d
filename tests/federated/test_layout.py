"""What crosses a boundary in a round: one column of numbers whose meaning is public."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from federated.layout import Layout
from minimisation import PayloadKind, PolicyError

SMALL = Layout(arrays=(("a", (2,)), ("b", (2, 2))), scalars=("n",))


def test_arrays_lie_row_by_row_with_single_numbers_last() -> None:
    table = SMALL.table({"n": 7, "b": [[3, 4], [5, 6]], "a": [1, 2]})
    assert table.column("value").to_pylist() == [1, 2, 3, 4, 5, 6, 7]


@given(st.lists(st.floats(-1e300, 1e300), min_size=7, max_size=7))
def test_what_is_laid_out_is_read_back_to_the_last_bit(numbers: list[float]) -> None:
    values = {
        "a": np.array(numbers[:2]),
        "b": np.array(numbers[2:6]).reshape(2, 2),
        "n": np.array(numbers[6]),
    }
    back = SMALL.values(SMALL.table(values))
    assert list(back) == ["a", "b", "n"]
    assert all((back[name] == values[name]).all() for name in values)


def test_the_promise_is_one_column_of_exactly_that_many_numbers() -> None:
    promise = SMALL.promise(low=-1, high=1)
    assert (promise.kind, promise.most_rows, SMALL.size) == (PayloadKind.UPDATE, 7, 7)
    assert promise.schema == pa.schema([("value", pa.float64())])


@pytest.mark.parametrize(
    "values", [{"a": [1, 2], "n": 1}, {"a": [1, 2, 3], "b": [[1, 2], [3, 4]], "n": 1}]
)
def test_a_missing_or_misshapen_array_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be given with shape"):
        SMALL.table(values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"value": np.zeros(6)}),
        pa.table({"value": np.zeros(8)}),
        pa.table({"value": np.zeros(7, dtype=np.float32)}),
        pa.table({"other": np.zeros(7)}),
        pa.table({"value": np.full(7, np.inf)}),
        pa.table({"value": pa.array([None] * 7, pa.float64())}),
    ],
)
def test_numbers_that_were_not_agreed_are_refused(table: pa.Table) -> None:
    with pytest.raises(PolicyError):
        SMALL.values(table)
