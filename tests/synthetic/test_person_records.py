"""Records of persons and their events: one record each, bounded margins, events unfolded again."""

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    Bounds,
    Column,
    Contribution,
    GroupedStatistics,
    NotApplicableError,
    Premises,
    Statistic,
    UseCase,
)
from minimisation.contract.sources import Field, Month, Source, YearsSince
from minimisation.groups import LINK, sums_of_rows
from synthetic import counting, person_records, persons, rows

OWN = ("ethnicity", "sex")


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
    text = person_records.records_sql(use_case, layout)
    people = premises(PEOPLE, use_case).people
    found = people.query(person_records.EVENTS, f"select * from ({text}) order by unit")
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
    records = person_records.records_of(use_case, layout)
    cells = rows.cells_of(records)
    cliques = [*counting.singles(cells), *counting.pairs(cells)]

    def counts(table: pa.Table) -> list[np.ndarray]:
        asked = premises(table, use_case)
        people = asked.people.query(
            person_records.EVENTS, person_records.records_sql(use_case, layout)
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
        person_records.unfolded(use_case, layout, records, np.random.default_rng(seed))
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
