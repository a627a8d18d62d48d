"""What forces gain by learning together, judged on the SYNTHETIC demo."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from federated import FederatedAveraging
from federated.averaging import LocalEpochs
from federated.baselines import Trained, averaged, dealt, mean, training
from federated.design import People
from minimisation.regression import fit_logistic
from sandbox.findings import Finding
from sandbox.inquiries.federated import FederatedBaselines
from sandbox.inquiries.federated_explained import FederatedExplained
from sandbox.study import Study

pytestmark = pytest.mark.slow

PLAN = """
use_case = "serious-violence"
held_out = 0.3
options = ["business-as-usual"]
repeats = 1
[data]
status = "demo"
[data.demo]
people = 1500
"""

Found = dict[tuple[str, str], Finding]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("federated")
    (folder / "plan.toml").write_text(PLAN, "utf-8")
    return Study(plan_path=folder / "plan.toml", workspace=folder / "workspace")


def figures(found: tuple[Finding, ...]) -> Found:
    return {(finding.measure, finding.force): finding for finding in found}


def test_every_baseline_is_judged_on_the_same_people(study: Study) -> None:
    answer = FederatedBaselines(averaging=FederatedAveraging(rounds=2)).run(study)
    found = figures(answer.findings)
    assert answer.data["gradient_norm"] < 1e-6
    assert answer.data["converged"] is True
    pooled = found["auc_pooled", ""]
    assert pooled.value is not None
    assert pooled.low is not None
    assert pooled.high is not None
    assert pooled.low < pooled.value < pooled.high
    for name in ("averaged_by_people", "averaged_alike", "once_alike", "averaged_evenly_dealt"):
        assert found[f"auc_{name}", ""].value is not None
    even, natural = (found[f"auc_averaged_{name}", ""] for name in ("evenly_dealt", "by_people"))
    assert "dealt out at random" in even.note
    assert even.low is not None
    assert even.high is not None
    assert natural.value is not None
    assert even.low < even.value < even.high  # type: ignore[operator] # checked above
    names = set(study.stores)
    assert {force for (measure, force) in found if measure == "auc_alone"} == names
    gains = [found["gain_by_learning_together", name].value for name in names]
    known = [gain for gain in gains if gain is not None]
    # nine small forces of SYNTHETIC people share one truth, so most of them gain
    assert np.mean([gain > 0 for gain in known]) > 0.5
    verdicts = {each["together"] for each in answer.data["forces"].values()}
    assert verdicts <= {"gains", "loses", "no clear difference", "too few people to say"}
    cost = answer.data["cost"]
    assert cost["federated-averaging"]["rounds"] == 2
    assert cost["federated-newton"]["sent"] > cost["federated-newton"]["received"] > 0


def test_on_protected_data_nobodys_rows_are_taken_for_a_control(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, guarded = study.plan, Study(plan_path=study.plan_path, workspace=study.workspace)
    data = plan.file.data.model_copy(update={"status": "protected"})
    known = replace(plan, file=plan.file.model_copy(update={"data": data}))
    guarded.__dict__.update(plan=known, stores=study.stores)
    monkeypatch.setattr("sandbox.inquiries.federated.dealt_evenly", None)
    found = figures(
        FederatedBaselines(averaging=FederatedAveraging(rounds=1)).run(guarded).findings
    )
    assert ("auc_averaged_evenly_dealt", "") not in found
    assert ("auc_averaged_by_people", "") in found


def test_what_the_model_goes_by_and_whom_it_flags(study: Study) -> None:
    found = figures(FederatedExplained().run(study).findings)
    coefficient = found["standardised_coefficient:prior_violence", ""]
    assert coefficient.value is not None
    assert coefficient.value > 0
    lost = [
        found["permutation_importance:prior_violence", name].value or 0.0 for name in study.stores
    ]
    assert np.mean(lost) > 0
    shares = [found["alerts_share", name].value or 0.0 for name in study.stores]
    assert 0 < np.mean(shares) < 0.1
    assert all(found["base_rate", name].value is not None for name in study.stores)


def parts() -> list[People]:
    """Two parts of two and one people."""
    return [
        People(features=np.array([[0.0], [1.0]]), outcome=np.array([0.0, 1.0]), unit=np.arange(2)),
        People(features=np.array([[1.0]]), outcome=np.array([0.0]), unit=np.arange(1)),
    ]


def test_means_are_by_people_or_alike_and_nobody_counts_for_nothing() -> None:
    sent = [
        Trained(coefficients=np.array([0.0, 3.0]), people=2),
        Trained(coefficients=np.array([3.0, 0.0]), people=1),
        Trained(coefficients=np.array([9.0, 9.0]), people=0),
    ]
    assert mean(sent, weighted=True).tolist() == [1.0, 2.0]
    assert mean(sent, weighted=False).tolist() == [1.5, 1.5]
    with pytest.raises(ValueError, match="a part with people"):
        mean(sent[2:], weighted=True)


def test_one_full_batch_round_is_the_mean_of_one_gradient_step_each() -> None:
    step = LocalEpochs(epochs=1, learning_rate=1.0, batch_size=9, seed=1)
    found = averaged(training(step, parts()), 2, 1, weighted=True)
    # at zero the residuals are ½ and −½ in the first part, ½ in the second
    assert found == pytest.approx([-1 / 6, (2 * 0.25 - 0.5) / 3])


def test_averaging_is_held_back_by_how_forces_differ_and_not_where_people_are_dealt_out() -> None:
    rng, step = (
        np.random.default_rng(3),
        LocalEpochs(epochs=20, learning_rate=1.0, batch_size=500, seed=1),
    )
    apart = []
    for slope in (4.0, -3.0):  # what speaks for it in one force speaks against it in the other
        features = rng.random((500, 1))
        outcome = (rng.random(500) < expit(slope * (features[:, 0] - 0.2))).astype(float)
        apart.append(People(features=features, outcome=outcome, unit=np.arange(500)))
    together = np.concatenate([part.features for part in apart])
    pooled = fit_logistic(together, np.concatenate([part.outcome for part in apart])).coefficients
    natural = averaged(training(step, apart), 2, 30, weighted=True)
    even = averaged(training(step, dealt(apart, rng)), 2, 30, weighted=True)
    assert np.abs(even - pooled).max() < np.abs(natural - pooled).max() / 2


def test_dealing_out_keeps_sizes_and_people() -> None:
    even = dealt(parts(), np.random.default_rng(1))
    assert [len(part.outcome) for part in even] == [2, 1]
    rows = sorted((*f, o) for p in even for f, o in zip(p.features, p.outcome, strict=True))
    assert rows == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
