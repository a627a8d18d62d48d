"""Training that outlasts its time budget ends cleanly, and the release says where."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Forces, Microdata, Option, UseCase
from synthetic import (
    FederatedMargins,
    GenerativeNetwork,
    PrivateAdaptive,
    PrivateTree,
    SequentialTrees,
    VariationalAutoencoder,
)
from synthetic.aim_rounds import Account
from synthetic.sdv_networks import Clock

SHORT = 1e-9
TIMED = [
    pytest.param(SequentialTrees(seconds=SHORT), id="sequential-trees"),
    pytest.param(GenerativeNetwork(seconds=SHORT, epochs=1000), marks=pytest.mark.slow, id="ctgan"),
    pytest.param(
        VariationalAutoencoder(seconds=SHORT, epochs=1000), marks=pytest.mark.slow, id="tvae"
    ),
    pytest.param(PrivateTree(seconds=SHORT), marks=pytest.mark.slow, id="private-tree"),
    pytest.param(PrivateAdaptive(seconds=SHORT), marks=pytest.mark.slow, id="private-adaptive"),
    pytest.param(FederatedMargins(seconds=SHORT), marks=pytest.mark.slow, id="federated-margins"),
]


def remarks_of(
    option: Option, open_forces: Callable[..., Forces], use_case: UseCase, records: pa.Table
) -> str:
    with open_forces(use_case, {"ashmere": records}, held_out=0.0) as forces:
        release = option.apply(forces, use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    assert release.artefact.table.column_names == ["force", *use_case.needed]
    assert release.artefact.table.num_rows > 0
    return " ".join(release.remarks)


@pytest.mark.parametrize("candidate", TIMED)
def test_training_that_runs_out_of_time_stops_and_says_so(
    candidate: Option,
    open_forces: Callable[..., Forces],
    outcome_use_case: UseCase,
    people: Callable[..., pa.Table],
) -> None:
    said = remarks_of(candidate, open_forces, outcome_use_case, people(220))
    assert "stopped after 1e-09 s" in said


def test_training_that_ends_in_time_says_nothing_of_it(
    open_forces: Callable[..., Forces],
    outcome_use_case: UseCase,
    people: Callable[..., pa.Table],
) -> None:
    said = remarks_of(SequentialTrees(), open_forces, outcome_use_case, people(220))
    assert "stopped" not in said


def test_a_hurried_account_spends_all_that_is_left_in_one_round_and_no_more() -> None:
    account = Account.open(0.02, rounds=30, most=1)
    assert account.settle(last=True)
    account.charge(account.choice)
    account.charge(account.measurement)
    assert account.spent == pytest.approx(0.02, rel=1e-9)
    assert not account.settle()


def test_a_clock_lets_the_first_pass_through_and_no_later_one() -> None:
    clock = Clock(seconds=0.0)
    assert list(clock(range(5))) == [0]
    assert clock.stopped
    patient = Clock(seconds=60.0)
    assert list(patient(range(3), disable=True)) == [0, 1, 2]
    assert not patient.stopped


@pytest.mark.parametrize(
    "kind",
    [
        SequentialTrees,
        GenerativeNetwork,
        VariationalAutoencoder,
        PrivateTree,
        PrivateAdaptive,
        FederatedMargins,
    ],
)
def test_no_time_at_all_is_refused(kind: Callable[..., Option]) -> None:
    with pytest.raises(ValueError, match="seconds"):
        kind(seconds=0)
