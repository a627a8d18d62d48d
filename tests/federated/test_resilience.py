"""Forces that die, come back, are slow or send poison: the run finishes, or says why not."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from flwr.serverapp.strategy import FedAvg, FedMedian, FedTrimmedAvg

from federated import FederatedAveraging, FederatedNewton, FederatedPrivate
from federated.averaging import LocalEpochs
from federated.grid import ForceGrid, in_process, start
from federated.newton import NewtonSums
from federated.private_gradients import PrivateGradients
from minimisation import Forces, LinearModel, PolicyError, Premises, UseCase

FAULTY = "brackley"


@dataclass(frozen=True, kw_only=True)
class Faulty(LocalEpochs):
    """Training in which one force misbehaves in some rounds."""

    fault: str
    rounds_of_fault: frozenset[int] = frozenset({2})

    def run(self, premises: Premises) -> pa.Table:
        sent = super().run(premises)
        assert premises.inputs is not None
        turn = int(self.takes(premises.use_case).values(premises.inputs)["server-round"])
        if premises.force != FAULTY or turn not in self.rounds_of_fault:
            return sent
        if self.fault == "dies":
            raise RuntimeError("gone")
        if self.fault == "slow":
            time.sleep(3.0)
        if self.fault == "wrong shape":
            return sent.slice(0, 2)
        values = self.gives(premises.use_case).values(sent)
        if self.fault == "NaN":
            values["coefficients"] = values["coefficients"] * np.nan
        if self.fault == "poisoned":
            values["coefficients"] = values["coefficients"] * -100
        return self.gives(premises.use_case).table(values)


def trained(forces: Forces, strategy: FedAvg, **changed: Any) -> np.ndarray:  # noqa: ANN401
    grid_fields = {k: changed.pop(k) for k in ("everyone", "deadline") if k in changed}
    step = Faulty(epochs=2, learning_rate=0.3, batch_size=32, seed=5, **changed)
    grid = ForceGrid(forces=forces, steps={"train": step}, **grid_fields)
    size = step.takes(forces.use_case).size - 1
    found = start(strategy, grid, {"coefficients": np.zeros(size)}, 4)
    return found.arrays["coefficients"].numpy()


def averaging(kind: type[FedAvg] = FedAvg, **given: Any) -> FedAvg:  # noqa: ANN401
    return kind(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3, **given)


@pytest.fixture
def honest(outcome_forces: Forces) -> np.ndarray:
    with outcome_forces as forces:
        return trained(forces, averaging(), fault="none")


@pytest.mark.parametrize("fault", ["dies", "slow", "NaN", "wrong shape"])
def test_a_run_goes_on_without_a_force_and_takes_it_back(
    outcome_forces: Forces, honest: np.ndarray, fault: str
) -> None:
    with outcome_forces as forces:
        deadline = 1.5 if fault == "slow" else None
        found = trained(forces, averaging(), fault=fault, everyone=False, deadline=deadline)
        sent = [entry.force for entry in forces.meter.entries][12:]
    # a payload of the wrong shape has left the force, and is metered, before it is turned away
    assert (sent.count(FAULTY), sent.count("ashmere")) == (3 + (fault == "wrong shape"), 4)
    assert np.isfinite(found).all()
    assert 0 < np.abs(found - honest).max() < 1.0


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("dies", "failed.*RuntimeError"),
        ("slow", "failed.*no answer within"),
        ("NaN", "refused.*not finite"),
        ("wrong shape", "must be one column"),
    ],
)
def test_where_every_force_must_answer_the_run_ends_and_names_it(
    outcome_forces: Forces, fault: str, why: str
) -> None:
    with outcome_forces as forces, pytest.raises(PolicyError, match=f"{FAULTY}.*{why}"):
        trained(forces, averaging(), fault=fault, deadline=1.5)


def test_one_poisoned_update_wrecks_the_mean_but_not_the_median(
    outcome_forces: Forces, honest: np.ndarray
) -> None:
    poison: dict[str, Any] = {"fault": "poisoned", "rounds_of_fault": frozenset(range(1, 5))}
    with outcome_forces as forces:
        mean = trained(forces, averaging(), **poison)
        median = trained(forces, averaging(FedMedian), **poison)
        trimmed = trained(forces, averaging(FedTrimmedAvg, beta=0.34), **poison)
    assert np.abs(mean - honest).max() > 10
    assert np.abs(median - honest).max() < 1.0
    assert np.abs(trimmed - honest).max() < 1.0


def test_a_run_can_start_from_the_model_of_an_earlier_one(outcome_forces: Forces) -> None:
    step = LocalEpochs(epochs=2, learning_rate=0.3, batch_size=10_000, seed=5)
    size = step.takes(outcome_forces.use_case).size - 1
    with outcome_forces as forces:
        grid = ForceGrid(forces=forces, steps={"train": step})
        whole = start(averaging(), grid, {"coefficients": np.zeros(size)}, 4)
        half = start(averaging(), grid, {"coefficients": np.zeros(size)}, 2)
        kept = half.arrays["coefficients"].numpy()
        rest = start(averaging(), grid, {"coefficients": kept}, 2)
    # a full batch visits everybody in one step, so the order of people does not matter
    assert rest.arrays["coefficients"].numpy() == pytest.approx(
        whole.arrays["coefficients"].numpy(), abs=1e-12
    )


def test_a_force_lost_during_a_secure_sum_voids_it_and_the_next_run_is_whole(
    outcome_forces: Forces, outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    run, lost = NewtonSums.run, {"times": 0}

    def dies_once(self: NewtonSums, premises: Premises) -> pa.Table:
        if premises.force == FAULTY:
            lost["times"] += 1
            if lost["times"] == 3:
                raise RuntimeError("gone")
        return run(self, premises)

    with outcome_forces as forces:
        known = FederatedNewton(secure_sum=False).apply(forces, outcome_use_case, rng)
        monkeypatch.setattr(NewtonSums, "run", dies_once)
        with pytest.raises(PolicyError, match=f"{FAULTY} failed"):
            FederatedNewton().apply(forces, outcome_use_case, rng)
        again = FederatedNewton().apply(forces, outcome_use_case, rng)
    assert isinstance(known.artefact, LinearModel)
    assert isinstance(again.artefact, LinearModel)
    assert again.artefact.weights == pytest.approx(known.artefact.weights, abs=1e-9)


def test_after_a_force_was_lost_the_claim_is_that_of_the_rounds_that_were_asked(
    outcome_forces: Forces, outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, option = PrivateGradients.run, FederatedPrivate(rounds=10)

    def dies_in_the_third(self: PrivateGradients, premises: Premises) -> pa.Table:
        if premises.force == FAULTY and self.turn == 3:
            raise RuntimeError("gone")
        return run(self, premises)

    monkeypatch.setattr(PrivateGradients, "run", dies_in_the_third)
    with outcome_forces as forces:
        with pytest.raises(PolicyError, match=f"{FAULTY} failed"):
            option.apply(forces, outcome_use_case, np.random.default_rng(1))
        loss = forces.privacy_loss()
    assert loss is not None
    assert loss.epsilon == pytest.approx(option.plan().epsilon(3), abs=1e-9)


@pytest.mark.parametrize("server", ["adam", "median", "trimmed-mean", "krum"])
def test_every_way_of_putting_models_together_learns_what_pooling_would(
    outcome_forces: Forces,
    server: Any,  # noqa: ANN401
) -> None:
    with outcome_forces as forces:
        connect, case = in_process(forces), forces.use_case
        exact = FederatedNewton(secure_sum=False).fit(connect, case, forces.names).coefficients
        found = FederatedAveraging(server=server).fit(connect, case, 1)
        plain = FederatedAveraging().fit(connect, case, 1)
    assert (found != plain).any()
    assert np.corrcoef(found, exact)[0, 1] > 0.8


def test_a_strong_pull_back_keeps_forces_near_the_shared_model(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        connect, case = in_process(forces), forces.use_case
        free = FederatedAveraging(rounds=1).fit(connect, case, 1)
        held = FederatedAveraging(rounds=1, proximal=3.0).fit(connect, case, 1)
    assert 0 < np.abs(held).max() < np.abs(free).max() / 2
