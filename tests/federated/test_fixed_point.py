"""Fixed-point numbers that add up without error and do not wrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federated.fixed_point import FixedPoint
from minimisation import PolicyError


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4), min_size=3, max_size=6)
)
def test_integers_add_up_without_any_error(rows: list[list[int]]) -> None:
    encoding = FixedPoint(limits=(2.0**40,) * 4, parties=len(rows))
    total = sum((encoding.encode(np.array(row, dtype=float)) for row in rows), np.uint64(0))
    assert encoding.decode(np.asarray(total)).tolist() == np.sum(rows, axis=0).tolist()


@given(st.floats(1e-6, 1e12), st.integers(1, 50), st.sampled_from([-1.0, 1.0]))
def test_a_total_at_its_limit_does_not_wrap(limit: float, parties: int, sign: float) -> None:
    encoding = FixedPoint(limits=(limit,), parties=parties)
    one = encoding.encode(np.array([sign * limit]))
    total = encoding.decode(one * np.uint64(parties))
    exact = sign * limit * parties
    assert abs(total[0] - exact) <= encoding.resolution[0] + abs(exact) * 2**-52


def test_one_more_binary_place_could_wrap() -> None:
    encoding = FixedPoint(limits=(1.0,), parties=4)
    finer = np.ldexp(np.array([1.0]), encoding.fractions + 2).astype(np.int64)
    assert encoding.fractions.tolist() == [60]
    with np.errstate(over="ignore"):
        assert (finer * 4)[0] <= 0


@pytest.mark.parametrize("number", [np.nan, np.inf, 1.0000001, -2.0])
def test_a_number_beyond_its_public_limit_is_not_sent(number: float) -> None:
    with pytest.raises(PolicyError, match="public limit"):
        FixedPoint(limits=(1.0,), parties=3).encode(np.array([number]))
