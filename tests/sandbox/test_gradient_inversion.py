"""Gradient inversion: one person's update is the record; sums and noise give nothing away."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import check_grad
from scipy.special import expit

from federated import FederatedAveraging, FederatedNewton, FederatedPrivate
from minimisation import Forces, Option, UseCase
from minimisation.options import RawPool
from sandbox.attacks import gradient_inversion
from sandbox.attacks.gradient_inversion import Batch
from sandbox.findings import Finding

RNG = np.random.default_rng(6)
USUAL = np.array([0.5, 0.5, 0.5, 0.3])
WIDE = np.full(8, 0.5)


def test_an_update_of_one_person_is_the_record() -> None:
    record, outcome, at = np.array([0.25, 1.0, 0.0]), 1.0, np.array([0.1, -0.2, 0.3, 0.4])
    design = np.r_[1.0, record]
    moved = 0.3 * (outcome - expit(design @ at)) * design
    found = gradient_inversion.invert([(at, moved)], 1, USUAL, RNG)
    assert np.allclose(found, [[0.25, 1.0, 0.0, 1.0]])


def test_the_slope_of_the_search_is_that_of_its_angle() -> None:
    rng = np.random.default_rng(1)
    at, moved = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)

    def angle(flat: np.ndarray) -> float:
        return gradient_inversion._angle(flat.reshape(4, 5), at, moved)[0]

    def slope(flat: np.ndarray) -> np.ndarray:
        return gradient_inversion._angle(flat.reshape(4, 5), at, moved)[1]

    assert check_grad(angle, slope, rng.normal(size=20)) < 1e-5


def test_records_are_paired_as_well_as_they_can_be() -> None:
    true = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert np.allclose(gradient_inversion.paired(true[::-1], true), 0.0)
    assert np.allclose(
        gradient_inversion.paired(np.array([[1.0, 0.0], [1.0, 1.0]]), true), [0.5, 0]
    )


def gain(
    forces: Forces, option: Option, monkeypatch: pytest.MonkeyPatch, runs: dict[int, int]
) -> list[Finding]:
    monkeypatch.setattr(gradient_inversion, "RUNS", runs)
    with forces:
        return gradient_inversion.findings(forces, option, 1)


def test_a_training_in_the_clear_gives_a_force_of_one_away_and_two_less(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = FederatedAveraging(rounds=3)
    one, two = gain(outcome_forces, option, monkeypatch, {1: 3, 2: 3})
    assert one.measure == "inversion_of_1_gain"
    assert one.value == pytest.approx(1.0, abs=1e-6)
    assert one.residual_low == pytest.approx(1.0, abs=1e-6)
    assert one.control is not None
    assert one.control < 0.5
    assert "100% of records told" in one.note
    assert two.value is not None, two.note
    assert two.control < two.value < 1.0  # type: ignore[operator]


def test_a_secure_sum_and_noise_hide_a_force_of_one(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option in (FederatedNewton(rounds=4), FederatedPrivate(rounds=3)):
        (told,) = gain(outcome_forces, option, monkeypatch, {1: 4})
        assert told.value is not None, told.note
        assert told.residual_low is not None
        assert told.residual_low <= 0
        assert told.positive == pytest.approx(1.0, abs=1e-6)
        assert " 0% of records told" in told.note


def test_an_option_that_sends_no_updates_has_nothing_to_invert(
    outcome_forces: Forces, grouped_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gain(outcome_forces, RawPool(), monkeypatch, {1: 1}) == []
    assert gain(grouped_forces, RawPool(), monkeypatch, {1: 1}) == []


def test_a_force_that_refuses_to_train_so_few_gets_no_verdict(
    open_forces: Callable[..., Forces],
    outcome_use_case: UseCase,
    outcome_records: dict[str, pa.Table],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forces = open_forces(outcome_use_case, outcome_records, minimum_contributors=10)
    (told,) = gain(forces, FederatedAveraging(rounds=2), monkeypatch, {1: 1})
    assert told.value is None
    assert "does not train forces of 1" in told.note


def batches() -> list[Batch]:
    rng = np.random.default_rng(3)
    people, strangers = rng.random((2, 20, 2, 8)).round()
    return [
        Batch(found=mine, people=mine, strangers=theirs, usual=WIDE)
        for mine, theirs in zip(people, strangers, strict=True)
    ]


def test_an_attack_that_peeks_or_is_blind_gets_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = batches()
    assert gradient_inversion.told(2, sound, RNG).value == 1.0
    following = [*sound[1:], sound[0]]
    peeking = [
        replace(each, found=after.people) for each, after in zip(sound, following, strict=True)
    ]
    none = gradient_inversion.told(2, peeking, RNG)
    assert none.value is None
    assert "other people's updates" in none.note
    monkeypatch.setattr(gradient_inversion, "invert", lambda *_: WIDE[None])
    none = gradient_inversion.told(2, sound, RNG)
    assert none.value is None
    assert "one person's gradient" in none.note
