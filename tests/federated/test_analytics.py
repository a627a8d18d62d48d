"""Private histograms over forces, and the quantiles read off them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from federated.analytics import PrivateHistogram, cells_of, histogram, quantiles
from minimisation import Forces, UseCase, UseCaseError

OpenForces = Callable[..., Forces]


@pytest.fixture
def generous(open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Any) -> Forces:  # noqa: ANN401
    return open_forces(outcome_use_case, outcome_records, held_out=0.0, epsilon=1e6)


def test_with_almost_no_noise_it_counts_everybody(
    generous: Forces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    with generous as forces:
        sexes, priors = histogram(forces, "sex", 500.0), histogram(forces, "prior", 500.0)
    assert cells_of(outcome_use_case, "sex") == ("female", "male")
    known = [rows["sex"].to_pylist().count(label) for label in ("female", "male")]
    assert sexes.tolist() == known
    assert priors.tolist() == np.bincount(rows["prior"].to_numpy(), minlength=11).tolist()


def test_people_without_a_value_are_not_counted(
    generous: Forces, outcome_records: dict[str, pa.Table]
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    with generous as forces:
        found = histogram(forces, "ethnicity", 500.0)
    assert rows["ethnicity"].null_count > 0
    assert found.sum() == rows.num_rows - rows["ethnicity"].null_count


def test_a_person_with_many_records_is_counted_once(
    open_forces: OpenForces, grouped_use_case: UseCase
) -> None:
    searches = pa.table(
        {
            "record_id": pa.array(range(5), pa.int64()),
            "person_id": ["SYN-1", "SYN-1", "SYN-1", "SYN-2", "SYN-3"],
            "linkage_token": ["a", "a", "a", "b", "c"],
            "ethnicity": ["white", "asian", "black", "white", "white"],
            "sex": ["male"] * 5,
            "object": ["drugs"] * 5,
            "found": pa.array([0] * 5, pa.int64()),
        }
    )
    one = open_forces(grouped_use_case, {"ashmere": searches}, held_out=0.0, epsilon=1e6)
    with one as forces:
        found = histogram(forces, "ethnicity", 500.0)
    assert found.tolist() == [1, 0, 0, 2]


def test_quantiles_are_those_of_the_pooled_column(
    generous: Forces, outcome_records: dict[str, pa.Table]
) -> None:
    ages = pa.concat_tables(outcome_records.values())["age"].to_numpy()
    with generous as forces:
        found = quantiles(forces, "age", (0.1, 0.5, 0.9), 500.0)
        private = quantiles(forces, "age", (0.1, 0.5, 0.9), 1.0)
    known = np.quantile(ages, [0.1, 0.5, 0.9], method="inverted_cdf")
    assert found.tolist() == known.tolist()
    assert np.abs(private - known).max() <= 6


def test_the_noise_is_that_of_epsilon_and_is_charged(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        runs = np.array([histogram(forces, "age", 0.5) for _ in range(20)])
        loss = forces.privacy_loss()
    # three forces, each of variance 2·scale² with scale 2
    assert np.std(runs - runs.mean(axis=0)) == pytest.approx(np.sqrt(3 * 2 * 4), rel=0.1)
    assert loss is not None
    assert (loss.epsilon, loss.delta) == (10.0, 0.0)


def test_a_wide_column_is_cut_into_a_public_number_of_cells(outcome_use_case: UseCase) -> None:
    step = PrivateHistogram(column="age", epsilon=1.0)
    assert len(cells_of(outcome_use_case, "age")) == step.sends(outcome_use_case).most_rows == 81
    age = outcome_use_case.column("age")
    assert age.domain is not None
    wide = replace(age, domain=replace(age.domain, high=100_000))
    case = replace(
        outcome_use_case,
        columns=tuple(wide if c.name == "age" else c for c in outcome_use_case.columns),
    )
    assert 64 < len(cells_of(case, "age")) <= 128


@pytest.mark.parametrize("column", ["sex", "person_id"])
def test_a_column_without_bounds_has_no_quantiles(outcome_forces: Forces, column: str) -> None:
    with outcome_forces as forces, pytest.raises(UseCaseError, match=column):
        quantiles(forces, column, (0.5,), 1.0)
