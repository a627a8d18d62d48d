"""Lower bounds on epsilon: published values, never above an honest claim, above a false one."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Forces, PrivacyLoss, Release, Statistics, UseCase
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.pseudonymisation import Pseudonymisation
from minimisation.statistics.noise import DiscreteLaplace, perturb
from sandbox.attacks import audit
from sandbox.attacks.audit import clopper_pearson, neighbour_bound, one_run_bound

RNG = np.random.default_rng(1)


def claim(epsilon: float) -> PrivacyLoss:
    return PrivacyLoss(
        epsilon=epsilon, delta=0.0, unit="person", bounds=(), forces=3, mechanism="a false claim"
    )


def test_one_run_bound_of_all_right_guesses_is_solved_by_hand() -> None:
    # All r guesses right has chance p^r; p = 0.05^(1/r); epsilon = log(p / (1 − p)).
    fair = 0.05 ** (1 / 100)
    found = one_run_bound(canaries=100, guesses=100, right=100)
    assert found == pytest.approx(np.log(fair / (1 - fair)), abs=1e-6)


def test_one_run_bound_is_zero_for_guessing_and_falls_with_delta() -> None:
    assert one_run_bound(canaries=1000, guesses=1000, right=510) == 0.0
    pure = one_run_bound(canaries=1000, guesses=500, right=450)
    assert one_run_bound(canaries=1000, guesses=500, right=450, delta=1e-5) < pure
    assert one_run_bound(canaries=1000, guesses=500, right=450, confidence=0.99) < pure
    with pytest.raises(ValueError, match="must be at most"):
        one_run_bound(canaries=10, guesses=5, right=6)


def test_randomised_response_is_bounded_below_its_epsilon_and_close() -> None:
    # Each canary's coin is told rightly with chance e^ε / (1 + e^ε): the theorem is tight.
    rng = np.random.default_rng(2)
    bounds = []
    for _ in range(40):
        right = int(rng.binomial(2000, np.exp(1.0) / (1 + np.exp(1.0))))
        bounds.append(one_run_bound(canaries=2000, guesses=2000, right=right))
    assert sum(bound > 1.0 for bound in bounds) <= 6, "5 % of the bounds may be too high"
    assert np.median(bounds) > 0.85


def test_clopper_pearson_of_no_hits_is_the_root_of_the_level() -> None:
    assert clopper_pearson(0, 10, 0.05) == pytest.approx((0.0, 1 - 0.05**0.1))
    assert clopper_pearson(10, 10, 0.05) == pytest.approx((0.05**0.1, 1.0))


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_noise_is_bounded_at_its_epsilon_and_too_little_noise_above_it(scale: float) -> None:
    def runs(count: int, noise: float) -> np.ndarray:  # type: ignore[type-arg]
        zeros = np.full(20_000, count, dtype=np.int64)
        return perturb(zeros, DiscreteLaplace(scale=noise)).astype(float)

    # The event is tight and the noise has no seed: so sure a bound is too high once in 10,000 runs.
    honest = neighbour_bound(runs(1, scale), runs(0, scale), confidence=0.9999)
    assert 0.6 / scale < honest <= 1 / scale
    mutant = neighbour_bound(runs(1, scale / 3), runs(0, scale / 3))
    assert mutant > 1 / scale


def test_two_runs_bound_nothing() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        neighbour_bound(np.zeros(2), np.ones(2))


@pytest.mark.parametrize("fixture", ["outcome_forces", "grouped_forces"])
def test_an_honest_claim_is_never_refuted_by_one_run(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    forces: Forces = request.getfixturevalue(fixture)
    with forces:
        release = PrivateStatistics(epsilon=1.0).apply(forces, forces.use_case, RNG)
        finding = audit.findings(forces, release, seed=1)[0]
    assert finding.value <= 1.0  # type: ignore[operator]
    assert finding.baseline == 1.0
    assert "REFUTED" not in finding.note


def test_raw_rows_that_claim_privacy_are_refuted_by_one_run(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        rows = Pseudonymisation().apply(forces, forces.use_case, RNG)
        false = Release(artefact=rows.artefact, privacy_loss=claim(1.0))
        finding = audit.findings(forces, false, seed=1)[0]
    assert finding.value > 1.0  # type: ignore[operator]
    assert "REFUTED" in finding.note


def test_each_canary_is_a_member_with_chance_one_half(outcome_forces: Forces) -> None:
    counts = []

    class Look:
        name = "look"
        schema = pa.schema([("x", pa.int64())])

        def observe(self, scene: object) -> pa.Table:
            rows, member, reference = audit.coins(scene, RNG)  # type: ignore[arg-type]
            counts.append((rows.num_rows, int(member.sum()), reference.num_rows))
            return pa.table({"x": pa.array([], pa.int64())})

    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        for _ in range(10):
            forces.assess(Look(), release, 1)
    people, members, _ = np.sum(counts, axis=0)
    assert people > 2000
    assert abs(members / people - 0.5) < 3.5 * 0.5 / np.sqrt(people) + 0.02


def counted(forces: Forces, epsilon: float) -> float:
    """The smaller noisy count of the two cells in which the neighbours differ."""
    release = PrivateStatistics(epsilon=epsilon).apply(forces, forces.use_case, RNG)
    assert isinstance(release.artefact, Statistics)
    return float(min(release.artefact.table.column("rows").to_pylist()[:2]))


@pytest.mark.parametrize(
    "runs", [pytest.param(60, id="sample"), pytest.param(1200, id="all", marks=pytest.mark.full)]
)
def test_private_statistics_stay_below_their_claim_on_the_worst_neighbours(
    runs: int, open_forces: Callable[..., Forces], grouped_use_case: UseCase
) -> None:
    def people(count: int) -> pa.Table:
        size = 6 * count
        return pa.table(
            {
                "record_id": pa.array(range(size), pa.int64()),
                "person_id": [f"SYN-{i // 6}" for i in range(size)],
                "linkage_token": [f"t{i // 6}" for i in range(size)],
                "ethnicity": ["asian"] * size,
                "sex": ["female", "male"] * (size // 2),
                "object": ["drugs"] * size,
                "found": pa.array([1] * size, pa.int64()),
            }
        )

    told = []
    for count in (2, 1):  # one person more, with as many groups and rows as the bounds allow
        with open_forces(
            grouped_use_case, {f"a{count}": people(count)}, held_out=0.0, epsilon=1e6
        ) as forces:
            told.append(np.array([counted(forces, 4.0) for _ in range(runs)]))
    assert neighbour_bound(*told) <= 4.0
    if runs > 1000:
        assert neighbour_bound(*told) > 0.3, "the audit is not blind"
