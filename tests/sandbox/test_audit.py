"""Lower bounds on epsilon: published values, never above an honest claim, above a false one."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Contribution,
    Forces,
    GroupedStatistics,
    Option,
    PrivacyLoss,
    Release,
    Statistic,
    UseCase,
)
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.pseudonymisation import Pseudonymisation
from minimisation.options.randomised_response import RandomisedResponseOption
from minimisation.statistics.randomised_response import NEIGHBOURS
from sandbox.attacks import audit, canaries, invented
from sandbox.attacks.canaries import REFUTED, Guesses, one_run_bound
from sandbox.attacks.neighbours import NeighbourAudit
from sandbox.findings import Finding

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(1)


def claim(epsilon: float) -> PrivacyLoss:
    return PrivacyLoss(
        epsilon=epsilon, delta=0.0, unit="person", bounds=(), forces=3, mechanism="a false claim"
    )


def test_one_run_bound_of_all_right_guesses_is_solved_by_hand() -> None:
    # All r guesses right has chance p^r; p = 0.01^(1/r); epsilon = log(p / (1 − p)).
    fair = 0.01 ** (1 / 100)
    found = one_run_bound(canaries=100, guesses=100, right=100)
    assert found == pytest.approx(np.log(fair / (1 - fair)), abs=1e-6)


def test_one_run_bound_is_zero_for_guessing_and_falls_with_delta() -> None:
    assert one_run_bound(canaries=1000, guesses=1000, right=510) == 0.0
    pure = one_run_bound(canaries=1000, guesses=500, right=450)
    assert one_run_bound(canaries=1000, guesses=500, right=450, delta=1e-5) < pure
    assert one_run_bound(canaries=1000, guesses=500, right=450, confidence=0.999) < pure
    with pytest.raises(ValueError, match="must be at most"):
        one_run_bound(canaries=10, guesses=5, right=6)


def test_randomised_response_is_bounded_below_its_epsilon_and_close() -> None:
    # Each canary's coin is told rightly with chance e^ε / (1 + e^ε): the theorem is tight.
    rng = np.random.default_rng(2)
    bounds = []
    for _ in range(40):
        right = int(rng.binomial(2000, np.exp(1.0) / (1 + np.exp(1.0))))
        bounds.append(one_run_bound(canaries=2000, guesses=2000, right=right))
    assert sum(bound > 1.0 for bound in bounds) <= 2, "1 % of the bounds may be too high"
    assert np.median(bounds) > 0.85


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


def counts_alone(grouped: UseCase) -> UseCase:
    """Counts of people who have one row each, in twenty cells."""
    question = GroupedStatistics(
        by=("force", "ethnicity", "sex", "object"), statistics=(Statistic(aggregate="rows"),)
    )
    return replace(grouped, question=question, contribution=Contribution())


def audited(option: Option, use_case: UseCase, runs: int) -> Finding:
    audit_again = NeighbourAudit(option=option, claim=claim(1.0), runs=runs, seconds=300)
    return audit_again.findings(use_case, seed=1)[0]


def test_an_honest_claim_is_never_refuted_by_its_worst_neighbours(
    grouped_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the noise has no seed: at 99 % one honest run in a hundred would be accused
    monkeypatch.setattr(canaries, "CONFIDENCE", 0.9999)
    finding = audited(PrivateStatistics(epsilon=1.0), counts_alone(grouped_use_case), 40)
    assert finding.value <= 1.0  # type: ignore[operator]
    assert finding.baseline == 1.0
    assert finding.positive > 1.5, "eight times the epsilon must be found out"  # type: ignore[operator]
    assert 1.0 < finding.detectable < 1.6  # type: ignore[operator]
    assert finding.needs == "refit"


@pytest.mark.parametrize(
    ("times", "runs"), [pytest.param(2, 60, id="halved"), pytest.param(1000, 10, id="off")]
)
def test_too_little_noise_is_refuted_by_its_worst_neighbours(
    times: int, runs: int, grouped_use_case: UseCase
) -> None:
    finding = audited(PrivateStatistics(epsilon=times), counts_alone(grouped_use_case), runs)
    assert finding.value > 1.0, finding  # type: ignore[operator]
    assert finding.note.endswith(REFUTED)


def test_an_option_that_replaces_people_is_audited_by_replacing_them(
    grouped_use_case: UseCase,
) -> None:
    option = RandomisedResponseOption(epsilon=1.0)
    honest = replace(claim(1.0), neighbours=NEIGHBOURS)
    again = NeighbourAudit(option=option, claim=honest, runs=10, seconds=300)
    finding = again.findings(counts_alone(grouped_use_case), seed=1)[0]
    assert finding.value <= 1.0  # type: ignore[operator]
    assert finding.value == finding.low


def test_an_audit_without_time_gives_no_verdict(grouped_use_case: UseCase) -> None:
    again = NeighbourAudit(option=PrivateStatistics(), claim=claim(1.0), seconds=0.0)
    finding = again.findings(counts_alone(grouped_use_case), seed=1)[0]
    assert finding.value is None
    assert "no verdict" in finding.note


def test_an_option_too_slow_for_the_fewest_runs_is_given_up_after_the_first() -> None:
    again = NeighbourAudit(option=PrivateStatistics(), claim=claim(1.0), seconds=2.0)
    assert again.affords(0, elapsed=0.0)
    assert again.affords(1, elapsed=1.0), "four such runs take four seconds, twice the time"
    assert not again.affords(1, elapsed=1.1)
    assert again.affords(3, elapsed=2.9), "the fourth makes it enough for a verdict"
    assert again.affords(9, elapsed=1.9)
    assert not again.affords(9, elapsed=2.1)


def test_canaries_fill_the_bounds_in_groups_of_their_own(grouped_use_case: UseCase) -> None:
    rows, owners = invented.canaries(grouped_use_case, most=20, rng=RNG)
    bounds = grouped_use_case.contribution
    assert np.bincount(owners).tolist() == [bounds.groups * bounds.rows] * 5, "ten cells, two each"
    cells = [
        set(
            zip(
                *rows.filter(pa.array(owners == o))
                .select(["ethnicity", "sex"])
                .to_pydict()
                .values(),
                strict=True,
            )
        )
        for o in range(5)
    ]
    assert [len(each) for each in cells] == [bounds.groups] * 5
    assert len(set.union(*cells)) == 10
    assert set(rows.column("found").to_pylist()) == {1.0}


def test_the_least_refutable_epsilon_is_refuted_four_times_in_five() -> None:
    told = [Guesses(canaries=400, guesses=400, right=0, anew=0)]
    least = canaries.least_refutable(told, claim(1.0))
    rng = np.random.default_rng(3)
    right = rng.binomial(400, np.exp(least) / (1 + np.exp(least)), 300)
    bounds = [canaries.largest([replace(told[0], right=int(each))], delta=0.0) for each in right]
    assert 0.7 < np.mean(np.array(bounds) > 1.0) < 0.9
