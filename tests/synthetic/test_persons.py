"""Linked persons: whose columns are whose, invented keys, one record each, nobody torn apart."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    Bounds,
    Column,
    Contribution,
    Forces,
    GroupedStatistics,
    Microdata,
    NotApplicableError,
    Option,
    PayloadKind,
    Premises,
    Statistic,
    UseCase,
)
from minimisation.contract.constraints import Constraint
from minimisation.contract.sources import Field, Month, Source, YearsSince
from minimisation.groups import LINK, sums_of_rows
from synthetic import LinkedPersons, PrivatePersons, counting, persons, private_persons, rows
from synthetic.constraints import violations

Open = Callable[..., Forces]
OWN = ("ethnicity", "sex")
OPTIONS = [
    LinkedPersons(person_columns=OWN, fewest=10, seconds=600),
    pytest.param(PrivatePersons(person_columns=OWN, steps=25), marks=pytest.mark.slow),
]
EACH = pytest.mark.parametrize("candidate", OPTIONS, ids=lambda option: option.name)


@pytest.fixture
def searches(grouped_use_case: UseCase) -> UseCase:
    """Searches and persons searched, by ethnicity, sex and object."""
    return replace(
        grouped_use_case,
        question=GroupedStatistics(
            by=("force", "ethnicity", "sex", "object"),
            statistics=(
                Statistic(aggregate="persons"),
                Statistic(aggregate="rows"),
                Statistic(aggregate="mean", column="found"),
            ),
        ),
    )


@pytest.fixture
def searched() -> Callable[..., pa.Table]:
    """`searched(n)`: people searched one to three times, for the same object each time."""

    def build(size: int, seed: int = 3) -> pa.Table:
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(size), rng.integers(1, 4, size))
        objects = rng.choice(["drugs", "weapons"], size)[person]
        ethnicity = rng.choice(["asian", "white"], size)[person]
        return pa.table(
            {
                "record_id": pa.array(range(len(person)), pa.int64()),
                "person_id": [f"SYN-{number:05d}" for number in person],
                "linkage_token": [f"token-{number:05d}" for number in person],
                "ethnicity": ethnicity,
                "sex": rng.choice(["female", "male"], size)[person],
                "object": objects,
                "found": pa.array((objects == "drugs").astype(int), pa.int64()),
            }
        )

    return build


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


def test_columns_of_the_persons_own_record_are_the_persons(searches: UseCase) -> None:
    sources: dict[str, Source] = {
        "sex": Field(column="person.sex"),
        "age": YearsSince(column="person.birth_date"),
        "object": Field(column="object"),
    }
    age = Column(name="age", role="other", domain=Bounds(low=10, high=90))
    columns = tuple(
        replace(each, source=sources.get(each.name)) for each in (*searches.columns, age)
    )
    statistics = (Statistic(aggregate="rows"), Statistic(aggregate="mean", column="age"))
    question = GroupedStatistics(by=("sex", "object"), statistics=statistics)
    layout = persons.linked(replace(searches, columns=columns, question=question))
    assert [layout.cells[place].column.name for place in layout.persons] == ["sex", "age"]
    assert [layout.cells[place].column.name for place in layout.events] == ["object"]


def test_one_row_per_person_and_rows_of_nobody_are_not_applicable(
    searches: UseCase, outcome_use_case: UseCase
) -> None:
    for use_case in (outcome_use_case, replace(searches, unit="record")):
        with pytest.raises(NotApplicableError, match="must"):
            persons.linked(use_case)
    with pytest.raises(ValueError, match="person_columns"):
        persons.linked(searches, ["religion"])


def premises(table: pa.Table, use_case: UseCase) -> Premises:
    connection = duckdb.connect()
    return Premises(
        force="ashmere",
        use_case=use_case,
        people=connection.from_arrow(table),
        inputs=None,
        secret=b"",
        hold=lambda *_: None,
    )


PEOPLE = pa.table(
    {
        "unit": pa.array([1, 1, 1, 2, 3, 3], pa.int64()),
        "ethnicity": [None, "white", "white", "asian", "black", "black"],
        "sex": ["male", "male", "male", "female", "male", "male"],
        "object": ["drugs", "drugs", "weapons", "drugs", "weapons", "weapons"],
        "found": pa.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
        "month": ["2023-01", "2023-02", "2023-03", "2023-01", "2023-01", "2023-02"],
    }
)


def dated(use_case: UseCase, most: int) -> UseCase:
    month = Column(
        name="month", role="other", domain=Bounds(low=0, high=1), source=Month(column="day")
    )
    return replace(
        use_case,
        columns=(*use_case.columns, month),
        contribution=Contribution(groups=1, rows=most),
    )


def test_a_persons_record_holds_the_last_event_and_whether_another_differs(
    searches: UseCase,
) -> None:
    use_case = dated(searches, 3)
    layout = persons.linked(use_case, OWN)
    text = private_persons.records_sql(use_case, layout)
    people = premises(PEOPLE, use_case).people
    found = people.query(private_persons.EVENTS, f"select * from ({text}) order by unit")
    assert found.to_arrow_table().to_pylist() == [
        record(1, "white", "male", "weapons", 1.0, 3, 1, 1),
        record(2, "asian", "female", "drugs", 1.0, 1, 0, 0),
        record(3, "black", "male", "weapons", 0.0, 2, 0, 0),
    ]


def record(  # noqa: PLR0913, PLR0917 - one row, in the order of its columns
    unit: int, ethnicity: str, sex: str, last: str, found: float, number: int, *differs: int
) -> dict[str, object]:
    return {
        "unit": unit,
        "ethnicity": ethnicity,
        "sex": sex,
        "object": last,
        "found": found,
        "number_of_events": number,
        "other_object": differs[0],
        "other_found": differs[1],
    }


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_person_changes_no_margin_of_records_by_more_than_one_where_events_would(
    most: int, searches: UseCase
) -> None:
    use_case = dated(searches, most)
    layout = persons.linked(use_case, OWN)
    records = private_persons.records_of(use_case, layout)
    cells = rows.cells_of(records)
    cliques = [*counting.singles(cells), *counting.pairs(cells)]

    def counts(table: pa.Table) -> list[np.ndarray]:
        asked = premises(table, use_case)
        people = asked.people.query(
            private_persons.EVENTS, private_persons.records_sql(use_case, layout)
        )
        return counting.count(replace(asked, use_case=records, people=people), cells, cliques)

    others = PEOPLE.filter(pc.not_equal(PEOPLE["unit"], 1))
    changed = [
        int(np.abs(one - two).sum())
        for one, two in zip(counts(PEOPLE), counts(others), strict=True)
    ]
    assert max(changed) == 1
    # the broken twin: events counted as they are, without a bound on a person
    plain = rows.cells_of(use_case)
    events = [
        counting.count(premises(table, use_case), plain, [(1,)], most=10)[0]
        for table in (PEOPLE, others)
    ]
    assert int(np.abs(events[0] - events[1]).sum()) == 3


def test_events_unfold_from_records(searches: UseCase) -> None:
    use_case = dated(searches, 3)
    layout = persons.linked(use_case, OWN)
    found = [
        record(1, "white", "male", "weapons", 1.0, 3, 1, 0),
        record(2, "white", "male", "drugs", 1.0, 1, 0, 0),
    ]
    records = pa.Table.from_pylist(found).drop_columns(["unit"])
    tables = [
        private_persons.unfolded(use_case, layout, records, np.random.default_rng(seed))
        for seed in range(20)
    ]
    assert {table.num_rows for table in tables} == {4}
    for table in tables:
        assert table[LINK].to_pylist() == ["SYNTHETIC-000000"] * 3 + ["SYNTHETIC-000001"]
        assert table["object"][0].as_py() == "weapons"
        assert set(table["found"].to_pylist()) == {1.0}
    # the only other person of the same sex and ethnicity had drugs
    assert {value for table in tables for value in table["object"].to_pylist()[1:3]} == {
        "drugs",
        "weapons",
    }


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


def test_invented_persons_are_counted_once_in_a_cell(searches: UseCase) -> None:
    question = GroupedStatistics(
        by=("force", "object"), statistics=(Statistic(aggregate="persons"),)
    )
    table = pa.table(
        {
            "force": ["ashmere", "ashmere", "ashmere", "brackley"],
            "object": ["drugs", "drugs", "weapons", "drugs"],
            LINK: ["SYNTHETIC-0", "SYNTHETIC-0", "SYNTHETIC-0", "SYNTHETIC-0"],
        }
    )
    use_case = replace(searches, question=question)
    linked = sums_of_rows(use_case, table, ["ashmere", "brackley"])
    assert linked["persons"].to_pylist() == [1.0, 1.0, 1.0, 0.0]
    assert linked["rows"].to_pylist() == [2.0, 1.0, 1.0, 0.0]
    apart = sums_of_rows(use_case, table.drop_columns([LINK]), ["ashmere", "brackley"])
    assert apart["persons"].to_pylist() == apart["rows"].to_pylist()
