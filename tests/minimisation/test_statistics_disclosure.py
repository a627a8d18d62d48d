"""Disclosure control: worked examples, attackers who solve for hidden cells, and known tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation.statistics.disclosure import suppression
from minimisation.statistics.disclosure.cell_keys import (
    CellKeys,
    cell_keys,
    empty_key,
    record_key,
)
from minimisation.statistics.disclosure.risk import (
    closeness_t,
    distinct_l,
    entropy_l,
    frequencies,
)
from minimisation.statistics.disclosure.rounding import Rounding
from minimisation.statistics.disclosure.suppression import Suppression, interval


def reference(shared: Path, name: str) -> Any:  # noqa: ANN401 - a figure of any shape
    entries = json.loads((shared / "data" / "reference_results.json").read_text())
    return next(entry["expected"] for entry in entries if entry["id"] == name)


def nursery_table(shared: Path) -> np.ndarray:
    table = pq.read_table(shared / "data" / "nursery.parquet").to_pandas()
    counts = table.groupby(["class", "parents"], observed=False).size().unstack(fill_value=0)
    return np.asarray(counts, dtype=np.int64)


# rounding


def test_counts_go_to_the_nearest_five() -> None:
    counts = np.array([0, 1, 2, 3, 4, 5, 7, 8, 12, 13])
    assert Rounding().apply(counts).tolist() == [0, 0, 0, 5, 5, 5, 5, 10, 10, 15]


@given(st.integers(0, 10**9), st.integers(2, 100))
def test_rounding_moves_a_count_by_at_most_half_the_base(count: int, base: int) -> None:
    rounded = int(Rounding(base=base).apply(np.array([count]))[0])
    assert rounded % base == 0
    assert abs(rounded - count) <= base / 2


def test_a_base_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        Rounding(base=1)


# suppression


def test_a_lone_suppressed_cell_would_be_given_back_by_its_margin() -> None:
    counts = np.array([[20, 3], [30, 40]])
    alone = counts < 10
    assert interval(counts, alone, (0, 1)) == (3.0, 3.0)
    hidden = Suppression(threshold=10).apply(counts)
    assert hidden.all()  # two by two: hiding one means hiding all
    low, high = interval(counts, hidden, (0, 1))
    assert (low, high) == (0.0, 23.0)


def test_margins_that_are_zero_do_not_give_cells_back() -> None:
    # both cells of the first row are hidden, but their margin of 0 says what they are
    counts = np.array([[0, 0, 50], [20, 30, 60], [25, 35, 70]])
    rule = Suppression(threshold=5)
    assert not rule.exposed(counts, rule.apply(counts)).any()
    assert interval(counts, rule.primary(counts), (0, 0)) == (0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=3, max_size=4))
def test_no_small_cell_can_be_solved_from_the_margins(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    hidden = Suppression(threshold=4).apply(counts)
    assert (hidden >= (counts < 4)).all()
    for cell in zip(*np.nonzero(hidden & (counts < 4)), strict=True):
        low, high = interval(counts, hidden, cell)
        if not hidden.all():
            assert high - low >= 1 - 1e-6


def test_suppression_without_complements_is_caught() -> None:
    counts = np.array([[20, 3, 15], [30, 40, 12], [11, 13, 17]])
    rule = Suppression(threshold=10)
    assert rule.exposed(counts, rule.primary(counts)).any()
    assert not rule.exposed(counts, rule.apply(counts)).any()
    assert rule.apply(counts).sum() == 4


def test_a_table_without_small_cells_stays_whole() -> None:
    assert not Suppression(threshold=5).apply(np.array([[5, 6], [7, 8]])).any()


def test_three_dimensions_are_protected_along_each() -> None:
    counts = np.full((3, 3, 3), 20)
    counts[1, 1, 1] = 2
    hidden = Suppression().apply(counts)
    low, high = interval(counts, hidden, (1, 1, 1))
    assert high - low >= 1
    assert hidden.sum() < 27


def test_the_published_nursery_table_has_four_small_cells(shared: Path) -> None:
    counts = nursery_table(shared)
    rule = Suppression(threshold=10)
    assert int(rule.primary(counts).sum()) == reference(shared, "nursery.cells_below_10")
    hidden = rule.apply(counts)
    assert hidden.sum() > 4
    assert not rule.exposed(counts, hidden).any()
    assert suppression.interval(counts, hidden, (1, 2))[1] > 0


# cell keys


def test_chances_have_the_stated_mean_variance_and_bound() -> None:
    rule = CellKeys(variance=2.0, bound=5, zero_mean=0.1)
    change = np.arange(-5, 6)
    for count, row in enumerate(rule.chances):
        assert row.sum() == pytest.approx(1.0)
        assert not row[change < -count].any()
        assert row @ change == pytest.approx(0.1 if count == 0 else 0.0, abs=1e-6)
        if count:
            assert row @ change**2 == pytest.approx(2.0, abs=1e-5)
    assert rule.chances[5] == pytest.approx(rule.chances[5][::-1], abs=1e-6)


def test_perturbed_counts_follow_the_chances() -> None:
    rule = CellKeys()
    keys = np.random.default_rng(1).integers(0, 2**32, 40_000, dtype=np.uint64)
    for count in (0, 1, 3, 5, 400):
        got = rule.apply(np.full(40_000, count), keys) - count
        assert got.min() >= max(-5, -count)
        assert got.max() <= 5
        assert abs(got.mean() - (0.1 if count == 0 else 0.0)) < 0.04
        if count:
            assert abs(got.var() - 2.0) < 0.1


def test_the_same_people_give_the_same_count_in_every_table() -> None:
    secret = b"s" * 32
    people = [record_key(secret, f"SYN-{n}") for n in range(30)]
    pairs = np.array(people, dtype=np.uint64)
    one = cell_keys(np.zeros(30, dtype=np.int64), pairs, 1)
    other = cell_keys(np.full(30, 3), pairs[::-1], 4)
    assert one[0] == other[3]
    rule = CellKeys()
    assert rule.apply(np.array([30]), one) == rule.apply(np.array([30]), other[3:])


def test_one_person_more_changes_the_key() -> None:
    secret = b"s" * 32
    keys = np.array([record_key(secret, f"SYN-{n}") for n in range(31)], dtype=np.uint64)
    with_one = cell_keys(np.zeros(31, dtype=np.int64), keys, 1)
    without = cell_keys(np.zeros(30, dtype=np.int64), keys[:30], 1)
    assert with_one[0] != without[0]


def test_keys_depend_on_the_secret() -> None:
    assert record_key(b"a" * 32, "SYN-1") != record_key(b"b" * 32, "SYN-1")
    assert empty_key(b"a" * 32, ["x", "y"]) != empty_key(b"a" * 32, ["xy"])


def test_zeros_are_perturbed_too() -> None:
    rule = CellKeys(zero_mean=0.2)
    keys = np.array([empty_key(b"s" * 32, [str(n)]) for n in range(2000)], dtype=np.uint64)
    got = rule.apply(np.zeros(2000, dtype=np.int64), keys)
    assert (got > 0).sum() > 50
    assert got.min() == 0


@pytest.mark.parametrize(
    ("variance", "bound", "zero_mean"), [(0.0, 5, 0.1), (5.0, 5, 0.1), (1.0, 0, 0.0), (1, 5, 3.0)]
)
def test_an_impossible_perturbation_is_refused(
    variance: float, bound: int, zero_mean: float
) -> None:
    with pytest.raises(ValueError, match="must be"):
        CellKeys(variance=variance, bound=bound, zero_mean=zero_mean)


# risk

PATIENTS = pa.table(
    {
        "area": ["a", "a", "a", "b", "b", "b"],
        "illness": ["flu", "flu", "cold", "flu", "ulcer", "cold"],
    }
)


def test_k_l_and_t_of_a_table_checked_by_hand() -> None:
    assert frequencies(PATIENTS, ["area"]).k == 3
    assert frequencies(PATIENTS, ["area", "illness"]).k == 1
    assert distinct_l(PATIENTS, ["area"], "illness") == 2
    # in area a two thirds have flu and a third a cold
    assert entropy_l(PATIENTS, ["area"], "illness") == pytest.approx(
        np.exp(-(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)))
    )
    # everybody: flu 1/2, cold 1/3, ulcer 1/6; either class is 1/6 away
    assert closeness_t(PATIENTS, ["area"], "illness") == pytest.approx(1 / 6)
    # ordered cold, flu, ulcer: class a is 0, 1/6 off in the running sums, over 2 steps
    ordered = closeness_t(PATIENTS, ["area"], "illness", ["cold", "flu", "ulcer"])
    assert ordered == pytest.approx(1 / 12)


def test_without_keys_everybody_is_one_class() -> None:
    assert frequencies(PATIENTS, []).k == 6
    assert closeness_t(PATIENTS, [], "illness") == 0.0


def test_frequencies_of_the_published_example(shared: Path) -> None:
    table = pq.read_table(shared / "data" / "sdcmicro_francdat.parquet")
    found = frequencies(table, ["Key1", "Key2", "Key3", "Key4"], "w")
    assert found.sample.tolist() == reference(shared, "francdat.fk")
    assert found.population.tolist() == reference(shared, "francdat.Fk")


def test_missing_values_match_as_in_the_published_example(shared: Path) -> None:
    example = reference(shared, "sdc.freqcalc_na.fk")
    table = pa.table({name: example[name] for name in ("A", "B", "C", "weight")})
    found = frequencies(table, ["A", "B", "C"], "weight", missing_matches=True)
    assert found.sample.tolist() == example["fk"]
    assert found.population.tolist() == example["Fk"]


def test_individual_risk_is_that_of_the_published_example(shared: Path) -> None:
    example = reference(shared, "sdc.freqcalc_na.fk")
    columns = {name: example[name] for name in ("A", "B", "weight")}
    table = pa.table({**columns, "C": example["C_without_na"]})
    found = frequencies(table, ["A", "B", "C"], "weight")
    assert found.sample.tolist() == example["fk_without_na"]
    assert found.population.tolist() == example["Fk_without_na"]
    expected = example["indiv_risk_approx_without_na"]
    assert found.individual_risk == pytest.approx(expected, rel=1e-6)


def test_a_unit_weight_makes_a_lone_record_certain() -> None:
    found = frequencies(pa.table({"x": ["a", "b", "b"]}), ["x"])
    assert found.individual_risk.tolist() == [1.0, 0.5, 0.5]


def test_k_of_the_nursery_table(shared: Path) -> None:
    table = pq.read_table(shared / "data" / "nursery.parquet")
    # every combination of its eight attributes appears once
    assert frequencies(table, table.column_names[:8]).k == 1
    assert frequencies(table, ["parents", "has_nurs"]).k == 12960 // 15
