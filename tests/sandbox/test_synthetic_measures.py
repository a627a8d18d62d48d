"""Measures of synthetic tables: known answers by hand, and NIST's published figures."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from minimisation import UseCaseError
from sandbox.measures_synthetic.dependence import (
    cramers_v,
    dependence_differences,
    univariate_distances,
)
from sandbox.measures_synthetic.k_marginal import k_marginal
from sandbox.measures_synthetic.matches import apparent_matches, unique_exact_matches
from sandbox.measures_synthetic.propensity import propensity_mse
from sandbox.measures_synthetic.retention import erased_groups, violations

NUMERIC = ("AGEP", "POVPIP", "PINCP", "PWGTP", "WGTP")
QUASI = ("SEX", "MSP", "RAC1P", "OWN_RENT", "EDU", "PUMA", "INDP_CAT", "HISP")
DENSITY_EDGES = (0.0, 150.0, *np.logspace(1, np.log10(53364.7), 21)[8:])
SUBMISSIONS = (
    "cart_cf21",
    "k_anonymity_k_6",
    "mwem_pgm",
    "pram_default",
    "sdv_ctgan_epochs1000",
)


def numbers(table: pa.Table, missing: dict[str, float]) -> pa.Table:
    """NIST's text codes as numbers: `N` is missing, density in its published bins."""
    for place, name in enumerate(table.column_names):
        if name == "PUMA":
            continue
        text = table[name]
        known = pc.if_else(pc.equal(text, "N"), pa.scalar(None, pa.string()), text)
        number = pc.cast(known, pa.float64())
        if name == "DENSITY":
            clipped = np.clip(number.to_numpy(), 0, 53264.7)
            number = pa.array(np.searchsorted(DENSITY_EDGES, clipped) - 1.0)
        number = pc.trunc(number)
        if name in missing:
            number = pc.fill_null(number, missing[name])
        table = table.set_column(place, name, number)
    return table


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_published_scores_of_nist_submissions_are_reproduced(submission: str, shared: Path) -> None:
    folder = shared / "data" / "nist_crc"
    target = pq.read_table(shared / "data" / "nist_acs_national2019.parquet")
    released = pq.read_table(folder / f"deid_{submission}.parquet")
    with (folder / "reference_scores.csv").open(encoding="utf-8") as file:
        published = {row["submission"]: row for row in csv.DictReader(file)}[submission]
    columns = released.column_names
    numeric = [name for name in NUMERIC if name in columns]

    plain = [numbers(table, {}) for table in (target, released)]
    paired = [name for name in columns if name != "INDP"]
    area = "PUMA" if "PUMA" in columns else None
    score = k_marginal(*plain, paired, numeric, within=area)
    assert int(score) == int(published["v24_kmarginal"])

    unique = unique_exact_matches(*plain, columns)
    assert unique.unique == int(published["ours_unique_target"])
    assert unique.matched == int(published["ours_uem"])
    quasi = [name for name in QUASI if name in columns]
    assert apparent_matches(*plain, quasi) == int(published["ours_apparent_matches"])

    # SDNist puts a missing income far above, a missing poverty ratio just above, all others below
    filled = [numbers(table, {"PINCP": 9999999, "POVPIP": 999}) for table in (target, released)]
    seen = [*numeric, *(["DENSITY"] if "DENSITY" in columns else [])]
    assert abs(propensity_mse(*filled, columns, seen) - float(published["v24_pmse"])) < 1e-6


TARGET = pa.table({"a": ["x", "x", "y", "y"], "b": ["p", "q", "p", "q"], "n": [1.0, 2.0, 3.0, 4.0]})


def test_a_table_scores_a_thousand_against_itself() -> None:
    assert k_marginal(TARGET, TARGET, ["a", "b", "n"], ["n"]) == 1000


def test_disjoint_tables_score_nothing() -> None:
    other = pa.table({"a": ["z"], "b": ["r"], "n": [9.0]})
    assert k_marginal(TARGET, other, ["a", "b"]) == 0


