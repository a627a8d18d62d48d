"""Training that hides every person: what it learns, what it is charged, when it stops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from federated.design import encoding_of
from federated.private_training import FederatedPrivate
from minimisation import BudgetExceededError, Forces, LinearModel, NotApplicableError, UseCase
from minimisation.regression import fit_logistic
from tests.federated.private_turns import PLAN, ask

OpenForces = Callable[..., Forces]


def test_a_force_that_kept_no_count_would_sell_a_late_turn_cheaply(
    outcome_forces: Forces,
) -> None:
    first, late = PLAN.price(1)[0], PLAN.price(4)[0]
    assert late < first / 1.5
    with outcome_forces as forces:
        for _ in range(3):
            for force in forces:  # the mutant: a count that the server can set
                force.memory[f"private-training/{forces.use_case.name}/a/{PLAN}/2.0"] = b"3"
            ask(forces, 4)
        loss = forces.privacy_loss()
    assert loss is not None
    assert loss.epsilon < 3 * PLAN.epsilon(1)


def test_every_force_is_charged_the_composed_loss(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        for turn in (1, 2, 3):
            ask(forces, turn)
        loss = forces.privacy_loss()
        spent = [sum(entry.epsilon for entry in force.ledger.spent) for force in forces]
    assert loss is not None
    assert loss.epsilon == pytest.approx(PLAN.epsilon(3), abs=1e-9)
    assert loss.delta == PLAN.delta
    assert loss.epsilon_everywhere == pytest.approx(3 * PLAN.epsilon(3), abs=1e-9)
    assert spent == pytest.approx([PLAN.epsilon(3)] * 3, abs=1e-9)


def test_with_little_noise_it_learns_what_pooling_would(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    features = encoding_of(outcome_use_case).encode(rows)
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    pooled = fit_logistic(features, outcome).coefficients
    with open_forces(outcome_use_case, outcome_records, held_out=0.0, epsilon=1e3) as forces:
        option = FederatedPrivate(epsilon=20.0, rounds=40)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, LinearModel)
    found = roc_auc_score(outcome, features @ np.array(release.artefact.weights))
    assert found == pytest.approx(roc_auc_score(outcome, features @ pooled[1:]), abs=0.02)
    assert release.privacy_loss is not None
    assert 19.5 < release.privacy_loss.epsilon <= 20


def test_it_stops_before_the_budget_is_overspent(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    with open_forces(outcome_use_case, outcome_records, epsilon=0.5) as forces:
        option = FederatedPrivate(epsilon=1.0, rounds=20)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
        turns = len(forces.meter.entries) // 3
    assert release.privacy_loss is not None
    assert release.privacy_loss.epsilon == pytest.approx(option.plan().epsilon(turns), abs=1e-9)
    assert release.privacy_loss.epsilon <= 0.5 < option.plan().epsilon(turns + 1)
    assert "budget ended" in release.remarks[1]


def test_without_any_budget_nothing_is_run(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    with open_forces(outcome_use_case, outcome_records, epsilon=0.0) as forces:
        with pytest.raises(BudgetExceededError):
            FederatedPrivate(rounds=5).apply(forces, outcome_use_case, np.random.default_rng(1))
        assert not forces.meter.entries


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces, pytest.raises(NotApplicableError):
        FederatedPrivate().apply(forces, grouped_use_case, np.random.default_rng(1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"epsilon": 0.0},
        {"delta": 0.0},
        {"rounds": 0},
        {"clip": 0.0},
        {"learning_rate": -1.0},
        {"momentum": 1.0},
        {"sampling": 0.0},
    ],
)
def test_parameters_that_cannot_be_accounted_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedPrivate(**parameters)
