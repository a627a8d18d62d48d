"""Reconstruction, averaging and differencing: known answers, noise that stops them, mutants."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from toy_cases import one_in_each_cell

from minimisation import Forces, Microdata, Release, Statistics, UseCase
from minimisation.options.each_force_alone import EachForceAlone
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.raw_pool import RawPool
from minimisation.statistics.noise import DiscreteLaplace, perturb
from sandbox.answers import answer
from sandbox.attacks import averaging, differencing, reconstruction, worlds
from sandbox.attacks.worlds import Pool
from sandbox.findings import Finding

RNG = np.random.default_rng(1)

Mechanism = Callable[[UseCase, pa.Table], Statistics]


def exact_table(forces: Forces) -> Release:
    raw = RawPool().apply(forces, forces.use_case, RNG).artefact
    return Release(artefact=answer(raw, forces.use_case, forces.names))


def headline(findings: list[Finding], measure: str) -> Finding:
    return next(f for f in findings if f.measure == measure)


def test_three_sums_determine_three_secrets() -> None:
    queries = sparse.csr_array(np.array([[1.0, 1, 0], [0, 1, 1], [1, 0, 1]]))
    found = reconstruction.solve(queries, np.array([1.0, 1, 2]), np.ones(3))
    assert found.tolist() == pytest.approx([1, 0, 1])


def test_random_sums_with_little_noise_give_secrets_away_and_much_noise_does_not() -> None:
    rng = np.random.default_rng(3)
    size = 60
    truth = (rng.random(size) < 0.5).astype(float)
    queries = sparse.csr_array((rng.random((4 * size, size)) < 0.5).astype(float))
    right = {}
    for scale in (0.0, 0.5, 60.0):
        answers = queries @ truth + rng.laplace(0, scale, 4 * size)
        told = reconstruction.solve(queries, answers, np.ones(size)) > 0.5
        right[scale] = float((told == (truth > 0)).mean())
    assert right[0.0] == 1.0
    assert right[0.5] > 0.95
    assert right[60.0] < 0.75, "noise above the root of the number of people hides them"


def test_means_of_tiny_groups_give_their_secrets_away(
    open_forces: Callable[..., Forces], grouped_use_case: UseCase
) -> None:
    # One person per cell: the mean is the secret.
    rng = np.random.default_rng(5)
    records = one_in_each_cell([rng.integers(0, 2, 8) for _ in range(16)])
    with open_forces(grouped_use_case, records, held_out=0.5) as forces:
        told = reconstruction.findings(forces, exact_table(forces), seed=1)
        noisy = PrivateStatistics(epsilon=0.5).apply(forces, forces.use_case, RNG)
        hidden = reconstruction.findings(forces, noisy, seed=1)
    assert headline(told, "reconstruction_success:found").value == 1.0
    assert headline(told, "reconstruction_risk:found").low > 0.4  # type: ignore[operator]
    assert headline(hidden, "reconstruction_risk:found").low < 0.2  # type: ignore[operator]


def test_means_of_large_groups_tell_members_no_better_than_others(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        findings = reconstruction.findings(forces, exact_table(forces), seed=1)
    risk = headline(findings, "reconstruction_risk:found")
    assert risk.low < 0 < risk.high  # type: ignore[operator]


def test_a_release_without_a_mean_has_nothing_to_reconstruct(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = RawPool().apply(forces, forces.use_case, RNG)
        finding = reconstruction.findings(forces, release, seed=1)[0]
    assert finding.value is None


def test_fresh_noise_is_averaged_away_and_a_repeated_release_is_not(grouped_forces: Forces) -> None:
    noise = DiscreteLaplace(scale=1.0)
    with grouped_forces as forces:
        table = exact_table(forces).artefact.table  # type: ignore[union-attr]
        counts = np.asarray(table.column("rows")).astype(np.int64)
        place = table.column_names.index("rows")
        history = [
            Release(artefact=Statistics(table=table.set_column(place, "rows", pa.array(noisy))))
            for noisy in (perturb(counts, noise).astype(float) for _ in range(60))
        ]
        fresh = averaging.findings(forces, history, seed=1)[0]
        same = averaging.findings(forces, [history[0]] * 60, seed=1)[0]
    assert fresh.value > 0.9  # type: ignore[operator]
    assert fresh.baseline < 0.8  # type: ignore[operator]
    assert same.value == same.baseline


def test_a_history_of_one_gives_no_verdict(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        found = averaging.findings(forces, [exact_table(forces)], seed=1)
    assert found[0].value is None


def test_a_repeated_release_counts_once_in_an_average() -> None:
    told = np.array([[1.0, 5.0], [1.0, 5.0], [4.0, 8.0]])
    assert averaging.average(told).tolist() == [2.5, 6.5]


def test_the_cell_that_grew_is_the_newcomers() -> None:
    cells = np.array([[3.0, 1, 4], [3, 2, 4], [3, 2, 5], [2, 2, 5]])
    assert differencing.grown(cells, RNG)[:2].tolist() == [1, 2]
    ties = np.stack([differencing.grown(cells, RNG) for _ in range(40)])[:, 2]
    assert set(ties.tolist()) == {1, 2}


def test_exact_tables_tell_who_came_and_noise_hides_it(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        told = differencing.findings(forces, RawPool(), 1, comers=8)
        hidden = differencing.findings(forces, PrivateStatistics(epsilon=0.1), 1, comers=8)
    success, risk = (headline(told, f"differencing_{kind}") for kind in ("success", "risk"))
    assert success.value == 1.0
    assert risk.low > 0.6  # type: ignore[operator]
    assert success.control < 0.5  # type: ignore[operator]
    finding = headline(hidden, "differencing_risk")
    assert finding.positive == pytest.approx(1.0)
    assert finding.low < 0.05  # type: ignore[operator]
    assert finding.value < 0.4  # type: ignore[operator]


def test_a_positive_control_that_hides_people_gives_no_verdict(
    grouped_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(forces: Forces, known: dict[str, Pool], _: object) -> Microdata:
        none = {name: np.zeros(len(pool.kind), dtype=np.bool_) for name, pool in known.items()}
        return copy(forces, known, none)

    copy = worlds.copy
    monkeypatch.setattr(worlds, "copy", nobody)
    with grouped_forces as forces:
        finding = differencing.findings(forces, RawPool(), 1, comers=6)[0]
    assert finding.value is None
    assert "no verdict" in finding.note


def test_an_option_that_cannot_be_run_again_gets_no_verdict(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        finding = differencing.findings(forces, EachForceAlone(), 1, comers=1)[0]
    assert finding.value is None
    assert "could not be run" in finding.note
