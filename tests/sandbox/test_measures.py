"""A whole assessment: figures that add up over forces, headlines, small groups, no answer."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from minimisation import (
    Encoding,
    Forces,
    LinearModel,
    Microdata,
    NotApplicableError,
    Release,
    Statistics,
    UseCase,
)
from minimisation.options.raw_pool import RawPool
from sandbox.answers import answer, model_of_rows
from sandbox.assessment import assess_release
from sandbox.measures import outcome, ranking, scores
from tests.sandbox.measured import by_measure, raw_model

OpenForces = Callable[..., Forces]


def test_histograms_that_add_up_equal_the_pooled_computation(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        model = raw_model(forces)
        counts = outcome.counts_of(forces, Release(artefact=model), seed=1)
        rows = pa.concat_tables([force._people(members=False).to_arrow_table() for force in forces])
    chance = scores.score(model, rows)
    truth = np.asarray(rows["outcome"], dtype=int)
    assert counts[0].sum() == len(truth)
    assert ranking.auc(counts[:1])[0] == pytest.approx(roc_auc_score(truth, chance), abs=2e-3)
    assert ranking.brier(counts[:1])[0] == pytest.approx(brier_score_loss(truth, chance), abs=1e-3)
    best = np.argsort(-chance, kind="stable")[: round(0.05 * len(truth))]
    precision, _ = ranking.top(counts[:1], 0.05)
    assert precision[0] == pytest.approx(truth[best].mean(), abs=0.06)


def test_a_whole_assessment_has_every_headline_with_its_interval(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = by_measure(assess_release(forces, release, seed=1))
    for measure in ("auc", "brier", "calibration_error", "precision_top", "membership_auc"):
        finding = found[measure]
        assert finding.value is not None, finding.note
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low <= finding.value <= finding.high
    assert found["auc"].value > 0.6  # type: ignore[operator]
    assert len(found["auc"].replicates) == 200
    assert found["precision_top"].baseline == found["base_rate"].value


def test_points_have_a_ranking_and_no_calibration(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        encoding = Encoding.features(forces.use_case, ("prior",))
        rule = LinearModel(encoding=encoding, intercept=0.0, weights=(10.0,), link="points")
        found = by_measure(assess_release(forces, Release(artefact=rule), seed=1))
    assert found["auc"].value is not None
    assert found["brier"].value is None
    assert "not probabilities" in found["brier"].note


def test_small_groups_are_named_and_not_reported(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = assess_release(forces, release, seed=1)
    groups_found = {f.group for f in found if f.measure == "flag_rate"}
    assert {"sex=female", "sex=male", "ethnicity=missing", "age=10 to <18"} <= groups_found
    small = next(f for f in found if f.measure == "flag_rate" and f.group == "ethnicity=missing")
    assert small.value is None
    assert "too few to report" in small.note
    gap = next(f for f in found if f.measure == "flag_rate_gap" and f.group == "sex")
    assert gap.value is not None
    assert gap.value >= 0


def test_degenerate_rows_give_an_intercept_and_not_a_crash(outcome_use_case: UseCase) -> None:
    schema = {
        "age": pa.array([20.0, 30.0]),
        "sex": pa.array(["male", "female"]),
        "ethnicity": pa.array([None, "white"], pa.string()),
        "prior": pa.array([0.0, 1.0]),
        "outcome": pa.array([0.0, 0.0]),
    }
    rows = pa.table(schema)
    for table, expected in ((rows, np.log(1 / 3)), (rows.slice(0, 0), 0.0)):
        model = model_of_rows(Microdata(table=table), outcome_use_case, ())
        assert model.intercept == pytest.approx(expected)
        assert set(model.weights) == {0.0}
    with pytest.raises(NotApplicableError, match="lack columns: sex"):
        model_of_rows(Microdata(table=rows.drop_columns("sex")), outcome_use_case, ())


def test_a_release_of_the_wrong_kind_is_not_an_answer(
    outcome_use_case: UseCase, grouped_use_case: UseCase
) -> None:
    table = Statistics(table=pa.table({}))
    with pytest.raises(NotApplicableError, match="does not answer an outcome question"):
        answer(table, outcome_use_case, ())
    encoding = Encoding.features(outcome_use_case, ("age",))
    model = LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,))
    with pytest.raises(NotApplicableError, match="does not answer a grouped question"):
        answer(model, grouped_use_case, ())


def test_nobody_held_out_means_nobody_to_judge_on(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    with open_forces(outcome_use_case, outcome_records, held_out=0.0) as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = by_measure(assess_release(forces, release, seed=1))
    assert found["auc"].value is None
    assert "nobody is held out" in found["auc"].note
    assert "nobody is held out" in found["membership_auc"].note
