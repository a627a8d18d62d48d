"""Declared constraints: no synthetic row breaks one, and rows can be asked for under conditions."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from minimisation import Forces, Microdata, NotApplicableError, Option, Release, UseCase
from minimisation.contract.constraints import Constraint
from minimisation.options import RawPool
from sandbox.demo_study import demo_plans
from sandbox.study import Study
from synthetic import ON_REQUEST, constraints
from synthetic.constraints import broken, enforced, given, hold, violations

ADULT_MALES = Constraint(column="age", at_least=18, where=(("sex", ("male",)),))
FEWER_PRIORS_THAN_YEARS = Constraint(column="prior", at_most="age")
AT_LEAST_THREE = Constraint(column="prior", at_least=3)


def table(age: list[float | None], sex: list[str | None], prior: list[float]) -> pa.Table:
    return pa.table(
        {
            "age": pa.array(age, pa.float64()),
            "sex": pa.array(sex, pa.string()),
            "prior": pa.array(prior, pa.float64()),
        }
    )


def test_a_bound_by_category_holds_in_that_category_alone() -> None:
    rows = table([12, 12, None, 40], ["male", "female", "male", "male"], [0, 0, 0, 0])
    assert broken(rows, ADULT_MALES).tolist() == [True, False, False, False]


def test_an_order_of_two_columns_is_judged_row_by_row() -> None:
    rows = table([10, 2, None], ["male"] * 3, [10, 3, 9])
    assert broken(rows, FEWER_PRIORS_THAN_YEARS).tolist() == [False, True, False]


def test_a_value_is_drawn_again_from_those_that_keep_the_constraint(
    outcome_use_case: UseCase,
) -> None:
    rows = table([12, 15, 30, 50], ["male", "female", "male", "male"], [0, 0, 0, 0])
    held = hold(rows, outcome_use_case, [ADULT_MALES], np.random.default_rng(1))
    assert held["age"].to_pylist()[0] in {30, 50}
    assert held["age"].to_pylist()[1:] == [15, 30, 50]
    assert held.schema == rows.schema


def test_where_nobody_keeps_it_the_bound_itself_is_taken(outcome_use_case: UseCase) -> None:
    rows = table([12], ["male"], [0])
    held = hold(rows, outcome_use_case, [ADULT_MALES], np.random.default_rng(1))
    assert held["age"].to_pylist() == [18]


def test_a_row_that_cannot_be_put_right_is_left_out_and_counted(outcome_use_case: UseCase) -> None:
    impossible = Constraint(column="age", at_least=200, where=(("sex", ("male",)),))
    rows = table([12, 15], ["male", "female"], [0, 0])
    release = Release(artefact=Microdata(table=rows, synthetic=True))
    use_case = replace(outcome_use_case, constraints=(impossible,))
    done = enforced(release, use_case, np.random.default_rng(1))
    assert isinstance(done.artefact, Microdata)
    assert done.artefact.table["sex"].to_pylist() == ["female"]
    assert done.remarks == ("1 rows broke a declared constraint: 0 were put right, 1 left out.",)


def test_real_rows_and_unbroken_ones_come_back_as_they_are(outcome_use_case: UseCase) -> None:
    rows = table([12], ["male"], [0])
    real = Release(artefact=Microdata(table=rows))
    kept = Release(artefact=Microdata(table=table([20], ["male"], [0]), synthetic=True))
    use_case = replace(outcome_use_case, constraints=(ADULT_MALES,))
    rng = np.random.default_rng(1)
    assert enforced(real, use_case, rng) is real
    assert enforced(kept, use_case, rng) is kept


ROW = st.tuples(
    st.one_of(st.none(), st.integers(10, 90).map(float)),
    st.sampled_from(["female", "male", None]),
    st.integers(0, 10).map(float),
)


@settings(max_examples=60, deadline=None)
@for_any(rows=st.lists(ROW, min_size=1, max_size=12), seed=st.integers(0, 9))
def test_no_row_breaks_a_constraint_whatever_the_rows(
    outcome_use_case: UseCase, rows: list[tuple[float | None, str | None, float]], seed: int
) -> None:
    age, sex, prior = (list(each) for each in zip(*rows, strict=True))
    rules = [ADULT_MALES, FEWER_PRIORS_THAN_YEARS, AT_LEAST_THREE]
    made = table(age, sex, prior)  # type: ignore[arg-type]  # zip forgets the columns' types
    held = hold(made, outcome_use_case, rules, np.random.default_rng(seed))
    assert violations(held, rules) == 0
    assert held.num_rows == made.num_rows


def test_a_mutant_that_draws_from_everybody_would_be_caught(
    outcome_use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constraints, "_put_right", lambda table, *_: table)
    monkeypatch.setattr(constraints, "_any_broken", lambda table, _: np.zeros(len(table), bool))
    rows = table([12], ["male"], [0])
    held = hold(rows, outcome_use_case, [ADULT_MALES], np.random.default_rng(1))
    assert broken(held, ADULT_MALES).any()


def check_zero_violations(
    option: Option, open_forces: Callable[..., Forces], use_case: UseCase, people: pa.Table
) -> None:
    rules = (ADULT_MALES, AT_LEAST_THREE, FEWER_PRIORS_THAN_YEARS)
    ruled = replace(use_case, name="toy-ruled", constraints=rules)
    tables = []
    for case in (use_case, ruled):
        with open_forces(case, {"ashmere": people}, held_out=0.0) as forces:
            release = option.apply(forces, case, np.random.default_rng(1))
        assert isinstance(release.artefact, Microdata)
        tables.append(release.artefact.table)
    assert violations(tables[0], rules) > 0
    assert violations(tables[1], rules) == 0
    assert any("broke a declared constraint" in each for each in release.remarks)


def test_every_usual_option_has_zero_violations(
    option: Option,
    open_forces: Callable[..., Forces],
    outcome_use_case: UseCase,
    people: Callable[..., pa.Table],
) -> None:
    check_zero_violations(option, open_forces, outcome_use_case, people(200))


@pytest.mark.full
@pytest.mark.parametrize("candidate", ON_REQUEST, ids=lambda each: each.name)
def test_every_option_on_request_has_zero_violations(
    candidate: Option,
    open_forces: Callable[..., Forces],
    outcome_use_case: UseCase,
    people: Callable[..., pa.Table],
) -> None:
    check_zero_violations(candidate, open_forces, outcome_use_case, people(200))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The demonstration's question about serious violence, for a few invented people."""
    workspace = tmp_path_factory.mktemp("demo")
    plan, *_ = demo_plans(workspace, people=900, repeats=1)
    return Study(plan_path=plan, workspace=workspace)


