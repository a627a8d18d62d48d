"""Federated averaging, as Flower ships it, on forces that are alike and forces that are not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from federated import FederatedAveraging
from federated.averaging import LocalEpochs
from federated.design import encoding_of
from minimisation import Forces, LinearModel, NotApplicableError, UseCase
from minimisation.regression import fit_logistic

OpenForces = Callable[..., Forces]


def trained(forces: Forces, use_case: UseCase, seed: int = 1) -> np.ndarray:
    """Coefficients, intercept first."""
    with forces:
        release = FederatedAveraging().apply(forces, use_case, np.random.default_rng(seed))
    assert isinstance(release.artefact, LinearModel)
    return np.array([release.artefact.intercept, *release.artefact.weights])


def test_on_forces_that_are_alike_it_comes_close_to_the_pooled_fit(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    forces = open_forces(outcome_use_case, outcome_records, held_out=0.0)
    rows = pa.concat_tables(outcome_records.values())
    features = encoding_of(outcome_use_case).encode(rows)
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    pooled = fit_logistic(features, outcome).coefficients
    found = trained(forces, outcome_use_case)
    chance = [1 / (1 + np.exp(-(c[0] + features @ c[1:]))) for c in (pooled, found)]
    assert np.abs(chance[0] - chance[1]).mean() < 0.03
    assert np.corrcoef(*chance)[0, 1] > 0.98


def test_the_same_seed_gives_the_same_model_to_the_last_bit(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    first, again, other = (trained(outcome_forces, outcome_use_case, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_people_are_visited_in_a_new_order_every_round(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    step = LocalEpochs(epochs=1, learning_rate=0.5, batch_size=8, seed=3)
    size = len(encoding_of(outcome_use_case).terms) + 1
    with outcome_forces as forces:
        sent = [
            forces.ask(
                step,
                inputs=step.takes(outcome_use_case).table(
                    {"coefficients": np.zeros(size), "server-round": turn}
                ),
                to=["ashmere"],
            ).complete()["ashmere"]
            for turn in (1, 1, 2)
        ]
    assert sent[0].equals(sent[1])
    assert not sent[0].equals(sent[2])


def test_one_full_batch_is_one_gradient_step() -> None:
    step = LocalEpochs(epochs=1, learning_rate=2.0, batch_size=4, seed=1)
    features, outcome = np.array([[0.0], [1.0], [1.0], [0.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    found = step.descend(features, outcome, np.zeros(2), np.random.default_rng(1))
    # at zero every chance is 1/2: residuals 1/2, −1/2, −1/2, −1/2
    assert np.allclose(found, [-2.0 * -1.0 / 4, -2.0 * -1.0 / 4])


def test_a_force_without_people_sends_the_model_back() -> None:
    step = LocalEpochs(epochs=3, learning_rate=0.5, batch_size=4, seed=1)
    given = np.array([0.5, -0.5])
    found = step.descend(np.zeros((0, 1)), np.zeros(0), given, np.random.default_rng(1))
    assert (found == given).all()


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with pytest.raises(NotApplicableError):
        trained(grouped_forces, grouped_use_case)


@pytest.mark.parametrize(
    "parameters", [{"rounds": 0}, {"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}]
)
def test_a_run_that_trains_nothing_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedAveraging(**parameters)
