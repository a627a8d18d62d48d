"""The option from end to end: intervals that cover, a whole grid, and a loss that is charged."""

from dataclasses import replace

import numpy as np
import pytest

from minimisation import (
    BudgetExceededError,
    Contribution,
    Forces,
    GroupedStatistics,
    Statistic,
    Statistics,
    UseCase,
)
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.statistics import answers, grouped
from minimisation.statistics.answers import Noisy, figure
from minimisation.statistics.noise import DiscreteLaplace
from minimisation.statistics.parts import plan

RNG = np.random.default_rng(0)


def asking(forces: Forces, use_case: UseCase) -> Forces:
    """The forces opened for another question, with budget to spare."""
    forces.use_case = use_case
    for force in forces:
        force.ledger.epsilon = 1e6
    return forces


def test_the_release_has_every_declared_cell_and_its_interval(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces:
        release = PrivateStatistics(epsilon=1.0).apply(forces, grouped_use_case, RNG)
    table = release.artefact.table  # type: ignore[union-attr]
    assert table.num_rows == 3 * 5 * 2
    assert table.column_names[:3] == ["force", "ethnicity", "sex"]
    assert table.column_names[3:6] == ["rows", "rows_low", "rows_high"]
    assert table.column("force").to_pylist()[:2] == ["ashmere", "ashmere"]
    low, value, high = (
        np.array(table.column(name).to_pylist()) for name in ("rows_low", "rows", "rows_high")
    )
    assert ((low < value) & (value < high)).all()
    mean = np.array(table.column("mean_found").to_pylist(), dtype=float)
    known = ~np.isnan(mean)
    assert ((mean[known] >= 0) & (mean[known] <= 1)).all()
    assert table.column("mean_found_low").null_count == 0


def test_the_loss_is_what_the_boundaries_charged(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces:
        release = PrivateStatistics(epsilon=0.7).apply(forces, grouped_use_case, RNG)
    loss = release.privacy_loss
    assert loss is not None
    assert (loss.epsilon, loss.delta, loss.unit, loss.forces) == (0.7, 0.0, "person", 3)
    assert loss.bounds == (("groups", 2), ("rows", 3))
    assert [force.ledger.spent[0].epsilon for force in grouped_forces] == [0.7] * 3
    assert "counts in at most 2 groups" in release.remarks[0]


def test_a_budget_that_does_not_cover_it_stops_everything(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    grouped_forces.members[2].ledger.epsilon = 0.5
    with grouped_forces as forces, pytest.raises(BudgetExceededError):
        PrivateStatistics(epsilon=0.6).apply(forces, grouped_use_case, RNG)
    assert not any(force.ledger.spent for force in grouped_forces)
    assert not grouped_forces.meter.entries


def test_with_wide_bounds_and_a_large_epsilon_the_totals_are_the_exact_ones(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    wide = replace(grouped_use_case, contribution=Contribution(groups=10, rows=5))
    with asking(grouped_forces, wide) as forces:
        release = PrivateStatistics(epsilon=5000.0).apply(forces, wide, RNG)
        people = [force._people(members=True) for force in forces]
        exact = [
            relation.aggregate("count(*), sum(found)").fetchone() or (0, 0) for relation in people
        ]
    table = release.artefact.table  # type: ignore[union-attr]
    rows = np.array(table.column("rows").to_pylist()).reshape(3, -1)
    found = np.nan_to_num(np.array(table.column("mean_found").to_pylist(), dtype=float))
    assert rows.sum(axis=1).tolist() == [row[0] for row in exact]
    total = (found.reshape(3, -1) * rows).sum(axis=1)
    assert total == pytest.approx([row[1] for row in exact])


@pytest.mark.parametrize("by", [("ethnicity", "force"), ("sex",), ("force",)])
def test_forces_are_laid_out_or_added_up_as_the_question_says(
    grouped_forces: Forces, grouped_use_case: UseCase, by: tuple[str, ...]
) -> None:
    question = GroupedStatistics(by=by, statistics=(Statistic(aggregate="rows"),))
    wide = replace(
        grouped_use_case, question=question, contribution=Contribution(groups=10, rows=5)
    )
    with asking(grouped_forces, wide) as forces:
        release = PrivateStatistics(epsilon=5000.0).apply(forces, wide, RNG)
        counted: dict[tuple[str, ...], int] = {}
        for force in forces:
            for ethnicity, sex in force._people(members=True).project("ethnicity, sex").fetchall():
                row = {"force": force.name, "ethnicity": ethnicity, "sex": sex}
                cell = tuple(row[key] for key in by)
                counted[cell] = counted.get(cell, 0) + 1
    table = release.artefact.table  # type: ignore[union-attr]
    for row in table.to_pylist():
        assert row["rows"] == counted.get(tuple(row[key] for key in by), 0)


def test_the_gaussian_is_charged_its_delta(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    many = replace(grouped_use_case, contribution=Contribution(groups=10, rows=1))
    with asking(grouped_forces, many) as forces:
        release = PrivateStatistics(epsilon=1.0, delta=1e-5).apply(forces, many, RNG)
    assert release.privacy_loss is not None
    assert release.privacy_loss.delta == 1e-5
    assert "Gaussian" in release.privacy_loss.mechanism
    assert release.privacy_loss.delta_everywhere == pytest.approx(3e-5)


def test_counts_below_zero_are_raised_only_on_request(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces:
        plain = PrivateStatistics(epsilon=0.05).apply(forces, grouped_use_case, RNG)
        raised = PrivateStatistics(epsilon=0.05, non_negative=True).apply(
            forces, grouped_use_case, RNG
        )
    assert isinstance(plain.artefact, Statistics)
    assert isinstance(raised.artefact, Statistics)
    assert min(plain.artefact.table.column("rows").to_pylist()) < 0
    assert min(raised.artefact.table.column("rows").to_pylist()) >= 0
    assert min(raised.artefact.table.column("rows_low").to_pylist()) == 0


@pytest.mark.parametrize(("copies", "number", "share"), [(1, 400, 0.3), (3, 60, 0.9), (1, 30, 0.0)])
def test_intervals_cover_in_at_least_their_share_of_releases(
    grouped_use_case: UseCase, copies: int, number: int, share: float
) -> None:
    statistics = (
        Statistic(aggregate="rows"),
        Statistic(aggregate="sum", column="found"),
        Statistic(aggregate="mean", column="found"),
    )
    question = GroupedStatistics(by=("ethnicity", "sex"), statistics=statistics)
    use_case = replace(grouped_use_case, question=question)
    chosen = plan(use_case, question, 10)
    used = DiscreteLaplace(scale=chosen.l1 / 1.5)
    found = round(number * share)
    exact = {"rows": number, "sum_found": found, "centred_found": 2 * found - number}
    rng, trials = np.random.default_rng(4), 20_000
    drawn = rng.laplace(0, used.scale, (copies, len(exact), trials)).round().sum(axis=0)
    sums = {
        name: value * chosen.part(name).weight + drawn[place]
        for place, (name, value) in enumerate(exact.items())
    }
    noisy = Noisy(sums=sums, plan=chosen, noise=used, copies=copies)
    truth = {"rows": number, "sum_found": found, "mean_found": found / number}
    for asked in statistics:
        got = figure(use_case, question, asked, noisy)
        value = truth[asked.name]
        covered = float(((got.low <= value + 1e-9) & (value - 1e-9 <= got.high)).mean())
        assert 0.945 <= covered <= (0.96 if asked.aggregate != "mean" else 0.999)


def test_an_interval_without_the_noise_of_other_forces_does_not_cover(
    grouped_use_case: UseCase,
) -> None:
    chosen = grouped.plan_of(grouped_use_case)
    used = DiscreteLaplace(scale=8.0)
    rng = np.random.default_rng(4)
    drawn = rng.laplace(0, 8.0, (9, 20_000)).round().sum(axis=0)
    sums = {"rows": 100 + drawn, "centred_found": drawn}
    mutant = Noisy(sums=sums, plan=chosen, noise=used, copies=1)
    got = answers.figure(
        grouped_use_case,
        grouped_use_case.grouped,
        Statistic(aggregate="rows"),
        mutant,
    )
    assert float(((got.low <= 100) & (got.high >= 100)).mean()) < 0.7


def test_what_is_sent_and_what_it_costs_follow_from_public_facts(
    grouped_use_case: UseCase,
) -> None:
    step = grouped.PrivateSums(epsilon=1.0)
    assert step.sends(grouped_use_case).most_rows == 10
    assert step.sends(grouped_use_case).schema.names == [
        "ethnicity",
        "sex",
        "rows",
        "centred_found",
    ]
    # g (w r + w r W) with g = 2, r = 3, W = 1 and weights 1
    assert "L1 sensitivity 12" in step.loss(grouped_use_case).mechanism
