"""Numbers are written so that the interval decides the digits."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.report import formats
from sandbox.report.marks import Axis, spread, ticks
from sandbox.report.pooling import Estimate


@pytest.mark.parametrize(
    ("given_estimate", "options", "text"),
    [
        (Estimate(value=0.74213, low=0.7312, high=0.7534), {}, "0.742 (0.731 to 0.753)"),
        (Estimate(value=0.74213, low=0.52, high=0.91), {}, "0.74 (0.52 to 0.91)"),
        (Estimate(value=0.23412, low=0.221, high=0.246), {"share": True}, "23.4% (22.1% to 24.6%)"),
        (
            Estimate(value=-0.004, low=-0.012, high=0.005),
            {"sign": True},
            "−0.004 (−0.012 to +0.005)",
        ),
        (Estimate(value=1234.5, low=1100.0, high=1300.0), {}, "1,234 (1,100 to 1,300)"),
        (Estimate(value=0.5), {}, "0.500"),
        (Estimate(value=0.5), {"share": True}, "50.0%"),
        (Estimate(value=None), {}, "not measured"),
    ],
)
def test_estimates(given_estimate: Estimate, options: dict[str, bool], text: str) -> None:
    assert formats.estimate(given_estimate, **options) == text


def test_nothing_rounds_to_minus_zero() -> None:
    assert formats.number(-0.0001, 2, sign=True) == "0.00"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (12_345, "12.3 kB"),
        (999_700, "1 MB"),
        (4_100_000, "4.1 MB"),
        (5e12, "5e+03 GB"),
    ],
)
def test_sizes_are_decimal(count: float, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.001, "under 0.01 s"),
        (0.042, "0.04 s"),
        (0.42, "0.42 s"),
        (4.25, "4.2 s"),
        (12.4, "12 s"),
        (59.7, "1 min 0 s"),
        (125, "2 min 5 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.01, "0.01"), (1e-6, "10⁻⁶"), (2.5e-7, "2.5×10⁻⁷")]
)
def test_small_probabilities(value: float, text: str) -> None:
    assert formats.scientific(value) == text


def test_days_are_british() -> None:
    assert formats.day(datetime(2026, 5, 3, 14, 2, tzinfo=UTC)) == "3 May 2026, 14:02 UTC"


def test_lists_end_in_and_without_a_comma() -> None:
    assert formats.listed(["a", "b", "c"]) == "a, b and c"


@given(
    targets=st.lists(st.floats(0, 1), min_size=1, max_size=25).map(sorted),
    gap=st.floats(0.001, 0.2),
)
def test_labels_never_overlap_nor_leave_the_chart(targets: list[float], gap: float) -> None:
    places = spread(targets, gap)
    least = min(gap, 1 / len(targets))
    assert all(b - a >= least - 1e-9 for a, b in pairwise(places))
    assert places[0] >= -1e-9
    assert places[-1] <= 1 + 1e-9


def test_labels_that_have_room_stay_where_they_are() -> None:
    assert spread([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])


@given(low=st.floats(-1e3, 1e3), width=st.floats(1e-3, 1e4))
def test_ticks_are_few_and_inside_the_axis(low: float, width: float) -> None:
    marks = ticks(Axis(title="", low=low, high=low + width))
    assert 2 <= len(marks) <= 8
    assert all(low - 1e-6 <= mark <= low + width + 1e-6 for mark in marks)
