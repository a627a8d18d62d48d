"""Federated Newton: the pooled fit, from sums that forces send through Flower."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from federated import FederatedNewton
from federated.design import encoding_of
from federated.newton import NewtonSums
from minimisation import (
    Forces,
    LinearModel,
    NotApplicableError,
    PayloadKind,
    PolicyError,
    Premises,
    UseCase,
)
from minimisation.contract import wire
from minimisation.regression import fit_logistic

OpenForces = Callable[..., Forces]
Records = dict[str, pa.Table]


def pooled(use_case: UseCase, records: Records) -> np.ndarray:
    """Coefficients of the fit to everybody's rows at once, intercept first."""
    rows = pa.concat_tables(records.values())
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    return fit_logistic(encoding_of(use_case).encode(rows), outcome).coefficients


def federated(forces: Forces, use_case: UseCase, **parameters: Any) -> np.ndarray:  # noqa: ANN401 - passed on as it is
    """Coefficients of the federated fit, intercept first."""
    with forces:
        release = FederatedNewton(**parameters).apply(forces, use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, LinearModel)
    return np.array([release.artefact.intercept, *release.artefact.weights])


@pytest.mark.parametrize("secure_sum", [False, True])
def test_it_equals_the_pooled_fit(
    open_forces: OpenForces,
    outcome_use_case: UseCase,
    outcome_records: Records,
    secure_sum: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    forces = open_forces(outcome_use_case, outcome_records, held_out=0.0)
    found = federated(forces, outcome_use_case, secure_sum=secure_sum)
    assert np.abs(found - pooled(outcome_use_case, outcome_records)).max() < 1e-9


def test_a_secure_sum_needs_three_forces(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    two = {name: outcome_records[name] for name in ("ashmere", "brackley")}
    forces = open_forces(outcome_use_case, two, held_out=0.0)
    with pytest.raises(PolicyError, match=r"\(2 forces\) must have at least 3"):
        federated(forces, outcome_use_case)
    found = federated(forces, outcome_use_case, secure_sum=False)
    assert np.abs(found - pooled(outcome_use_case, two)).max() < 1e-9


def test_averaging_each_forces_own_fit_would_not_equal_the_pooled_fit(
    outcome_use_case: UseCase, outcome_records: Records
) -> None:
    own = [pooled(outcome_use_case, {name: rows}) for name, rows in outcome_records.items()]
    difference = np.mean(own, axis=0) - pooled(outcome_use_case, outcome_records)
    assert np.abs(difference).max() > 1e-3


def test_a_force_in_which_it_never_happened_still_counts(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    quiet = outcome_records["ashmere"]
    place = quiet.column_names.index("outcome")
    none = pa.array(np.zeros(quiet.num_rows, dtype=np.int64))
    records = outcome_records | {"ashmere": quiet.set_column(place, "outcome", none)}
    found = federated(open_forces(outcome_use_case, records, held_out=0.0), outcome_use_case)
    assert np.abs(found - pooled(outcome_use_case, records)).max() < 1e-9
    assert np.abs(found - pooled(outcome_use_case, outcome_records)).max() > 1e-2


def test_people_whose_outcome_is_unknown_are_left_out(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    rows = outcome_records["brackley"]
    place = rows.column_names.index("outcome")
    unknown = pc.if_else(pc.less(rows["record_id"], 100), None, rows["outcome"])
    records = outcome_records | {"brackley": rows.set_column(place, "outcome", unknown)}
    kept = outcome_records | {"brackley": rows.slice(100)}
    found = federated(open_forces(outcome_use_case, records, held_out=0.0), outcome_use_case)
    assert np.abs(found - pooled(outcome_use_case, kept)).max() < 1e-9


def test_held_out_people_are_never_fitted(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    found = federated(open_forces(outcome_use_case, outcome_records), outcome_use_case)
    assert np.abs(found - pooled(outcome_use_case, outcome_records)).max() > 1e-3


def test_the_meter_counts_the_encoded_sums(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    federated(outcome_forces, outcome_use_case, secure_sum=False)
    gives, takes = NewtonSums().gives(outcome_use_case), NewtonSums().takes(outcome_use_case)
    size = len(encoding_of(outcome_use_case).terms) + 1
    out = gives.table(
        {
            "gradient": np.zeros(size),
            "hessian": np.zeros((size, size)),
            "rows": 0,
            "loss": 0,
        }
    )
    expected = (
        len(wire.encode(out)),
        len(wire.encode(takes.table({"coefficients": [0.0] * size}))),
    )
    entries = outcome_forces.meter.entries
    assert len(entries) % 3 == 0
    assert {(entry.sent, entry.received) for entry in entries} == {expected}
    assert {entry.kind for entry in entries} == {PayloadKind.UPDATE}
    assert {entry.rows for entry in entries} == {size + size**2 + 2}


def test_one_round_is_one_logged_disclosure_per_force(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    with outcome_forces as forces:
        option = FederatedNewton(secure_sum=False)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
        logged = [[entry.what for entry in force.audit.entries] for force in forces]
    rounds = len(logged[0])
    assert logged == [["newton-sums"] * rounds] * 3
    assert f"converged in {rounds} rounds" in release.remarks[0]


def test_stopping_early_is_said(outcome_forces: Forces, outcome_use_case: UseCase) -> None:
    with outcome_forces as forces:
        release = FederatedNewton(rounds=2).apply(
            forces, outcome_use_case, np.random.default_rng(1)
        )
    assert "did not converge in 2 rounds" in release.remarks[0]


def test_a_force_that_refuses_ends_it_with_its_rule(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    kinds = frozenset({PayloadKind.STATISTICS})
    forces = open_forces(outcome_use_case, outcome_records, kinds=kinds)
    with pytest.raises(PolicyError, match=r"ashmere refused .* model update may not leave"):
        federated(forces, outcome_use_case)
    assert not forces.meter.entries


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with pytest.raises(NotApplicableError):
        federated(grouped_forces, grouped_use_case)


@pytest.mark.parametrize(
    "parameters",
    [
        {"rounds": 0},
        {"tolerance": 0.0},
        {"ridge": -1.0},
        {"tolerance": float("nan")},
        {"most_people": 0},
    ],
)
def test_a_run_that_cannot_converge_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedNewton(**parameters)


@dataclass(frozen=True, kw_only=True)
class Forgetful(NewtonSums):
    """A broken twin that leaves out a quarter of its people."""

    def run(self, premises: Premises) -> pa.Table:
        people = premises.people.filter("unit % 4 <> 0")
        return super().run(replace(premises, people=people))


def test_the_comparison_with_the_pooled_fit_would_notice_missing_people(
    open_forces: OpenForces,
    outcome_use_case: UseCase,
    outcome_records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("federated.newton.NewtonSums", Forgetful)
    forces = open_forces(outcome_use_case, outcome_records, held_out=0.0)
    difference = federated(forces, outcome_use_case) - pooled(outcome_use_case, outcome_records)
    assert np.abs(difference).max() > 1e-3
