"""Released rows judged through the forces: what they keep, what they repeat, and against whom."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    Forces,
    LinearModel,
    Microdata,
    Option,
    Release,
    UseCase,
    UseCaseError,
)
from minimisation.contract.constraints import Constraint
from minimisation.contract.encoding import Encoding
from minimisation.options import KAnonymity, RawPool
from sandbox.findings import Finding
from sandbox.measures_synthetic import cell_counts, dependence, findings, inside, records
from sandbox.measures_synthetic.k_marginal import k_marginal
from sandbox.measures_synthetic.slopes import Regression, Slopes
from sandbox.report.glossary import ENTRIES
from synthetic import GaussianCopula, IndependentColumns

COLUMNS = ("age", "sex", "ethnicity", "prior", "outcome")


@pytest.fixture
def opened(outcome_forces: Forces) -> Iterator[Forces]:
    with outcome_forces as forces:
        yield forces


def rows_of(forces: Forces) -> pa.Table:
    """Members' rows with a force column, as pooling releases them."""
    release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    return release.artefact.table


def judged(forces: Forces, table: pa.Table) -> dict[str, Finding]:
    """Figures about everybody by name."""
    release = Release(artefact=Microdata(table=table))
    return {each.measure: each for each in findings.findings(forces, release, 1) if not each.group}


def value(finding: Finding) -> float:
    assert finding.value is not None
    return finding.value


def made_by(option: Option, forces: Forces) -> pa.Table:
    release = option.apply(forces, forces.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    return release.artefact.table


def test_the_very_rows_are_perfect_and_repeat_everybody(opened: Forces) -> None:
    found = judged(opened, rows_of(opened))
    perfect = {
        "k_marginal": 1000,
        "column_distance": 0,
        "dependence_distance": 0,
        "correlation_distance": 0,
        "propensity_mse": 0,
        "slope_distance": 0,
        "slope_interval_overlap": 1,
        "groups_erased_from_rows": 0,
        "groups_kept_in_rows": 1,
        "unique_exact_matches": 1,
    }
    assert {name: value(found[name]) for name in perfect} == pytest.approx(perfect, abs=1e-6)
    assert found["unique_exact_matches"].control == 0
    assert value(found["nearest_record"]) > 0.6
    assert "never a verdict" in found["nearest_record"].note


def test_figures_over_forces_equal_those_of_all_rows_together(opened: Forces) -> None:
    members = rows_of(opened).select(COLUMNS)
    released = made_by(IndependentColumns(), opened)
    found = judged(opened, released)
    numeric = ["age", "prior", "outcome"]
    assert value(found["k_marginal"]) == pytest.approx(
        k_marginal(members, released, COLUMNS, numeric)
    )
    apart = dependence.dependence_differences(members, released, COLUMNS)
    assert value(found["dependence_distance"]) == pytest.approx(np.mean(list(apart.values())))
    single = dependence.univariate_distances(members, released, COLUMNS)
    assert value(found["column_distance"]) == pytest.approx(np.mean(list(single.values())))


@pytest.mark.parametrize(
    ("measure", "sign"),
    [
        ("k_marginal", 1),
        ("dependence_distance", -1),
        ("correlation_distance", -1),
        ("slope_distance", -1),
        ("slope_interval_overlap", 1),
    ],
)
def test_independent_columns_rank_below_a_copula(
    open_forces: Callable[..., Forces], outcome_use_case: UseCase, measure: str, sign: int
) -> None:
    rng = np.random.default_rng(5)
    size = 900
    age = rng.integers(10, 91, size)
    prior = np.clip((age - 10) // 8 + rng.integers(-1, 2, size), 0, 10)
    people = pa.table(
        {
            "record_id": np.arange(size),
            "person_id": [f"SYN-{number}" for number in range(size)],
            "linkage_token": [f"token-{number}" for number in range(size)],
            "family_name": ["Testperson"] * size,
            "age": age,
            "sex": rng.choice(["female", "male"], size),
            "ethnicity": rng.choice(["asian", "white"], size),
            "prior": prior,
            "religion": ["none"] * size,
            "outcome": (prior > 5).astype(np.int64),
        }
    )
    with open_forces(outcome_use_case, {"ashmere": people}) as forces:
        floor, copula = (
            value(judged(forces, made_by(option, forces))[measure])
            for option in (IndependentColumns(), GaussianCopula())
        )
    assert sign * copula > sign * floor


def test_a_group_without_a_row_is_counted_as_erased(opened: Forces) -> None:
    rows = rows_of(opened)
    without = rows.filter(pc.not_equal(rows["sex"], "female"))
    found = judged(opened, without)
    assert value(found["groups_erased_from_rows"]) >= 1
    assert value(found["groups_kept_in_rows"]) < 1
    by_group = {
        each.group: each
        for each in findings.findings(opened, Release(artefact=Microdata(table=without)), 1)
        if each.measure == "slope_interval_overlap"
    }
    assert by_group["sex=female"].value == 0
    assert value(by_group["sex=male"]) == pytest.approx(1)


def test_shuffled_rows_repeat_unique_people_as_often_as_strangers(opened: Forces) -> None:
    found = judged(opened, made_by(IndependentColumns(), opened))["unique_exact_matches"]
    assert found.control is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low - 0.05 < found.control < found.high + 0.05


def test_a_broken_constraint_is_counted_in_rows(
    open_forces: Callable[..., Forces], outcome_use_case: UseCase, outcome_records: object
) -> None:
    use_case = replace(outcome_use_case, constraints=(Constraint(column="age", at_least=18),))
    with open_forces(use_case, outcome_records) as forces:
        rows = rows_of(forces)
        young = pc.sum(pc.less(rows["age"], 18)).as_py()
        found = judged(forces, rows)["constraint_violations"]
    assert young > 0
    assert found.value == young


def test_generalised_rows_get_the_figures_that_apply(opened: Forces) -> None:
    found = judged(opened, made_by(KAnonymity(), opened))
    assert value(found["k_marginal"]) > 900
    assert "propensity_mse" in found
    assert not {"unique_exact_matches", "apparent_matches", "nearest_record"} & set(found)


def test_no_released_row_has_no_score_and_a_model_none_at_all(
    opened: Forces, outcome_use_case: UseCase
) -> None:
    found = judged(opened, rows_of(opened).slice(0, 0))
    assert [(each.measure, each.value) for each in found.values()] == [("k_marginal", None)]
    encoding = Encoding.features(outcome_use_case, ("prior",))
    model = LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,))
    assert findings.findings(opened, Release(artefact=model), 1) == []


