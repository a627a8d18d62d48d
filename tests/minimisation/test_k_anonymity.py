"""k-anonymity: who shares a class, what a class shows, and what stays hidden."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation import (
    Bounds,
    Categories,
    Column,
    Forces,
    Microdata,
    NotApplicableError,
    UseCase,
)
from minimisation.contract.questions import BinaryOutcome
from minimisation.contract.usecase import BusinessAsUsual, Floor
from minimisation.options import KAnonymity
from minimisation.options.k_anonymity import generalise, positions
from minimisation.options.mondrian import MISSING_POINT, Numbers, Points, classes

OpenForces = Callable[..., Forces]

AGE = Column(name="age", role="quasi_identifier", domain=Bounds(low=0, high=100), optional=True)
SEX = Column(
    name="sex", role="quasi_identifier", domain=Categories(values=("f", "m", "x")), optional=True
)
SPANS = np.array([100.0, 2.0])


def line(*ages: float) -> Points:
    return np.array(ages, dtype=float).reshape(-1, 1)


def fewest_people(members: Numbers, units: Numbers) -> int:
    """People in the smallest class: the check that every class must pass."""
    return min(len(np.unique(units[members == number])) for number in np.unique(members))


def split(points: Points, units: list[int] | None = None, *, k: int) -> list[int]:
    numbers = np.arange(len(points)) if units is None else np.array(units)
    return [int(each) for each in classes(points, numbers, np.full(points.shape[1], 100.0), k)]


def same_classes(members: list[int], expected: str) -> bool:
    """Whether rows share a class exactly where they share a letter."""
    return [members.index(each) for each in members] == [expected.index(each) for each in expected]


def test_two_and_two_people_make_two_classes() -> None:
    assert same_classes(split(line(10, 20, 30, 40), k=2), "aabb")


def test_the_odd_one_joins_a_neighbour() -> None:
    assert same_classes(split(line(10, 20, 30, 40, 50), k=2), "aaabb")


def test_a_cut_that_the_median_forbids_is_moved() -> None:
    assert same_classes(split(line(1, 1, 2, 2, 2), k=2), "aabbb")


def test_people_are_counted_and_not_rows() -> None:
    assert same_classes(split(line(10, 10, 40, 40), [0, 0, 1, 1], k=2), "aaaa")


def test_a_person_may_be_in_two_classes() -> None:
    assert same_classes(split(line(10, 40, 10, 40), [0, 0, 1, 1], k=2), "abab")


def test_missing_values_are_set_apart_where_enough_people_miss_them() -> None:
    gone = MISSING_POINT

    assert same_classes(split(line(10, gone, 20, gone), k=2), "abab")
    assert same_classes(split(line(10, gone, 20), k=2), "aaa")


def test_fewer_than_k_people_have_no_class() -> None:
    assert split(line(10, 20, 30), k=4) == [-1, -1, -1]
    assert split(line(10, 20, 30), [0, 0, 1], k=3) == [-1, -1, -1]


def test_k_off_by_one_is_caught() -> None:
    points, units = line(*range(9)), np.arange(9)

    assert fewest_people(classes(points, units, SPANS[:1], 5), units) >= 5
    assert fewest_people(classes(points, units, SPANS[:1], 5 - 1), units) < 5


def test_counting_rows_instead_of_people_is_caught() -> None:
    points, units = line(*range(60)), np.repeat(np.arange(20), 3)
    rows_counted = classes(points, np.arange(60), SPANS[:1], 5)

    assert fewest_people(classes(points, units, SPANS[:1], 5), units) >= 5
    assert fewest_people(rows_counted, units) < 5


def can_be_cut(points: Points, units: Numbers, k: int) -> bool:
    """Whether any cut at all leaves k people on both sides, tried one by one."""
    return any(
        len(set(units[points[:, column] <= value])) >= k
        and len(set(units[points[:, column] > value])) >= k
        for column in range(points.shape[1])
        for value in points[:, column]
    )


people = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 2.0, 30.0, 99.0, MISSING_POINT]),
        st.sampled_from([0.0, 1.0, 2.0, MISSING_POINT]),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=40,
)


@given(rows=people, k=st.integers(1, 6))
def test_every_class_has_k_people_and_cannot_be_cut_further(
    rows: list[tuple[float, float, int]], k: int
) -> None:
    points = np.array([row[:2] for row in rows])
    units = np.array([row[2] for row in rows])
    members = classes(points, units, SPANS, k)

    if len(set(units)) < k:
        assert set(members) == {-1}
        return
    assert set(members) == set(range(max(members) + 1))
    assert fewest_people(members, units) >= k
    assert not any(
        can_be_cut(points[members == number], units[members == number], k)
        for number in set(members)
    )


@given(
    ages=st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=30),
    sexes=st.lists(st.none() | st.sampled_from(["f", "m", "x"]), min_size=30, max_size=30),
    k=st.integers(1, 5),
)
def test_what_is_shown_covers_the_true_value_and_is_shared_in_a_class(
    ages: list[int | None], sexes: list[str | None], k: int
) -> None:
    table = pa.table(
        {
            "age": pa.array(ages, pa.float64()),
            "sex": pa.array(sexes[: len(ages)], pa.string()),
        }
    )
    points = positions((AGE, SEX), table)
    members = classes(points, np.arange(len(ages)), SPANS, min(k, len(ages)))
    shown = generalise((AGE, SEX), points, members).to_pylist()

    for true, row in zip(table.to_pylist(), shown, strict=True):
        if true["age"] is None:
            assert row["age"] in (None, {"low": 0.0, "high": 100.0})
        else:
            assert row["age"]["low"] <= true["age"] <= row["age"]["high"]
        assert (true["sex"] or "missing") in (row["sex"] or ["missing"])
    for number in set(members):
        alike = [str(row) for row, own in zip(shown, members, strict=True) if own == number]
        assert len(set(alike)) == 1


def test_a_class_that_mixes_missing_and_known_numbers_shows_the_whole_domain() -> None:
    table = pa.table({"age": pa.array([40.0, None]), "sex": pa.array(["x", None], pa.string())})
    points = positions((AGE, SEX), table)
    shown = generalise((AGE, SEX), points, np.array([0, 0])).to_pylist()

    assert shown == [{"age": {"low": 0.0, "high": 100.0}, "sex": ["x", "missing"]}] * 2


def test_a_class_that_misses_a_value_altogether_shows_null() -> None:
    table = pa.table({"age": pa.array([None, 7.0]), "sex": pa.array([None, "m"], pa.string())})
    points = positions((AGE, SEX), table)
    shown = generalise((AGE, SEX), points, np.array([1, 0])).to_pylist()

    assert shown == [
        {"age": None, "sex": None},
        {"age": {"low": 7.0, "high": 7.0}, "sex": ["m"]},
    ]


@pytest.fixture
def use_case() -> UseCase:
    return UseCase(
        name="tiny",
        title="Tiny",
        purpose="testing",
        unit="person",
        as_of=date(2024, 1, 1),
        table="person",
        columns=(
            Column(name="person_id", role="direct_identifier"),
            AGE,
            SEX,
            Column(name="prior", role="other", domain=Bounds(low=0, high=9)),
            Column(name="shoe", role="other", domain=Bounds(low=0, high=50)),
            Column(
                name="religion", role="sensitive_attribute", domain=Categories(values=("a", "b"))
            ),
            Column(name="outcome", role="target", domain=Bounds(low=0, high=1), observed="after"),
        ),
        question=BinaryOutcome(target="outcome", features=("age", "prior")),
        floor=Floor(measure="auc", value=0.5, direction="at_least"),
        business_as_usual=BusinessAsUsual(),
    )


def records(ages: list[int], ids: list[int] | None = None) -> pa.Table:
    size = len(ages)
    names = [f"SYN-{number:03d}" for number in (ids or list(range(size)))]
    return pa.table(
        {
            "record_id": pa.array(range(size), pa.int64()),
            "person_id": names,
            "linkage_token": names,
            "age": pa.array(ages, pa.int64()),
            "sex": ["m"] * size,
            "prior": pa.array([age % 10 for age in ages], pa.int64()),
            "shoe": pa.array([40] * size, pa.int64()),
            "religion": ["a"] * size,
            "outcome": pa.array([age % 2 for age in ages], pa.int64()),
        }
    )


def released(forces: Forces, k: int) -> tuple[pa.Table, tuple[str, ...]]:
    with forces:
        release = KAnonymity(k=k).apply(forces, forces.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    return release.artefact.table, release.remarks


def test_k_of_one_hides_nobody(open_forces: OpenForces, use_case: UseCase) -> None:
    ages = [10, 20, 30, 40]
    table, _ = released(open_forces(use_case, {"ashmere": records(ages)}, held_out=0.0), 1)

    assert table.column("age").to_pylist() == [{"low": age, "high": age} for age in ages]
    assert table.column("sex").to_pylist() == [["m"]] * 4


def test_a_pair_hides_each_other(open_forces: OpenForces, use_case: UseCase) -> None:
    forces = open_forces(use_case, {"ashmere": records([10, 21, 30, 41])}, held_out=0.0)
    table, remarks = released(forces, 2)

    assert table.column("age").to_pylist() == [
        {"low": 10.0, "high": 21.0},
        {"low": 10.0, "high": 21.0},
        {"low": 30.0, "high": 41.0},
        {"low": 30.0, "high": 41.0},
    ]
    assert table.column("outcome").to_pylist() == [0.0, 1.0, 0.0, 1.0]
    assert remarks == ()


def test_columns_that_are_neither_sensitive_nor_needed_stay_at_home(
    open_forces: OpenForces, use_case: UseCase
) -> None:
    forces = open_forces(use_case, {"ashmere": records([10, 20])}, held_out=0.0)
    table, _ = released(forces, 2)

    assert table.column_names == ["force", "age", "sex", "prior", "religion", "outcome"]


def test_a_force_of_fewer_than_k_people_is_suppressed_and_said(
    open_forces: OpenForces, use_case: UseCase
) -> None:
    both = {"ashmere": records([10, 20, 30]), "brackley": records([10, 20])}
    table, remarks = released(open_forces(use_case, both, held_out=0.0), 3)

    assert set(table.column("force").to_pylist()) == {"ashmere"}
    assert remarks == ("Fewer than k (3) people, all rows suppressed: brackley.",)


def test_classes_are_made_in_each_force_apart(open_forces: OpenForces, use_case: UseCase) -> None:
    both = {"ashmere": records([10, 20]), "brackley": records([15, 25])}
    table, _ = released(open_forces(use_case, both, held_out=0.0), 2)

    assert table.column("age").to_pylist() == [
        *[{"low": 10.0, "high": 20.0}] * 2,
        *[{"low": 15.0, "high": 25.0}] * 2,
    ]


def test_the_release_does_not_depend_on_who_is_who(
    open_forces: OpenForces, use_case: UseCase
) -> None:
    ages = [int(age) for age in np.random.default_rng(3).integers(0, 100, 60)]
    shuffled = [int(number) for number in np.random.default_rng(4).permutation(60)]
    first, _ = released(open_forces(use_case, {"ashmere": records(ages)}, held_out=0.0), 4)
    second, _ = released(
        open_forces(use_case, {"brackley": records(ages, shuffled)}, held_out=0.0), 4
    )

    assert first.drop_columns("force").equals(second.drop_columns("force"))


def test_what_is_kept_is_kept_as_it_was(outcome_forces: Forces) -> None:
    with outcome_forces:
        true = pa.concat_tables(
            [force._people(members=True).to_arrow_table() for force in outcome_forces]
        )
        release = KAnonymity(k=5).apply(
            outcome_forces, outcome_forces.use_case, np.random.default_rng(1)
        )
    assert isinstance(release.artefact, Microdata)
    for name in ("prior", "religion", "outcome"):
        shown = release.artefact.table.column(name)
        assert pc.value_counts(shown.combine_chunks().sort()).equals(
            pc.value_counts(true.column(name).combine_chunks().sort())
        )


def test_a_use_case_without_quasi_identifiers_has_nothing_to_generalise(
    open_forces: OpenForces, use_case: UseCase
) -> None:
    plain = tuple(
        replace(column, role="other") if column.role == "quasi_identifier" else column
        for column in use_case.columns
    )
    bare = replace(use_case, columns=plain)
    with (
        open_forces(bare, {"ashmere": records([10])}, held_out=0.0) as forces,
        pytest.raises(NotApplicableError, match="quasi-identifier"),
    ):
        KAnonymity().apply(forces, bare, np.random.default_rng(1))


def test_a_class_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match=r"k \(0\) must be at least 1"):
        KAnonymity(k=0)
