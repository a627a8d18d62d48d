"""Rows under conditions: exact where a model has conditionals, by choice with a bound elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Forces, Microdata, NotApplicableError, Option, UseCase
from synthetic import ON_REQUEST, ClearedMargins, IndependentColumns, SequentialTrees
from synthetic.conditions import DRAWN_PER_ROW, fitting, to_draw
from synthetic.junction import JunctionTree

Open = Callable[..., Forces]


def conditioned(
    option: Option, given: dict[str, str | float], forces: Forces, use_case: UseCase
) -> pa.Table:
    asked: Any = replace(option, given=given)  # type: ignore[type-var]  # every option is a dataclass
    with forces:
        release = asked.apply(forces, use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    assert f"Drawn given {', '.join(given)}." in release.remarks
    return release.artefact.table


def test_every_row_of_every_usual_option_has_what_is_given(
    option: Option, open_forces: Open, outcome_use_case: UseCase, people: Callable[..., pa.Table]
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(400)}, held_out=0.0)
    table = conditioned(option, {"sex": "male", "outcome": 1}, forces, outcome_use_case)
    assert table.num_rows > 100
    assert set(table["sex"].to_pylist()) == {"male"}
    assert set(table["outcome"].to_pylist()) == {1.0}


@pytest.mark.full
@pytest.mark.parametrize(
    "candidate",
    [each for each in ON_REQUEST if hasattr(each, "given")],
    ids=lambda each: each.name,
)
def test_every_row_of_every_option_on_request_has_what_is_given(
    candidate: Option, open_forces: Open, outcome_use_case: UseCase, people: Callable[..., pa.Table]
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(400)}, held_out=0.0)
    table = conditioned(candidate, {"sex": "male"}, forces, outcome_use_case)
    assert table.num_rows > 100
    assert set(table["sex"].to_pylist()) == {"male"}


@pytest.mark.parametrize("candidate", [SequentialTrees(), ClearedMargins()], ids=lambda o: o.name)
def test_other_columns_follow_what_is_given_where_the_floor_forgets_it(
    candidate: Option, open_forces: Open, outcome_use_case: UseCase, people: Callable[..., pa.Table]
) -> None:
    priors = {}
    for option, records in ((candidate, "ashmere"), (IndependentColumns(), "brackley")):
        forces = open_forces(outcome_use_case, {records: people(900)}, held_out=0.0)
        table = conditioned(option, {"outcome": 1}, forces, outcome_use_case)
        priors[option.name] = float(np.mean(table["prior"].to_numpy() > 5))
    assert priors[candidate.name] > 0.9
    assert priors["independent-columns"] < 0.6


def test_conditionals_of_a_tree_are_those_of_its_whole_table() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 3)), rng.random((3, 2))
    tree = JunctionTree(
        sizes=(2, 3, 2),
        nodes=((0, 1), (1, 2)),
        edges=(((0, 1), (1, 2)),),
        potentials={(0, 1): np.log(first), (1, 2): np.log(second)},
    )
    whole = np.einsum("ab,bc->abc", first, second)
    given = tree.given({0: 1, 2: 0})
    assert given is not None
    expected = whole[1, :, 0] / whole[1, :, 0].sum()
    assert np.allclose(given.probabilities((1,)), expected)
    assert np.allclose(given.probabilities((0,)), [0, 1])
    codes = given.rows(9000, rng)
    assert np.allclose(np.bincount(codes[1]) / 9000, expected, atol=0.002)


def test_what_has_no_chance_has_no_distribution() -> None:
    table = np.log(np.array([[0.5, 1e-300], [1e-300, 0.5]]))
    tree = JunctionTree(sizes=(2, 2), nodes=((0, 1),), edges=(), potentials={(0, 1): table})
    assert tree.given({0: 0}) is not None
    assert tree.given({0: 0, 1: 1}) is None


def test_no_more_rows_are_drawn_than_the_bound_and_all_that_fit_are_kept() -> None:
    assert (to_draw(10, {}), to_draw(10, {0: 1})) == (10, 10 * DRAWN_PER_ROW)
    codes = [np.array([1, 0, 1, 1]), np.array([5, 6, 7, 8])]
    assert fitting(codes, {0: 1}, 2)[1].tolist() == [5, 7]
    assert fitting(codes, {0: 9}, 2)[1].tolist() == []


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"height": 1}, "must be one of"),
        ({"sex": "martian"}, "public domain"),
        ({"age": 200}, "public domain"),
        ({"age": 18.5}, "public domain"),
        ({"age": "young"}, "public domain"),
    ],
)
def test_a_value_that_no_row_could_have_is_refused_before_anybody_is_asked(
    given: dict[str, str | float], rule: str, outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    with outcome_forces as forces, pytest.raises(ValueError, match=rule):
        replace(IndependentColumns(), given=given).apply(
            forces, outcome_use_case, np.random.default_rng(1)
        )
    assert forces.meter.entries == []


def test_what_nobody_has_is_refused_in_one_line(
    option: Option, open_forces: Open, outcome_use_case: UseCase, people: Callable[..., pa.Table]
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(200)}, held_out=0.0)
    with pytest.raises(NotApplicableError, match="must occur together"):
        conditioned(option, {"ethnicity": "black"}, forces, outcome_use_case)


def test_a_force_without_such_people_is_named(
    open_forces: Open, outcome_use_case: UseCase, people: Callable[..., pa.Table]
) -> None:
    old = people(100)
    young = old.set_column(4, "age", pa.array([15] * 100))
    forces = open_forces(outcome_use_case, {"ashmere": old, "brackley": young}, held_out=0.0)
    with forces:
        release = IndependentColumns(given={"age": 15}).apply(
            forces, outcome_use_case, np.random.default_rng(1)
        )
    said = " ".join(release.remarks)
    assert ("No row from ashmere" in said) == (15 not in old["age"].to_pylist())
    assert "brackley" not in said