def demo_rows(study: Study, option: Option) -> pa.Table:
    with study.forces() as forces:
        release = option.apply(forces, study.plan.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    return release.artefact.table


def test_real_rows_of_the_demonstration_keep_its_constraints(study: Study) -> None:
    rules = study.plan.use_case.constraints
    assert len(rules) >= 3
    assert violations(demo_rows(study, RawPool()), rules) == 0


def test_no_synthetic_row_of_the_demonstration_breaks_a_constraint(
    option: Option, study: Study
) -> None:
    assert violations(demo_rows(study, option), study.plan.use_case.constraints) == 0


@pytest.mark.full
@pytest.mark.parametrize("candidate", ON_REQUEST, ids=lambda each: each.name)
def test_no_row_on_request_of_the_demonstration_breaks_a_constraint(
    candidate: Option, study: Study
) -> None:
    assert violations(demo_rows(study, candidate), study.plan.use_case.constraints) == 0


def test_rows_under_a_condition_have_it_and_no_other_values() -> None:
    rows = table([12, 15, 30], ["male", "female", "male"], [0, 1, 2])
    drawn = given(rows, {"sex": "male"}, 50, np.random.default_rng(1))
    assert drawn.num_rows == 50
    assert set(drawn["sex"].to_pylist()) == {"male"}
    assert set(drawn["age"].to_pylist()) == {12, 30}


def test_a_condition_that_no_row_meets_is_refused() -> None:
    rows = table([12], ["male"], [0])
    with pytest.raises(NotApplicableError, match="occur together"):
        given(rows, {"sex": "female"}, 5, np.random.default_rng(1))
    with pytest.raises(ValueError, match="height"):
        given(rows, {"height": 5}, 5, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ({}, "at_least or at_most"),
        ({"at_least": "age"}, "another column"),
        ({"at_least": 5, "at_most": 4}, "at_least ≤ at_most"),
        ({"at_least": float("nan")}, "finite"),
        ({"at_least": 5, "where": (("sex", ()),)}, "label"),
    ],
)
def test_a_constraint_that_says_nothing_is_refused(bad: dict[str, object], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Constraint(column="age", **bad)  # type: ignore[arg-type]  # bad on purpose
