"""The analysis table: features before the as-of date, label after, folds by person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    UseCase,
    UseCaseError,
)
from minimisation.contract.sources import AnyAfter, CountBefore, Field, YearsSince
from minimisation.contract.tables import TABLES
from minimisation.forces.analysis import Split, build

OpenForces = Callable[..., Forces]

CASE = UseCase(
    name="hand-made",
    title="Six invented people",
    purpose="testing",
    unit="person",
    as_of=date(2024, 1, 1),
    table="person",
    columns=(
        Column(name="person_id", role="direct_identifier", source=Field(column="person_id")),
        Column(
            name="age",
            role="quasi_identifier",
            domain=Bounds(low=10, high=30),
            source=YearsSince(column="birth_date"),
        ),
        Column(
            name="sex",
            role="quasi_identifier",
            domain=Categories(values=("female", "male")),
            optional=True,
            source=Field(column="sex"),
        ),
        Column(
            name="prior_violence",
            role="other",
            domain=Bounds(low=0, high=2),
            source=CountBefore(
                table="involvement",
                date="crime.recorded_on",
                months=12,
                where={"role": ("suspect",), "crime.severity": ("violence",)},
            ),
        ),
        Column(
            name="later",
            role="target",
            observed="after",
            domain=Bounds(low=0, high=1),
            source=AnyAfter(
                table="involvement",
                date="crime.occurred_on",
                months=24,
                where={"role": ("suspect",)},
            ),
        ),
    ),
    question=BinaryOutcome(target="later", features=("age", "sex", "prior_violence")),
    floor=Floor(measure="auc", value=0.7, direction="at_least"),
    business_as_usual=BusinessAsUsual(points={"prior_violence": {"per_unit": 1.0}}),
)

PEOPLE = """
    ('a', 'ta', date '2000-01-01', 'male', null),
    ('b', 'tb', date '2000-01-02', 'female', date '2023-06-01'),
    ('c', 'tc', date '1950-01-01', null, null),
    ('d', 'td', date '2013-12-31', 'unknown', null)
"""
CRIMES = """
    ('c1', date '2023-05-01', date '2023-05-02', 'violence'),
    ('c2', date '2022-12-30', date '2022-12-31', 'violence'),
    ('c3', date '2023-11-01', date '2024-02-01', 'violence'),
    ('c4', date '2024-01-01', date '2024-01-01', 'other'),
    ('c5', date '2025-12-31', date '2026-01-01', 'other'),
    ('c6', date '2026-01-01', date '2026-01-01', 'other')
"""
INVOLVEMENTS = """
    ('c1', 'a', 'suspect'), ('c2', 'a', 'suspect'), ('c3', 'a', 'suspect'),
    ('c1', 'b', 'victim'), ('c4', 'b', 'suspect'), ('c5', 'c', 'suspect'), ('c6', 'd', 'suspect'),
    ('c4', 'a', 'witness')
"""


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name, table in TABLES.items():
        columns = ", ".join(f'"{c}" {kind}' for c, kind in table.columns.items())
        connection.execute(f'create table "{name}" ({columns})')
    connection.execute(
        "insert into person (person_id, linkage_token, birth_date, sex, reviewed_on) "
        f"values {PEOPLE}"
    )
    connection.execute(
        f"insert into crime (crime_id, occurred_on, recorded_on, severity) values {CRIMES}"
    )
    connection.execute(
        "insert into involvement (involvement_id, crime_id, person_id, role) "
        f"select row_number() over (), * from (values {INVOLVEMENTS})"
    )
    return connection


def analysis(connection: duckdb.DuckDBPyConnection, case: UseCase) -> dict[str, tuple[object, ...]]:
    build(connection, case, Split(key="1", held_out=0.5), "ashmere")
    rows = connection.execute(
        "select person_id, age, sex, prior_violence, later from analysis"
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_features_are_cut_before_and_labels_after_the_as_of_date(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = analysis(connection, CASE)
    # a: c1 counts; c2 is older than 12 months; c3 was recorded after the as-of date.
    # a turned 24 on the day; c is clipped to 30; d is 10 and of an undeclared sex.
    assert rows == {
        "a": (24.0, "male", 1.0, 0.0),
        "b": (23.0, "female", 0.0, 1.0),
        "c": (30.0, None, 0.0, 1.0),
        "d": (10.0, None, 0.0, 0.0),
    }


def test_a_fact_dated_after_the_as_of_date_is_rejected(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    source = Field(column="review_result", dated_by="reviewed_on")
    domain = Categories(values=("low", "high"))
    late = Column(name="review", role="other", domain=domain, optional=True, source=source)
    case = replace(CASE, columns=(*CASE.columns, late))
    assert analysis(connection, case), "dated before the as-of date, so allowed"
    connection.execute("update person set reviewed_on = date '2024-01-01' where person_id = 'd'")
    with pytest.raises(UseCaseError, match="must be known before the as-of date"):
        analysis(connection, case)


def test_a_date_is_no_number_and_the_error_quotes_none(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    birth = replace(CASE.column("age"), name="born", source=Field(column="birth_date"))
    with pytest.raises(UseCaseError, match="must fit the store of force 'ashmere'") as caught:
        analysis(connection, replace(CASE, columns=(*CASE.columns, birth)))
    assert "2000" not in str(caught.value)


def test_a_label_cannot_be_used_as_a_feature() -> None:
    question = BinaryOutcome(target="later", features=("age", "future"))
    future = replace(CASE.column("later"), name="future", role="other")
    with pytest.raises(UseCaseError, match="feature 'future' must be known before"):
        replace(CASE, columns=(*CASE.columns, future), question=question)


def test_folds_follow_the_linkage_token_and_not_the_force(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def shares(force: str, key: str) -> list[tuple[str, float]]:
        build(connection, CASE, Split(key=key, held_out=0.5), force)
        return connection.execute("select person_id, share from analysis order by 1").fetchall()

    assert shares("ashmere", "1") == shares("brackley", "1")
    assert shares("ashmere", "1") != shares("ashmere", "2")


def test_all_rows_of_a_person_fall_in_the_same_fold(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        sides = [
            {row[0] for row in forces.members[0]._people(members=side).project("unit").fetchall()}
            for side in (True, False)
        ]
        assert all(sides)
        assert not sides[0] & sides[1]


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "empty.duckdb"))
    with pytest.raises(UseCaseError, match="table 'person' of use case 'hand-made'"):
        build(connection, CASE, Split(key="1", held_out=0.3), "ashmere")


def test_the_same_people_are_held_out_on_any_thread_count(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    digests = set()
    forces = open_forces(outcome_use_case, outcome_records)
    for threads in (1, 2):
        for force in forces:
            force.store = replace(force.store, threads=threads)
        with forces:
            digests.add(forces.held_out_digest())
    assert len(digests) == 1
