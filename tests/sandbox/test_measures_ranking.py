"""Ranking figures from counts: those of the textbook, on tables that fit on one hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from sandbox.measures import outcome, ranking, resampling


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 7)), min_size=2, max_size=40).filter(
        lambda rows: {label for label, _ in rows} == {0, 1}
    )
)
def test_auc_from_counts_is_the_rank_statistic(rows: list[tuple[int, int]]) -> None:
    counts = np.zeros((1, 2, 8))
    for label, place in rows:
        counts[0, label, place] += 1
    labels, places = zip(*rows, strict=True)
    assert ranking.auc(counts)[0] == pytest.approx(roc_auc_score(labels, places))


def test_figures_on_a_table_that_fits_on_one_hand() -> None:
    counts = np.zeros((1, 2, 4))
    counts[0, 0] = [3, 1, 0, 0]
    counts[0, 1] = [0, 1, 0, 1]
    # Of eight pairs six are in the right order... the tie in bin 1 counts half: (3.5 + 4) / 8.
    assert ranking.auc(counts)[0] == 7.5 / 8
    assert ranking.base_rate(counts)[0] == 2 / 6
    precision, recall = ranking.top(counts, 1 / 6)
    assert (precision[0], recall[0]) == (1.0, 0.5)
    # The second cut goes through the bin that holds one of each.
    precision, recall = ranking.top(counts, 2 / 6)
    assert (precision[0], recall[0]) == (0.75, 0.75)
    # Cells from the top hold 1, 0, 2, 3 people: one is all of the first, two also half a tie.
    assert ranking.cut(counts[0], 1 / 6) == (3, 1.0)
    assert ranking.cut(counts[0], 2 / 6) == (1, 0.5)


def test_an_outcome_that_never_happens_has_no_ranking() -> None:
    counts = np.zeros((201, 2, 4))
    counts[:, 0] = 5
    found = outcome.headline("auc", ranking.auc(counts), "higher")
    assert found.value is None
    assert found.note


def test_rates_are_those_of_the_two_by_two_table() -> None:
    flags = np.array([[[60.0, 20.0], [5.0, 15.0]]])
    found = {name: float(value[0]) for name, value in ranking.rates(flags).items()}
    assert found == {
        "flag_rate": 0.35,
        "base_rate": 0.2,
        "precision": 15 / 35,
        "negative_predictive_value": 60 / 65,
        "true_positive_rate": 0.75,
        "false_positive_rate": 0.25,
        "false_negative_rate": 0.25,
    }


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(60):
        place = rng.integers(0, 20, 400)
        label = rng.random(400) < place / 40
        weight = np.vstack([np.ones(400), rng.poisson(1.0, (200, 400))])
        joint = label.astype(int) * 20 + place
        counts = resampling.histogram(joint, 40, weight).reshape(-1, 2, 20)
        low, high = resampling.interval(ranking.auc(counts)[1:])
        assert low is not None
        assert high is not None
        hits += low <= _population_auc() <= high
    assert 51 <= hits <= 60, "50 of 60 or fewer at 95 % happens once in a thousand runs"


def _population_auc() -> float:
    counts = np.zeros((1, 2, 20))
    counts[0, 1] = np.arange(20) / 40
    counts[0, 0] = 1 - counts[0, 1]
    return float(ranking.auc(counts)[0])
