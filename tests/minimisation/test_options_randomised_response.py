"""Randomised response as an option: what leaves, what it estimates, and when it does not apply."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Contribution,
    Forces,
    GroupedStatistics,
    NotApplicableError,
    PayloadKind,
    PolicyError,
    Statistic,
    Statistics,
    UseCase,
)
from minimisation.options.randomised_response import RandomisedResponseOption
from minimisation.statistics import local_answers
from minimisation.statistics.noise import Integers
from minimisation.statistics.randomised_response import RandomisedResponse

OpenForces = Callable[..., Forces]
MUCH = 60.0
"""An epsilon at which every answer stays as it is."""

COUNTED = (Statistic(aggregate="persons"), Statistic(aggregate="mean", column="found"))


@pytest.fixture
def one_each(grouped_use_case: UseCase) -> UseCase:
    """The toy question, one row a person, of whom sex and whether something was found is asked."""
    return replace(
        grouped_use_case,
        question=GroupedStatistics(by=("force", "sex"), statistics=COUNTED),
        contribution=Contribution(groups=1, rows=1),
    )


def asked(forces: Forces, option: RandomisedResponseOption, seed: int = 1) -> pa.Table:
    for force in forces:
        force.ledger.epsilon = 1e6
    release = option.apply(forces, forces.use_case, np.random.default_rng(seed))
    assert isinstance(release.artefact, Statistics)
    assert release.privacy_loss == forces.privacy_loss()
    return release.artefact.table


def people(force: int, size: int = 40) -> pa.Table:
    """SYNTHETIC people with one record each: every fourth is female, of males every third found."""
    numbers = range(size)
    female = [number % 4 == 0 for number in numbers]
    return pa.table(
        {
            "record_id": [f"r{force}-{number}" for number in numbers],
            "person_id": [f"SYN-{force}-{number}" for number in numbers],
            "linkage_token": [f"token-{force}-{number}" for number in numbers],
            "ethnicity": ["white"] * size,
            "sex": ["female" if each else "male" for each in female],
            "object": ["drugs"] * size,
            "found": [
                float(not each and number % 3 == 0)
                for each, number in zip(female, numbers, strict=True)
            ],
        }
    )


def test_with_much_budget_the_answers_are_the_truth(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    with open_forces(one_each, {"a": people(1), "b": people(2, 20)}, held_out=0.0) as forces:
        table = asked(forces, RandomisedResponseOption(epsilon=MUCH))

    assert table.column("force").to_pylist() == ["a", "a", "b", "b"]
    assert table.column("persons").to_pylist() == pytest.approx([10, 30, 5, 15], abs=1e-6)
    found = [0, sum(n % 4 > 0 and n % 3 == 0 for n in range(40)) / 30]
    assert table.column("mean_found").to_pylist()[:2] == pytest.approx(found, abs=1e-6)


def test_both_payloads_give_the_same_answers_and_only_one_is_person_level(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    tables, rows = [], []
    for collected in (False, True):
        case = replace(one_each, name=f"toy-{collected}".lower())
        with open_forces(case, {"a": people(1)}, held_out=0.0) as forces:
            option = RandomisedResponseOption(epsilon=MUCH, collected=collected)
            tables.append(asked(forces, option))
            rows.append(forces.meter.by_force()["a"]["person_rows"])
    assert tables[0].equals(tables[1])
    assert rows == [0, 40]


def test_a_force_that_lets_no_rows_out_refuses_answers_one_by_one(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    kinds = frozenset(PayloadKind) - {PayloadKind.ROWS}
    with open_forces(one_each, {"a": people(1)}, kinds=kinds) as forces:
        asked(forces, RandomisedResponseOption())
        with pytest.raises(PolicyError, match="rows"):
            asked(forces, RandomisedResponseOption(collected=True))


def test_every_person_answers_once_however_many_rows_they_have(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    many = pa.concat_tables([people(1)] * 5)
    many = many.set_column(0, "record_id", pa.array([f"r{n}" for n in range(many.num_rows)]))
    with open_forces(one_each, {"a": many}, held_out=0.0) as forces:
        table = asked(forces, RandomisedResponseOption(epsilon=MUCH))
    assert table.column("persons").to_pylist() == pytest.approx([10, 30], abs=1e-6)


def test_estimates_lie_within_their_intervals_around_the_truth(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    inside = []
    with open_forces(one_each, {"a": people(1, 400)}, held_out=0.0) as forces:
        for seed in range(25):
            table = asked(forces, RandomisedResponseOption(epsilon=2.0), seed)
            low, high = (table.column(f"persons_{end}").to_pylist() for end in ("low", "high"))
            inside += [a < n < b for a, n, b in zip(low, (100, 300), high, strict=True)]
            wide = table.column("persons_high").to_numpy() - table.column("persons").to_numpy()
            assert 10 < wide.max() < 120
    assert sum(inside) >= 0.8 * len(inside)


def test_a_person_outside_the_grid_still_answers(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    # otherwise the number of answers would tell who is in the grid
    odd = people(1)
    odd = odd.set_column(4, "sex", pa.array(["unheard-of"] * 10 + ["male"] * 30))
    with open_forces(one_each, {"a": odd}, held_out=0.0) as forces:
        table = asked(forces, RandomisedResponseOption(epsilon=MUCH))
    assert table.column("persons").to_pylist() == pytest.approx([0, 30], abs=1e-6)


def test_the_loss_says_whose_and_that_taking_part_is_not_hidden(
    open_forces: OpenForces, one_each: UseCase
) -> None:
    with open_forces(one_each, {"a": people(1), "b": people(2)}) as forces:
        release = RandomisedResponseOption(epsilon=0.7).apply(
            forces, one_each, np.random.default_rng(1)
        )
    loss = release.privacy_loss
    assert loss is not None
    assert (loss.epsilon, loss.epsilon_everywhere, loss.unit) == (0.7, 1.4, "person")
    assert loss.neighbours == "replace one unit's answer"
    assert "took part is not hidden" in release.remarks[0]


def test_it_does_not_apply_where_one_answer_is_not_enough(
    grouped_forces: Forces, outcome_forces: Forces
) -> None:
    rng = np.random.default_rng(1)
    with grouped_forces as forces, pytest.raises(NotApplicableError, match="2 groups"):
        RandomisedResponseOption().apply(forces, forces.use_case, rng)
    with outcome_forces as forces, pytest.raises(NotApplicableError, match="model"):
        RandomisedResponseOption().apply(forces, forces.use_case, rng)


def test_too_many_answers_are_refused_before_anything_is_asked(
    open_forces: OpenForces, one_each: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_answers, "MOST_ANSWERS", 8)
    with (
        open_forces(one_each, {"a": people(1)}) as forces,
        pytest.raises(NotApplicableError, match="9"),
    ):
        asked(forces, RandomisedResponseOption())
    assert not any(force.ledger.spent for force in forces)


def test_answers_that_leave_as_they_are_would_be_seen(
    open_forces: OpenForces, one_each: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(_: object, codes: Integers) -> Integers:
        return codes

    def sent() -> bool:
        with open_forces(replace(one_each, name=str(len(names))), {"a": people(1)}) as forces:
            names.append("again")
            table = asked(forces, RandomisedResponseOption(epsilon=0.1))
        # the truth, unless chance was at work: no female was found with anything
        return bool(table.column("mean_found").to_pylist()[0] == 0)

    names: list[str] = []
    kept = RandomisedResponse.estimate
    monkeypatch.setattr(
        RandomisedResponse,
        "estimate",
        lambda self, counts, together=1: kept(replace(self, epsilon=MUCH), counts, together),
    )
    honest = [sent() for _ in range(4)]
    monkeypatch.setattr(RandomisedResponse, "randomise", same)
    assert all(sent() for _ in range(2))
    assert not all(honest)
