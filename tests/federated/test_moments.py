"""One private message per force: contributions, known discriminants, charges."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from federated.design import People, encoding_of
from federated.moments import (
    LONGEST,
    UNITS,
    FederatedOneShot,
    PrivateMoments,
    discriminant,
    noise_of,
    person_moments,
)
from minimisation import Forces, LinearModel, NotApplicableError, PolicyError, UseCase
from minimisation.regression import fit_logistic
from minimisation.statistics.noise import epsilon_of

OpenForces = Callable[..., Forces]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (6, 3), elements=st.floats(0, 1)),
    st.lists(st.integers(0, 2), min_size=6, max_size=6),
    st.floats(0.01, 50),
)
def test_nobody_contributes_a_longer_vector_than_the_noise_is_made_for(
    features: Floats, units: list[int], clip: float
) -> None:
    unit = np.unique(units, return_inverse=True)[1]
    people = People(features=features, outcome=np.array([0.0, 1.0] * 3), unit=unit)
    vectors = person_moments(people, clip)
    assert vectors.shape == (unit.max() + 1, 14)
    assert max(sum(int(entry) ** 2 for entry in vector) for vector in vectors) <= LONGEST**2


def test_one_persons_moments_by_hand() -> None:
    people = People(features=np.array([[0.5]]), outcome=np.array([1.0]), unit=np.array([0]))
    found = person_moments(people, 4.0) / UNITS * 4
    # x = (1, 0.5): 1, √2·0.5, 0.25, then y·x
    assert found[0] == pytest.approx([1, 0.5 * np.sqrt(2), 0.25, 1, 0.5], abs=1e-6)


@given(st.integers(1, 9))
def test_chunks_hold_every_row_once_and_keep_people_together(size: int) -> None:
    unit = np.array([3, 0, 2, 0, 1, 3, 3])
    people = People(features=np.arange(7.0)[:, None], outcome=np.zeros(7), unit=unit)
    parts = list(people.chunks(size))
    assert sorted(np.concatenate([p.features[:, 0] for p in parts])) == list(range(7))
    whole = people.by_person(people.features)
    assert (np.concatenate([p.by_person(p.features) for p in parts]) == whole).all()


def test_without_noise_or_clipping_it_is_the_known_discriminant() -> None:
    rng = np.random.default_rng(5)
    outcome = (rng.random(500) < 0.3).astype(float)
    features = rng.random((500, 3)) * 0.7 + 0.2 * outcome[:, None]
    people = People(features=features, outcome=outcome, unit=np.arange(500))
    moments = person_moments(people, 10.0).sum(axis=0) * 10.0 / UNITS
    found = discriminant(moments, 4, 1e-9)
    known = LinearDiscriminantAnalysis(solver="lsqr").fit(features, outcome)
    assert found[1:] == pytest.approx(known.coef_[0], abs=1e-4)
    assert found[0] == pytest.approx(known.intercept_[0], abs=1e-4)


def test_an_outcome_that_drowns_in_noise_is_refused() -> None:
    with pytest.raises(PolicyError, match="beyond the noise"):
        discriminant(np.array([10.0, 1, 1, -3.0, 0.1]), 2, 0.1)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 4.0])
def test_the_noise_is_what_epsilon_pays_for(epsilon: float) -> None:
    rho = (LONGEST / noise_of(epsilon, 1e-6).scale) ** 2 / 2
    assert epsilon * 0.99 < epsilon_of(rho, 1e-6) <= epsilon * (1 + 1e-9)


def test_what_leaves_is_the_sum_and_noise_of_that_deviation(
    outcome_forces: Forces,
) -> None:
    step = PrivateMoments(epsilon=1.0, delta=1e-6, clip=4.0)
    with outcome_forces as forces:
        first, second = (
            forces.ask(step, to=["ashmere"]).complete()["ashmere"]["value"].to_numpy()
            for _ in range(2)
        )
    assert (first != second).all()
    deviation = np.std(first - second) / np.sqrt(2)
    assert deviation == pytest.approx(noise_of(1.0, 1e-6).deviation, rel=0.25)


def test_with_little_noise_it_ranks_as_pooling_would_and_charges_its_loss(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    features = encoding_of(outcome_use_case).encode(rows)
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    pooled = fit_logistic(features, outcome).coefficients
    with open_forces(outcome_use_case, outcome_records, held_out=0.0, epsilon=1e3) as forces:
        release = FederatedOneShot(epsilon=100.0).apply(
            forces, outcome_use_case, np.random.default_rng(1)
        )
        spent = [[entry.epsilon for entry in force.ledger.spent] for force in forces]
    assert isinstance(release.artefact, LinearModel)
    found = roc_auc_score(outcome, features @ np.array(release.artefact.weights))
    assert found == pytest.approx(roc_auc_score(outcome, features @ pooled[1:]), abs=0.03)
    assert spent == [[100.0]] * 3
    assert release.privacy_loss is not None
    assert release.privacy_loss.epsilon_everywhere == 300.0


def test_clipping_rows_instead_of_people_would_be_noticed() -> None:
    many = People(features=np.ones((9, 1)), outcome=np.ones(9), unit=np.zeros(9, dtype=np.int64))
    assert np.linalg.norm(person_moments(many, 1.0)[0].astype(float)) <= LONGEST
    mutant = person_moments(replace(many, unit=np.arange(9)), 1.0).sum(axis=0)
    assert np.linalg.norm(mutant.astype(float)) > 5 * LONGEST


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces, pytest.raises(NotApplicableError):
        FederatedOneShot().apply(forces, grouped_use_case, np.random.default_rng(1))


@pytest.mark.parametrize("parameters", [{"epsilon": 0.0}, {"delta": 0.0}, {"clip": np.inf}])
def test_an_impossible_budget_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedOneShot(**parameters)
