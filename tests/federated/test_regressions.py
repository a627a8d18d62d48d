"""Linear and Poisson regression over forces: the pooled fits, by known formulas."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import PoissonRegressor

from federated.regressions import RegressionSums, fit
from minimisation import Forces, NotApplicableError, UseCase, UseCaseError

FEATURES = ("age", "sex", "ethnicity")


def pooled(
    use_case: UseCase, records: dict[str, pa.Table], step: RegressionSums
) -> tuple[Any, Any]:
    rows = pa.concat_tables(records.values())
    return step.encoding(use_case).encode(rows), np.asarray(rows["prior"], dtype=float)


@pytest.fixture
def everybody(open_forces: Any, outcome_use_case: UseCase, outcome_records: Any) -> Forces:  # noqa: ANN401
    return open_forces(outcome_use_case, outcome_records, held_out=0.0)


def test_linear_regression_equals_least_squares(
    everybody: Forces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    step = RegressionSums(family="linear", target="prior", features=FEATURES)
    features, target = pooled(outcome_use_case, outcome_records, step)
    with everybody as forces:
        found = fit(forces, step, ridge=0.0)
    design = np.column_stack([np.ones(len(target)), features])
    known = np.linalg.lstsq(design, target / 10, rcond=None)[0]
    assert np.abs(found.coefficients - known).max() < 1e-8
    assert found.rounds == 2


def test_poisson_regression_equals_the_pooled_fit(
    everybody: Forces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    step = RegressionSums(family="poisson", target="prior", features=FEATURES)
    features, target = pooled(outcome_use_case, outcome_records, step)
    with everybody as forces:
        found = fit(forces, step, ridge=0.0)
    known = PoissonRegressor(alpha=0.0, tol=1e-12, max_iter=10_000).fit(features, target)
    assert np.abs(found.coefficients[1:] - known.coef_).max() < 1e-4
    assert abs(found.coefficients[0] - known.intercept_) < 1e-4
    assert found.gradient_norm < 1e-10


def test_a_target_without_bounds_is_refused(everybody: Forces) -> None:
    step = RegressionSums(family="linear", target="sex", features=("age",))
    with everybody as forces, pytest.raises(UseCaseError, match="must have bounds"):
        fit(forces, step)


def test_a_regression_on_nothing_is_not_applicable(everybody: Forces) -> None:
    step = RegressionSums(family="linear", target="prior", features=())
    with everybody as forces, pytest.raises(NotApplicableError):
        fit(forces, step)
