"""Known answers and properties of pooling repeats and pairing options."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.findings import Finding
from sandbox.report.pooling import difference, pool

FIGURES = st.lists(st.floats(-1, 1), min_size=3, max_size=30)


def found(
    value: float | None,
    replicates: tuple[float, ...] = (),
    low: float | None = None,
    high: float | None = None,
) -> Finding:
    return Finding(
        measure="auc", value=value, better="higher", low=low, high=high, replicates=replicates
    )


def test_the_interval_runs_over_all_replicates_of_all_repeats() -> None:
    first = found(0.5, tuple(np.linspace(0.0, 1.0, 21)))
    second = found(0.7, tuple(np.linspace(1.0, 2.0, 20)))
    pooled = pool([first, second])
    assert pooled.value == pytest.approx(0.6)
    assert pooled.interval == pytest.approx((0.05, 1.949), abs=0.002)
    assert pooled.repeats == 2


def test_repeats_that_differ_widen_the_interval_beyond_each_of_them() -> None:
    steps = tuple(np.linspace(-0.01, 0.01, 50))
    low, high = found(0.6, tuple(0.6 + s for s in steps)), found(0.7, tuple(0.7 + s for s in steps))
    interval = pool([low, high]).interval
    assert interval is not None
    assert interval[0] < 0.6
    assert interval[1] > 0.7


def test_without_replicates_the_interval_is_the_envelope_of_the_repeats() -> None:
    pooled = pool([found(0.5, low=0.4, high=0.6), found(0.6, low=0.5, high=0.8)])
    assert (pooled.low, pooled.high) == (0.4, 0.8)


def test_one_repeat_without_an_interval_leaves_none() -> None:
    assert pool([found(0.5, low=0.4, high=0.6), found(0.6)]).interval is None


def test_repeats_without_a_value_are_counted_and_their_notes_kept() -> None:
    lost = Finding(measure="auc", value=None, better="higher", note="no verdict")
    pooled = pool([found(0.5), lost, lost])
    assert (pooled.value, pooled.repeats, pooled.missing) == (0.5, 1, 2)
    assert pooled.notes == ("no verdict",)


def test_a_small_steady_gain_is_significant_where_both_intervals_overlap_widely() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 200)
    one, other = found(0.71, tuple(0.71 + noise)), found(0.70, tuple(0.70 + noise))
    gap = difference({0: one}, {0: other})
    assert gap is not None
    assert gap.significant
    assert gap.estimate.value == pytest.approx(0.01)
    assert pool([one]).low < pool([other]).value  # type: ignore[operator]


def test_pairing_by_any_other_order_would_lose_that_gain() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 200)
    one, mutant = found(0.71, tuple(0.71 + noise)), found(0.70, tuple(0.70 + noise[::-1]))
    gap = difference({0: one}, {0: mutant})
    assert gap is not None
    assert gap.significant is False


def test_repeats_that_only_one_option_has_are_not_paired() -> None:
    one = {0: found(0.7, (0.7, 0.7)), 1: found(0.1, (0.1, 0.1))}
    gap = difference(one, {0: found(0.6, (0.6, 0.6))})
    assert gap is not None
    assert gap.estimate.value == pytest.approx(0.1)
    assert gap.estimate.repeats == 1


def test_nothing_in_common_gives_no_difference() -> None:
    assert difference({0: found(0.7)}, {1: found(0.6)}) is None


def test_without_replicates_significance_is_unknown_not_denied() -> None:
    gap = difference({0: found(0.7, low=0.6, high=0.8)}, {0: found(0.1, low=0.0, high=0.2)})
    assert gap is not None
    assert gap.significant is None


@given(values=FIGURES)
def test_an_option_never_differs_from_itself(values: list[float]) -> None:
    same = {0: found(values[0], tuple(values))}
    gap = difference(same, same)
    assert gap is not None
    assert gap.significant is False
    assert gap.estimate.value == 0


@given(one=FIGURES, shift=st.floats(-1, 1))
def test_swapping_two_options_turns_the_sign_round(one: list[float], shift: float) -> None:
    a = {0: found(one[0], tuple(one))}
    b = {0: found(one[0] + shift, tuple(v + shift * (i + 1) for i, v in enumerate(one)))}
    there, back = difference(a, b), difference(b, a)
    assert there is not None
    assert back is not None
    assert there.significant == back.significant
    assert there.estimate.value == pytest.approx(-(back.estimate.value or 0.0))
    assert there.estimate.low == pytest.approx(-(back.estimate.high or 0.0))