def test_a_grouped_question_is_judged_by_its_own_columns(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        found = judged(forces, made_by(IndependentColumns(), forces))
    assert value(found["k_marginal"]) > 900
    assert value(found["slope_distance"]) < 0.2


def test_everybody_may_be_a_member(
    open_forces: Callable[..., Forces], outcome_use_case: UseCase, outcome_records: object
) -> None:
    with open_forces(outcome_use_case, outcome_records, held_out=0.0) as forces:
        found = judged(forces, made_by(IndependentColumns(), forces))
    assert found["k_marginal"].baseline is None
    assert found["unique_exact_matches"].control is None


def test_every_figure_can_be_written_to_evidence(opened: Forces) -> None:
    release = Release(artefact=Microdata(table=made_by(IndependentColumns(), opened)))
    found = [each.as_json() for each in findings.findings(opened, release, 1)]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_figure_is_the_same_for_the_same_seed(opened: Forces) -> None:
    release = Release(artefact=Microdata(table=made_by(IndependentColumns(), opened)))
    assert findings.findings(opened, release, 3) == findings.findings(opened, release, 3)


def test_people_alone_and_strangers_are_told_apart_by_hand() -> None:
    members, held_out = np.array([0, 0, 1, 2]), np.array([0, 3, 4])
    released = np.array([1, 1, 3, 9])
    assert records.repeated(members, held_out, released) == (2, 1, 2, 1)
    assert records.repeated(members, held_out, released, once=True) == (2, 0, 2, 1)


def test_members_and_strangers_are_repeated_alike_by_an_independent_sample() -> None:
    rng = np.random.default_rng(1)
    gaps = []
    for _ in range(40):
        # a population with rare values
        members, held_out, released = (rng.geometric(0.01, size) for size in (400, 200, 400))
        alone, hits, strangers, chance = records.repeated(members, held_out, released)
        gaps.append(hits / alone - chance / strangers)
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(40)


def test_a_control_of_all_held_out_people_would_be_caught() -> None:
    """A mutant: held-out people whom members equal are common, and are repeated far more often."""
    rng = np.random.default_rng(1)
    members, held_out, released = (rng.geometric(0.05, 400) for _ in range(3))
    alone, hits, *_ = records.repeated(members, held_out, released)
    assert np.isin(held_out, released).mean() - hits / alone > 0.2


def test_equal_rows_have_equal_keys_and_no_others() -> None:
    codes = [np.array([0, 1, 0, 1]), np.array([2, 2, 2, 0])]
    key = records.keys(codes, [0, 1])
    assert key[0] == key[2]
    assert len({*key.tolist()}) == 3


def test_a_copy_is_nearer_to_whom_it_copies(outcome_use_case: UseCase) -> None:
    cells = inside.cells_of(outcome_use_case, ("age", "prior"))
    own, other = ([np.arange(5), np.arange(5)], [np.arange(40, 45), np.arange(5)])
    rng = np.random.default_rng(1)
    assert records.nearer_to_members(cells, own, other, own, rng) == (5.0, 5)
    assert records.nearer_to_members(cells, own, other, other, rng) == (0.0, 5)
    assert records.nearer_to_members(cells, own, own, other, rng)[0] == 2.5


def test_slopes_of_a_line_are_the_line(outcome_use_case: UseCase) -> None:
    rows = pa.table({"prior": [0, 10, 5, 5], "outcome": [0, 1, 0, 1]})
    regression = Regression.of(outcome_use_case, ("prior", "outcome"))
    assert regression is not None
    fitted = Slopes.of(regression.sums(rows)[0])
    assert fitted.value == pytest.approx([1.0])
    # residuals 0, 0, -½, ½ over 2 degrees of freedom; the term's squares are ½ around its mean
    assert fitted.error == pytest.approx([np.sqrt(0.25 / 0.5)])


def test_intervals_overlap_by_half_where_one_covers_half_of_the_other() -> None:
    one = Slopes(value=np.array([0.0]), error=np.array([1.0]))
    moved = Slopes(value=np.array([1.96]), error=np.array([1.0]))
    far = Slopes(value=np.array([9.0]), error=np.array([1.0]))
    lost = Slopes(value=np.array([np.nan]), error=np.array([np.nan]))
    assert [one.overlap(each) for each in (one, moved, far, lost)] == pytest.approx([1, 0.5, 0, 0])


def test_a_forty_percent_sample_is_equivalent_to_about_forty_percent(
    outcome_use_case: UseCase,
) -> None:
    rng = np.random.default_rng(1)
    cells = inside.cells_of(outcome_use_case, ("age", "prior"))
    codes = [rng.integers(0, 30, 4000), rng.integers(0, 8, 4000)]
    kept = rng.choice(4000, 1600, replace=False)
    target, sample = (
        cell_counts.counted(cells, side) for side in (codes, [each[kept] for each in codes])
    )
    score = cell_counts.k_marginal(target, sample)
    assert 0.3 <= cell_counts.subsample_equivalent(target, score, rng) <= 0.5


def test_a_value_is_drawn_from_its_set_or_interval(outcome_use_case: UseCase) -> None:
    interval = pa.struct([("low", pa.float64()), ("high", pa.float64())])
    released = pa.table(
        {
            "age": pa.array([{"low": 18.0, "high": 20.0}, None] * 50, interval),
            "sex": pa.array([["female", "male"], None] * 50, pa.list_(pa.string())),
        }
    )
    rows = inside.plain_rows(
        outcome_use_case, ("age", "sex"), released, np.random.default_rng(1)
    ).to_pydict()
    assert set(rows["age"]) == {18.0, 19.0, 20.0, None}
    assert set(rows["sex"]) == {"female", "male", None}


def test_a_use_case_refuses_a_constraint_on_what_it_does_not_bound(
    outcome_use_case: UseCase,
) -> None:
    for wrong in (
        Constraint(column="sex", at_least=1),
        Constraint(column="height", at_least=1),
        Constraint(column="age", at_least=1, where=(("sex", ("martian",)),)),
    ):
        with pytest.raises(UseCaseError, match="must"):
            replace(outcome_use_case, constraints=(wrong,))


def test_every_figure_of_synthetic_rows_is_explained_in_plain_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "synthetic-data.md").read_text("utf-8")
    named = re.findall(r"`([a-z_]+)`", page[page.index("| figure | says |") :])
    assert len(named) >= 14
    for name in named:
        assert name in ENTRIES, name
