"""Linked persons: whose columns are whose, invented keys, nobody torn apart."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    Bounds,
    Column,
    Forces,
    GroupedStatistics,
    Microdata,
    Option,
    PayloadKind,
    Statistic,
    UseCase,
)
from minimisation.contract.constraints import Constraint
from minimisation.groups import LINK
from synthetic import LinkedPersons, PrivatePersons, rows
from synthetic.constraints import violations

Open = Callable[..., Forces]
OWN = ("ethnicity", "sex")

OPTIONS = [
    LinkedPersons(person_columns=OWN, fewest=10, seconds=600),
    pytest.param(PrivatePersons(person_columns=OWN, steps=25), marks=pytest.mark.slow),
]
EACH = pytest.mark.parametrize("candidate", OPTIONS, ids=lambda option: option.name)


def made(option: Option, forces: Forces, seed: int = 1) -> pa.Table:
    with forces:
        release = option.apply(forces, forces.use_case, np.random.default_rng(seed))
    assert isinstance(release.artefact, Microdata)
    assert release.artefact.synthetic
    assert rows.LINKED in release.remarks
    return release.artefact.table


def numbered(table: pa.Table) -> pa.Table:
    """Rows and distinct values of every column for each invented person."""
    names = [name for name in table.column_names if name not in ("force", LINK)]
    return table.group_by(["force", LINK]).aggregate([(name, "count_distinct") for name in names])


@EACH
def test_a_person_keeps_its_columns_and_a_key_that_nobody_had(
    candidate: Option, open_forces: Open, searches: UseCase, searched: Callable[..., pa.Table]
) -> None:
    records = {"ashmere": searched(40, 1), "brackley": searched(30, 2)}
    forces = open_forces(searches, records, held_out=0.0)
    table = made(candidate, forces)
    assert table.column_names == ["force", *searches.needed, LINK]
    assert {entry.kind for entry in forces.meter.entries}.isdisjoint({PayloadKind.ROWS})
    people = numbered(table)
    assert 35 < people.num_rows < 140
    assert set(people["sex_count_distinct"].to_pylist()) == {1}
    assert set(people["ethnicity_count_distinct"].to_pylist()) <= {0, 1}
    keys = set(table[LINK].to_pylist())
    assert all(key.startswith("SYNTHETIC-") for key in keys)
    assert keys.isdisjoint(records["ashmere"]["person_id"].to_pylist())


def test_hma_keeps_how_many_events_people_have_and_repeats_itself_only_with_the_same_seed(
    open_forces: Open, searches: UseCase, searched: Callable[..., pa.Table]
) -> None:
    records = {"ashmere": searched(25)}
    forces = open_forces(searches, records, held_out=0.0)
    option = LinkedPersons(person_columns=OWN, fewest=10, seconds=600)
    first, again, other = (made(option, forces, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert numbered(first).num_rows == 25
    held = pc.value_counts(first[LINK]).field("counts")
    assert pc.max(held).as_py() <= 3
    assert first.num_rows == records["ashmere"].num_rows


def test_persons_whose_events_have_no_columns_keep_their_number(
    open_forces: Open, searches: UseCase, searched: Callable[..., pa.Table]
) -> None:
    rows_only = (Statistic(aggregate="rows"),)
    question = GroupedStatistics(by=("sex", "ethnicity"), statistics=rows_only)
    use_case = replace(searches, question=question)
    records = searched(12)
    forces = open_forces(use_case, {"ashmere": records}, held_out=0.0)
    out = made(LinkedPersons(person_columns=OWN, fewest=2, seconds=600), forces)
    assert out.column_names == ["force", "ethnicity", "sex", LINK]
    assert out.num_rows == records.num_rows


BAD = {
    "a constant column": pa.array(["female"]),
    "a column of nulls": pa.nulls(1, pa.string()),
    "labels outside the domain": pa.array(["martian"]),
    "dates before 1900": pa.array([date(1850, 1, 1)]),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize(
    "candidate",
    [
        LinkedPersons(fewest=2, seconds=600),
        LinkedPersons(person_columns=OWN, fewest=2, seconds=600),
        pytest.param(PrivatePersons(person_columns=OWN, steps=20), marks=pytest.mark.full),
    ],
    ids=["linked without columns of persons", "linked", "private"],
)
def test_a_bad_column_of_events_comes_back_inside_its_domain(
    candidate: Option,
    case: str,
    open_forces: Open,
    searches: UseCase,
    searched: Callable[..., pa.Table],
) -> None:
    table = searched(6)
    column = pa.chunked_array([BAD[case]] * table.num_rows)
    bad = table.set_column(table.column_names.index("sex"), "sex", column)
    out = made(candidate, open_forces(searches, {"ashmere": bad}, held_out=0.0))
    assert set(out["sex"].drop_null().to_pylist()) <= {"female", "male"}
    assert set(out["object"].to_pylist()) <= {"drugs", "weapons"}
    assert set(out["found"].drop_null().to_pylist()) <= {0.0, 1.0}


@pytest.mark.parametrize("size", [1, 12])
def test_too_few_persons_and_too_little_time_end_in_independent_events_and_say_so(
    size: int, open_forces: Open, searches: UseCase, searched: Callable[..., pa.Table]
) -> None:
    option = LinkedPersons(person_columns=OWN, fewest=5, seconds=1e-9)
    with open_forces(searches, {"ashmere": searched(size)}, held_out=0.0) as forces:
        release = option.apply(forces, searches, np.random.default_rng(1))
    said = " ".join(release.remarks)
    assert "drawn independently in ashmere" in said
    assert ("stopped after 1e-09 s" in said) == (size > 5)
    assert numbered(release.artefact.table).num_rows == size  # type: ignore[union-attr]


def test_no_linked_row_breaks_a_constraint_and_no_person_is_torn_apart(
    open_forces: Open, searches: UseCase, searched: Callable[..., pa.Table]
) -> None:
    numbers = (
        Column(name="age", role="other", domain=Bounds(low=0, high=40)),
        Column(name="year", role="other", domain=Bounds(low=0, high=40)),
    )
    means = tuple(Statistic(aggregate="mean", column=column.name) for column in numbers)
    question = GroupedStatistics(by=("sex",), statistics=(Statistic(aggregate="rows"), *means))
    constraints = (
        Constraint(column="age", at_least=10),
        Constraint(column="year", at_most="age"),
        Constraint(column="age", at_least="year"),
    )
    use_case = replace(
        searches, columns=(*searches.columns, *numbers), question=question, constraints=constraints
    )
    base = searched(40)
    rng = np.random.default_rng(1)
    owner = np.unique(base["person_id"].to_pylist(), return_inverse=True)[1]
    table = base.append_column("age", pa.array(rng.integers(0, 41, 40)[owner]))
    table = table.append_column("year", pa.array(rng.integers(0, 41, len(base))))
    forces = open_forces(use_case, {"ashmere": table}, held_out=0.0)
    out = made(LinkedPersons(person_columns=("sex", "age"), fewest=10, seconds=600), forces)
    assert violations(out, constraints) == 0
    assert set(numbered(out)["age_count_distinct"].to_pylist()) == {1}
    assert out.num_rows > 30