def test_half_of_the_mass_moved_costs_half_of_the_score() -> None:
    released = pa.table({"a": ["x", "x"], "b": ["p", "q"]})
    assert k_marginal(TARGET, released, ["a", "b"]) == pytest.approx(500)


def test_rank_bins_come_from_the_target_and_the_last_is_open_above() -> None:
    target = pa.table({"n": [float(i) for i in range(1, 101)], "a": ["x"] * 100})
    released = target.set_column(0, "n", pa.array([*map(float, range(1, 100)), 1e9]))
    assert k_marginal(target, released, ["n", "a"], ["n"]) == 1000


def test_a_missing_value_is_a_cell_of_its_own() -> None:
    target = pa.table({"n": [1.0, None], "a": ["x", "x"]})
    released = pa.table({"n": [1.0, 1.0], "a": ["x", "x"]})
    assert k_marginal(target, released, ["n", "a"], ["n"]) == pytest.approx(500)


def test_one_column_is_no_pair() -> None:
    with pytest.raises(UseCaseError, match="at least two"):
        k_marginal(TARGET, TARGET, ["a"])


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(UseCaseError, match="at least one row"):
        k_marginal(TARGET, TARGET.slice(0, 0), ["a", "b"])


def test_unique_exact_matches_count_real_singletons_once() -> None:
    target = pa.table({"a": ["x", "x", "y", "z"]})
    released = pa.table({"a": ["x", "y", "y", "w"]})
    matches = unique_exact_matches(target, released, ["a"])
    assert (matches.unique, matches.matched, matches.share) == (2, 1, 0.5)


def test_an_apparent_match_is_unique_on_both_sides() -> None:
    target = pa.table({"a": ["x", "y", "z"]})
    released = pa.table({"a": ["x", "y", "y", "z"]})
    assert apparent_matches(target, released, ["a"]) == 2


def test_a_tree_cannot_tell_a_table_from_itself() -> None:
    assert propensity_mse(TARGET, TARGET, ["a", "b", "n"], ["n"]) == 0


def test_a_tree_always_tells_disjoint_tables_apart() -> None:
    other = TARGET.set_column(2, "n", pa.array([11.0, 12.0, 13.0, 14.0]))
    assert propensity_mse(TARGET, other, ["a", "n"], ["n"]) == pytest.approx(0.25)


def test_a_large_group_without_a_released_row_is_erased() -> None:
    target = pa.table({"g": ["a"] * 3 + ["b"] * 2 + ["c"]})
    released = pa.table({"g": ["a", "a"]})
    assert erased_groups(target, released, ["g"], smallest=2) == [("b",)]


def test_a_missing_value_breaks_no_rule() -> None:
    assert violations(pa.table({"age": [9, 10, None]}), "age >= 10") == 1


def test_a_rule_about_an_unknown_column_is_refused() -> None:
    with pytest.raises(UseCaseError, match="must be a condition"):
        violations(pa.table({"age": [9]}), "height > 1")


def test_distances_of_single_columns_are_total_variation() -> None:
    distances = univariate_distances(TARGET, pa.table({"a": ["x"], "b": ["p"]}), ["a", "b"])
    assert distances == {"a": pytest.approx(0.5), "b": pytest.approx(0.5)}


def test_cramers_v_is_one_for_a_copy_and_nought_for_independence() -> None:
    assert cramers_v(np.diag([50.0, 50.0])) == pytest.approx(1.0, abs=0.02)
    assert cramers_v(np.full((2, 2), 25.0)) == 0.0
    assert cramers_v(np.array([[7.0, 3.0]])) == 0.0


def test_independent_columns_rank_below_a_copy_of_planted_dependence() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 3, 2000)
    second = (first + (rng.random(2000) < 0.1)) % 3
    target = pa.table({"a": first.astype(str), "b": second.astype(str)})
    apart = pa.table({"a": first.astype(str), "b": rng.permutation(second).astype(str)})
    kept = target.take(pa.array(rng.integers(0, 2000, 2000)))
    pair = ("a", "b")
    assert dependence_differences(target, apart, pair)[pair] > 0.7
    assert dependence_differences(target, kept, pair)[pair] < 0.05
