"""Likelihood ratio against models: fits agree, few people are found, the many are not."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from federated import FederatedNewton
from minimisation import Forces, LinearModel, Release, UseCase
from minimisation.contract.encoding import Encoding
from minimisation.options import RawPool
from minimisation.regression import fit_logistic
from sandbox.attacks import invented, likelihood_ratio
from sandbox.attacks.attack import Array, Known
from sandbox.attacks.likelihood_ratio import LikelihoodRatio
from sandbox.attacks.membership import Membership
from sandbox.measures.ranking import auc

RNG = np.random.default_rng(1)


def test_many_fits_at_once_equal_one_after_another() -> None:
    rng = np.random.default_rng(4)
    features, weights = rng.random((60, 3)), rng.integers(0, 3, (5, 60)).astype(float)
    outcome = (rng.random(60) < 0.4).astype(float)
    together = likelihood_ratio.fits(features, outcome, weights)
    alone = [fit_logistic(features, outcome, each).coefficients for each in weights]
    assert np.allclose(together, alone, atol=1e-6)


def split(records: pa.Table, use_case: UseCase) -> tuple[LinearModel, Known]:
    """A model of the first 16 people, who are attacked beside the next 200; the rest are known."""
    members = records[:16]
    encoding = Encoding.features(use_case, use_case.question.features)  # type: ignore[union-attr]
    fit = fit_logistic(encoding.encode(members), np.asarray(members.column("outcome"), dtype=float))
    model = LinearModel(
        encoding=encoding,
        intercept=float(fit.coefficients[0]),
        weights=tuple(float(each) for each in fit.coefficients[1:]),
    )
    return model, Known(force="ashmere", candidates=records[:216], reference=records[216:])


def area(scores: Array) -> float:
    order = np.unique(scores, return_inverse=True)[1].ravel()
    counts = np.stack(
        [np.bincount(part, minlength=len(scores)) for part in (order[16:], order[:16])]
    )
    return float(auc(counts.astype(float)))


def test_people_whom_a_model_is_made_of_stand_out_more_than_by_their_loss(
    outcome_records: dict[str, pa.Table], outcome_use_case: UseCase
) -> None:
    told = {"ratio": [], "loss": []}  # type: dict[str, list[float]]
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(400)
        records = outcome_records["ashmere"].take(pa.array(order))
        model, known = split(records, outcome_use_case)
        told["ratio"].append(area(LikelihoodRatio().scores(model, outcome_use_case, known)))
        told["loss"].append(area(Membership().scores(model, outcome_use_case, known)))
    assert np.mean(told["ratio"]) > max(0.55, float(np.mean(told["loss"])))


def test_scores_do_not_depend_on_who_stands_beside_a_person(
    outcome_records: dict[str, pa.Table], outcome_use_case: UseCase
) -> None:
    model, known = split(outcome_records["ashmere"], outcome_use_case)
    whole = LikelihoodRatio().scores(model, outcome_use_case, known)
    few = replace(known, candidates=known.candidates[:9])
    assert np.allclose(LikelihoodRatio().scores(model, outcome_use_case, few), whole[:9])


def test_a_model_of_everybody_is_judged_with_its_controls(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = FederatedNewton().apply(forces, forces.use_case, RNG)
        found = likelihood_ratio.findings(forces, release, 1)
        rows = RawPool().apply(forces, forces.use_case, RNG)
        assert likelihood_ratio.findings(forces, rows, 1) == []
    whole = found[0]
    assert whole.measure == "likelihood_ratio_auc"
    assert whole.attack == "likelihood_ratio"
    assert whole.needs == "release"
    assert whole.positive is not None
    assert whole.positive > 0.6
    assert whole.low is not None
    assert whole.low <= 0.5 <= whole.high  # type: ignore[operator]
    assert {"likelihood_ratio_tpr_at_1_percent_fpr"} < {each.measure for each in found}
    assert {"", "outliers", "sex=male"} <= {each.group for each in found}


def test_a_model_of_other_people_gives_nobody_away(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    model, _ = split(invented_elsewhere(outcome_use_case), outcome_use_case)
    with outcome_forces as forces:
        whole = likelihood_ratio.findings(forces, Release(artefact=model), 1)[0]
    assert whole.value is not None, whole.note
    assert whole.detectable is not None
    assert abs(whole.value - 0.5) < whole.detectable - 0.5


def invented_elsewhere(use_case: UseCase) -> pa.Table:
    """Sixteen people of no force, half with the outcome."""
    return invented.records(use_case, 16, np.random.default_rng(9))


def test_a_twin_of_the_attack_that_calls_everybody_alike_gets_no_verdict(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likelihood_ratio, "likely", lambda *_: np.array(0.5))
    monkeypatch.setattr(likelihood_ratio, "fits", lambda *_: np.zeros((2, 8)))
    with outcome_forces as forces:
        release = FederatedNewton().apply(forces, forces.use_case, RNG)
        none = likelihood_ratio.findings(forces, release, 1)[0]
    assert none.value is None
    assert "did not find whom" in none.note
