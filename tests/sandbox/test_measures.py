"""Measures: figures from added-up histograms equal the pooled computation; pairing; fairness."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from minimisation import (
    Encoding,
    Forces,
    LinearModel,
    Microdata,
    NotApplicableError,
    Release,
    Scene,
    Statistics,
    UseCase,
)
from minimisation.options.raw_pool import RawPool
from sandbox.answers import answer, model_of_rows
from sandbox.assessment import assess_release
from sandbox.findings import Finding
from sandbox.measures import fairness, grouped, outcome, ranking, resampling, scores

OpenForces = Callable[..., Forces]


def by_measure(found: list[Finding], group: str = "") -> dict[str, Finding]:
    return {finding.measure: finding for finding in found if finding.group == group}


def raw_model(forces: Forces) -> LinearModel:
    release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
    model = answer(release.artefact, forces.use_case, forces.names)
    assert isinstance(model, LinearModel)
    return model


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


def test_replicates_are_paired_across_options(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        model = raw_model(forces)
        first = outcome.counts_of(forces, Release(artefact=model), seed=1)
        again = outcome.counts_of(forces, Release(artefact=model), seed=1)
        other = outcome.counts_of(forces, Release(artefact=model), seed=2)
        flat = LinearModel(
            encoding=model.encoding, intercept=-1.0, weights=(0.0,) * len(model.weights)
        )
        flattened = outcome.counts_of(forces, Release(artefact=flat), seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.allclose(first.sum(axis=-1), flattened.sum(axis=-1)), "the same people weigh alike"


def test_all_rows_of_a_person_weigh_alike(outcome_forces: Forces) -> None:
    class Peek:
        name = "peek"
        schema = pa.schema([("same", pa.bool_())])

        def observe(self, scene: object) -> pa.Table:
            weight = resampling.weights(scene, np.array([7, 8, 7]))  # type: ignore[arg-type]
            same = bool((weight[:, 0] == weight[:, 2]).all() and (weight[0] == 1).all())
            return pa.table({"same": [same and bool((weight[:, 0] != weight[:, 1]).any())]})

    with outcome_forces as forces:
        encoding = Encoding.features(forces.use_case, ("age",))
        release = Release(artefact=LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,)))
        tables = forces.assess(Peek(), release, seed=3)
    assert all(table["same"][0].as_py() for table in tables.values())


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


def test_weights_are_the_same_however_many_are_held_at_a_time(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    class Look:
        name = "look"
        schema = pa.schema([("x", pa.int64())])

        def observe(self, scene: Scene) -> pa.Table:
            units = np.array([3, 3, 7, 9, 9, 9])
            for held in (20_000_000, 1, 17):
                monkeypatch.setattr(resampling, "HELD", held)
                parts = [block for _, block in resampling.blocks(scene, units)]
                assert max(part.size for part in parts) <= max(held, len(units))
                seen.append(np.vstack(parts))
            return pa.table({"x": pa.array([], pa.int64())})

    with outcome_forces as forces:
        forces.assess(Look(), Release(artefact=raw_model(forces)), 1)
    whole, *others = seen[:3]
    assert whole.shape == (resampling.REPLICATES + 1, 6)
    assert all((each == whole).all() for each in others)
    assert (whole[:, 0] == whole[:, 1]).all(), "rows of one person weigh alike"


def test_a_planted_disparity_is_found() -> None:
    case = _two_groups()
    flags = np.zeros((201, 2, 2, 2))
    flags[:, 0] = [[90, 10], [10, 40]]
    flags[:, 1] = [[50, 50], [10, 40]]
    found = {(f.measure, f.group): f.value for f in fairness.group_findings(case, flags)}
    assert found["false_positive_rate", "sex=female"] == 0.1
    assert found["false_positive_rate", "sex=male"] == 0.5
    assert found["false_positive_rate_gap", "sex"] == pytest.approx(0.4)
    assert found["false_negative_rate_gap", "sex"] == pytest.approx(0.0)


def test_a_change_is_what_the_option_did_and_not_what_the_data_did() -> None:
    case = _two_groups()
    pooled = np.zeros((201, 2, 2, 3))
    pooled[:, 0, :, :2] = [[90, 10], [10, 40]]
    pooled[:, 1, :, :2] = [[50, 50], [10, 40]]
    same = fairness.change_findings(case, pooled, pooled)
    assert {f.value for f in same} == {0.0}, "a disparity that pooling has too is no change"
    option = pooled.copy()
    option[:, 0, 0, :2] = [60, 40]
    found = {(f.measure, f.group): f.value for f in fairness.change_findings(case, option, pooled)}
    assert found["false_positive_rate_change", "sex=female"] == pytest.approx(0.3)
    assert found["false_positive_rate_change", "sex=male"] == 0.0
    assert found["false_positive_rate_gap_change", "sex"] == pytest.approx(-0.3)


def test_overprediction_is_predicted_minus_seen_per_person() -> None:
    case = _two_groups()
    flags = np.zeros((201, 2, 2, 3))
    flags[:, :, :, :2] = [[90, 10], [10, 40]]
    flags[:, 0, :, 2] = [40, 40]
    flags[:, 1, :, 2] = [20, 30]
    found = {
        f.group: f.value
        for f in fairness.group_findings(case, flags, calibrated=True)
        if f.measure == "overprediction"
    }
    assert found["sex=female"] == pytest.approx(30 / 150)
    assert found["sex=male"] == 0.0


def _two_groups() -> UseCase:
    from sandbox.use_case_files import load  # noqa: PLC0415 - one small use

    text = load("serious-violence")
    kept = {
        name: column.model_copy(update={"protected": name == "sex", "optional": False})
        for name, column in text.columns.items()
    }
    return text.model_copy(update={"columns": kept}).value()


def test_grouped_truth_against_itself_is_exact(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = by_measure(assess_release(forces, release, seed=1))
    assert found["total_variation"].value == 0.0
    assert (found["total_variation"].low, found["total_variation"].high) == (0.0, 0.0)
    assert found["relative_error"].value == 0.0
    assert found["top_k_overlap"].value == 1.0
    assert found["error_of_mean_found"].value == 0.0
    assert found["erased_groups"].value == 0.0


def test_a_sample_counts_by_its_public_share(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        whole = RawPool().apply(forces, forces.use_case, np.random.default_rng(1)).artefact
        assert isinstance(whole, Microdata)
        half = Microdata(table=whole.table.slice(0, whole.table.num_rows // 2), share=0.5)
        tables = [answer(each, forces.use_case, forces.names) for each in (whole, half)]
    totals = [np.nansum(np.asarray(t.table["rows"])) for t in tables]  # type: ignore[union-attr]
    assert totals[1] == pytest.approx(totals[0], rel=0.01)


def test_a_table_that_erases_a_group_is_caught(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        table = answer(release.artefact, forces.use_case, forces.names)
        assert isinstance(table, Statistics)
        gone = np.asarray(table.table["ethnicity"].to_pylist()) == "black"
        rows = np.where(gone, 0.0, np.asarray(table.table["rows"]))
        place = table.table.column_names.index("rows")
        erased = Statistics(table=table.table.set_column(place, "rows", pa.array(rows)))
        found = assess_release(forces, Release(artefact=erased), seed=1)
    whole = by_measure(found)
    assert whole["erased_groups"].value == 1.0
    assert "ethnicity=black" in whole["erased_groups"].note
    assert by_measure(found, "ethnicity=black")["group_count_error"].value == 1.0
    assert whole["total_variation"].value > 0.1  # type: ignore[operator]


def test_total_variation_by_hand() -> None:
    true = np.array([[50.0, 30.0, 20.0]])
    assert grouped.total_variation(np.array([[50.0, 20.0, 30.0]]), true)[0] == pytest.approx(0.1)
    assert grouped.total_variation(np.array([[5.0, 3.0, 2.0]]), true)[0] == pytest.approx(0.0)
    assert grouped.total_variation(np.zeros((1, 3)), true)[0] == 1.0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 9)), min_size=1, max_size=30))
def test_an_interval_of_the_total_variation_holds_it(cells: list[tuple[int, int]]) -> None:
    true, shown = (np.array(side, dtype=float) for side in zip(*cells, strict=True))
    drawn = np.random.default_rng(1).poisson(true, (200, len(true)))
    found = grouped.reweighted_variation(shown, np.vstack([true, drawn]))
    if true.sum() > 0:
        assert found[0] == pytest.approx(
            grouped.total_variation(np.clip(shown, 0, None), true[None])[0]
        )
        assert found[1:].min() - 1e-9 <= found[0] <= found[1:].max() + 1e-9
    exact = grouped.reweighted_variation(true, np.vstack([true, drawn]))
    assert true.sum() == 0 or not exact.any(), "an exact table is exact whoever is in the data"


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
