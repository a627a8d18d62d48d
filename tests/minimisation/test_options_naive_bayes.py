"""The scorecard: known answers by hand, and counts that are rounded, noisy or absent."""

import math

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Forces, LinearModel, UseCase
from minimisation.naive_bayes import (
    PRIOR_PEOPLE,
    margin_cells,
    margin_schema,
    margin_sql,
    scorecard,
)

COUNTS = [("female", "0", 90.0), ("female", "1", 10.0), ("male", "0", 60.0), ("male", "1", 40.0)]


def by_sex(counts: list[tuple[str, str, float]]) -> dict[str, pa.Table]:
    rows = [dict(zip(("sex", "outcome", "rows"), each, strict=True)) for each in counts]
    return {"sex": pa.Table.from_pylist(rows, schema=margin_schema(["sex"]))}


def weight(model: LinearModel, term: str) -> float:
    return model.weights[model.encoding.terms.index(term)]


def test_a_weight_is_the_label_s_log_odds_over_the_overall_log_odds(
    outcome_use_case: UseCase,
) -> None:
    model = scorecard(outcome_use_case, by_sex(COUNTS))
    rate = 51 / 202
    odds = math.log(rate / (1 - rate))
    male = math.log((40 + PRIOR_PEOPLE * rate) / (60 + PRIOR_PEOPLE * (1 - rate)))

    assert model.encoding.terms == ("sex=female", "sex=male")
    assert model.intercept == pytest.approx(odds)
    assert weight(model, "sex=male") == pytest.approx(male - odds)
    assert weight(model, "sex=female") < 0 < weight(model, "sex=male")


def test_a_label_that_nobody_has_says_nothing(outcome_use_case: UseCase) -> None:
    model = scorecard(outcome_use_case, by_sex(COUNTS[:2]))

    assert weight(model, "sex=male") == pytest.approx(0.0, abs=1e-12)


def test_a_negative_count_is_read_as_none(outcome_use_case: UseCase) -> None:
    below = [*COUNTS[:3], ("male", "1", -7.5)]
    none = [*COUNTS[:3], ("male", "1", 0.0)]

    assert scorecard(outcome_use_case, by_sex(below)) == scorecard(outcome_use_case, by_sex(none))


def test_margins_of_nothing_but_noise_still_give_a_model(outcome_use_case: UseCase) -> None:
    cells = margin_cells(outcome_use_case, ["ethnicity"])
    noise = np.random.default_rng(1).normal(0, 50, cells.num_rows)
    model = scorecard(outcome_use_case, {"ethnicity": cells.append_column("rows", pa.array(noise))})

    assert len(model.weights) == 5
    assert np.isfinite(model.weights).all()


def test_no_margin_gives_everyone_even_odds(outcome_use_case: UseCase) -> None:
    model = scorecard(outcome_use_case, {})

    assert model.weights == ()
    assert model.intercept == 0.0


def test_rows_of_several_forces_are_added(outcome_use_case: UseCase) -> None:
    halves = [(label, outcome, count / 2) for label, outcome, count in COUNTS] * 2

    assert scorecard(outcome_use_case, by_sex(halves)) == scorecard(
        outcome_use_case, by_sex(COUNTS)
    )


def test_unknown_labels_are_left_out(outcome_use_case: UseCase) -> None:
    more = [*COUNTS, ("unheard of", "1", 1000.0)]

    assert scorecard(outcome_use_case, by_sex(more)) == scorecard(outcome_use_case, by_sex(COUNTS))


def test_cells_pair_every_label_with_both_outcomes(outcome_use_case: UseCase) -> None:
    cells = margin_cells(outcome_use_case, ["sex"]).to_pydict()

    assert cells == {
        "sex": ["female", "female", "male", "male"],
        "outcome": ["0", "1", "0", "1"],
    }


def test_counts_from_sql_are_those_of_the_people(outcome_forces: Forces) -> None:
    use_case = outcome_forces.use_case
    with outcome_forces:
        people = outcome_forces.members[0]._people(members=True)
        counted = people.query("people", margin_sql(use_case, ["age"])).to_arrow_table()
        rows = people.to_arrow_table().to_pylist()

    found = {(row["age"], row["outcome"]): row["rows"] for row in counted.to_pylist()}
    young = [row for row in rows if row["age"] < 18]
    assert found["10 to <18", "1"] == sum(row["outcome"] for row in young)
    assert sum(found.values()) == len(rows)


def test_a_grouped_question_has_no_scorecard(grouped_use_case: UseCase) -> None:
    with pytest.raises(TypeError, match="BinaryOutcome"):
        scorecard(grouped_use_case, {})
