"""What a person adds to a private training, and the noise that hides it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from federated.accounting import Rounds
from federated.design import People
from federated.private_gradients import (
    LONGEST,
    ONE,
    UNITS,
    PrivateGradients,
    person_vectors,
    sampled,
)
from minimisation import Forces, UseCase
from tests.federated.private_turns import Floats, ask

OpenForces = Callable[..., Forces]


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (6, 3), elements=st.floats(0, 1)),
    st.lists(st.integers(0, 2), min_size=6, max_size=6),
    arrays(np.float64, 4, elements=st.floats(-50, 50)),
    st.floats(0.01, 5),
)
def test_nobody_contributes_a_longer_vector_than_the_noise_is_made_for(
    features: Floats, units: list[int], coefficients: Floats, clip: float
) -> None:
    unit = np.unique(units, return_inverse=True)[1]
    people = People(features=features, outcome=np.array([0.0, 1.0] * 3), unit=unit)
    vectors = person_vectors(people, coefficients, clip)
    assert vectors.shape == (unit.max() + 1, 5)
    lengths = [sum(int(entry) ** 2 for entry in vector) for vector in vectors]
    assert max(lengths) <= LONGEST**2


def test_a_person_with_many_rows_is_clipped_once_for_all_of_them() -> None:
    rows = People(features=np.ones((8, 1)), outcome=np.ones(8), unit=np.zeros(8, dtype=np.int64))
    vectors = person_vectors(rows, np.zeros(2), 1.0)
    assert vectors.shape == (1, 3)
    assert np.linalg.norm(vectors[0][:2]) == pytest.approx(UNITS, rel=1e-6)
    # the mutant clips rows instead of people
    alone = replace(rows, unit=np.arange(8))
    assert np.linalg.norm(person_vectors(alone, np.zeros(2), 1.0).sum(axis=0)) > 5 * LONGEST


def test_a_short_gradient_is_left_as_it_is() -> None:
    people = People(features=np.array([[0.5]]), outcome=np.array([1.0]), unit=np.array([0]))
    # at zero the residual is −1/2, so the gradient is (−0.5, −0.25), shorter than the bound of 2
    found = person_vectors(people, np.zeros(2), 2.0)
    assert found.tolist() == [[-UNITS // 4, -UNITS // 8, int(UNITS * ONE)]]


def test_the_noise_has_the_deviation_that_was_paid_for(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    plan = Rounds(rounds=60, noise=20.0, delta=1e-6)
    one = {"ashmere": outcome_records["ashmere"]}
    with open_forces(outcome_use_case, one, held_out=0.0) as forces:
        step = PrivateGradients(plan=plan, turn=1, clip=2.0, number="n")
        size = step.takes(outcome_use_case).size - 1
        start = {"coefficients": np.zeros(size), "server-round": 1}
        gives = step.gives(outcome_use_case)
        sums = []
        for turn in range(1, 61):
            inputs = step.takes(outcome_use_case).table(start)
            sent = forces.ask(replace(step, turn=turn), inputs=inputs).complete()["ashmere"]
            values = gives.values(sent)
            sums.append(values["coefficients"] * values["num-examples"] / 2.0)
    deviation = np.std(np.array(sums), axis=0)
    assert np.sqrt(np.mean(deviation**2)) == pytest.approx(20 * LONGEST / UNITS, rel=0.15)


def test_two_runs_alike_draw_different_noise(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        first, second = ask(forces, 1, "a"), ask(forces, 1, "b")
    assert all((one != two).any() for one, two in zip(first, second, strict=True))


def test_sampling_takes_everybody_with_the_same_chance() -> None:
    share = np.mean([sampled(2000, 0.1).mean() for _ in range(20)])
    assert share == pytest.approx(0.1, abs=0.007)
    assert sampled(50, 1.0).all()
    assert (sampled(2000, 0.5) != sampled(2000, 0.5)).any()
