"""Noisy margins: each person counts once per feature, and the scorecard still ranks people."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    BinaryOutcome,
    Forces,
    LinearModel,
    PolicyError,
    Premises,
    UseCase,
    UseCaseError,
    groups,
)
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.statistics import margins, noise
from minimisation.statistics.margins import PrivateMargins

Row: TypeAlias = tuple[int, float | None, str | None, str, float, float]
"""Unit, age, ethnicity, sex, prior events, outcome."""

LABELS = {"age": 5, "sex": 2, "ethnicity": 5, "prior": 4}


def premises(use_case: UseCase, rows: Sequence[Row]) -> Premises:
    names = ["unit", "age", "ethnicity", "sex", "prior", "outcome"]
    types = [pa.int64(), pa.float64(), pa.string(), pa.string(), pa.float64(), pa.float64()]
    columns = list(zip(*rows, strict=True)) or [()] * 6
    table = pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
    return Premises(
        force="ashmere",
        use_case=use_case,
        people=duckdb.connect().from_arrow(table),
        inputs=None,
        secret=b"s" * 32,
        hold=lambda key, value: None,  # noqa: ARG005 - nothing is held here
    )


def test_one_person_is_in_one_cell_of_every_margin(
    outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "_draw", lambda values, _: values)
    person = (1, 17.0, None, "male", 2.0, 1.0)
    sent = PrivateMargins(epsilon=1.0).run(premises(outcome_use_case, [person]))
    ones = [tuple(row.values())[:3] for row in sent.to_pylist() if row["rows"]]
    assert ones == [
        ("age", "10 to <18", "1"),
        ("sex", "male", "1"),
        ("ethnicity", "missing", "1"),
        ("prior", "2 to <5", "1"),
    ]
    assert sent.num_rows == 2 * sum(LABELS.values())


def test_removing_a_person_moves_the_margins_by_at_most_one_each(
    outcome_use_case: UseCase,
) -> None:
    rng = np.random.default_rng(1)

    def row(unit: int) -> Row:
        ethnicity = [None, "asian", "white", "unheard of"][rng.integers(4)]
        sex = ["male", "female", "other"][rng.integers(3)]
        return (unit, float(rng.integers(0, 120)), ethnicity, sex, float(rng.integers(12)), 1.0)

    for _ in range(20):
        people = [row(unit) for unit in range(8) for _ in range(int(rng.integers(1, 4)))]
        whole = margins.exact_vector(premises(outcome_use_case, people))
        rest = [each for each in people if each[0] != 3]
        change = whole - margins.exact_vector(premises(outcome_use_case, rest))
        assert np.abs(change).sum() <= len(LABELS)
        assert (change**2).sum() <= len(LABELS)


def test_counting_rows_instead_of_people_is_caught(
    outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = margins.margin_sql
    monkeypatch.setattr(
        margins,
        "margin_sql",
        lambda use_case, feature: (
            bounded(use_case, feature)
            .replace("min(2 * domain.code + outcome)", "2 * domain.code + outcome")
            .replace(" group by unit", "")
        ),
    )
    twice = [(1, 17.0, None, "male", 2.0, 1.0)] * 2
    assert np.abs(margins.exact_vector(premises(outcome_use_case, twice))).sum() > len(LABELS)


def test_the_loss_counts_every_margin(outcome_use_case: UseCase) -> None:
    loss = PrivateMargins(epsilon=0.5).loss(outcome_use_case)
    assert (loss.epsilon, loss.delta, loss.bounds) == (0.5, 0.0, (("margins", 4), ("rows", 1)))
    used = margins.noise_of(outcome_use_case, 0.5, 0.0)
    assert noise.mechanism_loss(used, 4) <= 0.5
    assert noise.mechanism_loss(used, 5) > 0.5


def test_the_scorecard_follows_the_planted_outcome(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    with outcome_forces as forces:
        release = PrivateStatistics(epsilon=20.0).apply(
            forces, outcome_use_case, np.random.default_rng(0)
        )
    model = release.artefact
    assert isinstance(model, LinearModel)
    weight = dict(zip(model.encoding.terms, model.weights, strict=True))
    assert weight["prior=5 to 10"] > weight["prior=0 to <1"] + 1
    assert weight["age=18 to <25"] > weight["age=60 to 90"]
    assert release.privacy_loss is not None
    assert release.privacy_loss.epsilon_everywhere == 60.0


def test_margins_of_forces_add_up(outcome_use_case: UseCase) -> None:
    labels = groups.key_labels(outcome_use_case, "sex")
    payload = pa.table(
        {
            "feature": ["sex"] * 4,
            "label": [label for label in labels for _ in "01"],
            "outcome": ["0", "1"] * 2,
            "rows": pa.array([1, -2, 3, 4], pa.int64()),
        }
    )
    question = BinaryOutcome(target="outcome", features=("sex",))
    use_case = replace(outcome_use_case, question=question)
    summed = margins.by_feature(use_case, pa.concat_tables([payload, payload]))
    assert summed["sex"].column("rows").to_pylist() == [2.0, -4.0, 6.0, 8.0]


def test_a_grouped_question_has_no_margins(grouped_use_case: UseCase) -> None:
    with pytest.raises(UseCaseError, match="binary outcome"):
        PrivateMargins(epsilon=1.0).loss(grouped_use_case)


def test_a_force_that_refuses_leaves_no_answer_and_no_cost(
    outcome_use_case: UseCase, outcome_forces: Forces
) -> None:
    for force in outcome_forces.members[:1]:
        force.policy = replace(force.policy, steps=frozenset())
    with outcome_forces as forces, pytest.raises(PolicyError, match="not approved"):
        PrivateStatistics().apply(forces, outcome_use_case, np.random.default_rng(0))
    assert all(not force.ledger.spent for force in outcome_forces)
