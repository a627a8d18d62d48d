"""Gaps between groups: planted ones are found, and told from those of the data."""

import numpy as np
import pytest

from minimisation import UseCase
from sandbox.measures import fairness


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
