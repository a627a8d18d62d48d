"""Whether the shipped use cases fit the demo and the real files they are written for."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from minimisation import Bounds, Categories, Column, UseCase, UseCaseError
from minimisation.contract import sources
from minimisation.contract.tables import TABLES
from minimisation.forces.analysis import Split, build
from sandbox.demo import FORCES, generate
from sandbox.use_case_files import load, shipped

SPLIT = Split(key="1", held_out=0.3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The tables of a small demo's lead force."""
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, people=4000, seed=2)
    connection = duckdb.connect()
    for table in TABLES:
        path = folder / FORCES[0].name / f"{table}.parquet"
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{path}')")
    return connection


def test_four_use_cases_are_shipped() -> None:
    assert set(shipped()) >= {"serious-violence", "reoffending", "stop-search", "hotspots"}


@pytest.mark.parametrize("name", ["serious-violence", "stop-search", "hotspots"])
def test_every_stored_label_is_one_that_the_use_case_declares(
    store: duckdb.DuckDBPyConnection, name: str
) -> None:
    use_case = load(name).value()
    for column in use_case.columns:
        if isinstance(column.source, sources.Field) and isinstance(column.domain, Categories):
            stored = store.execute(
                f"SELECT DISTINCT {column.source.column} FROM {use_case.table}"
            ).fetchall()
            found = {value for (value,) in stored}
            assert found <= {*column.domain.values, *([None] if column.optional else [])}
            assert found & {*column.domain.values}, column.name


@pytest.mark.parametrize("name", ["serious-violence", "stop-search", "hotspots"])
def test_a_force_can_build_the_analysis_table(store: duckdb.DuckDBPyConnection, name: str) -> None:
    use_case = load(name).value()
    build(store, use_case, SPLIT, FORCES[0].name)
    for column in use_case.columns:
        rows = store.execute(f"SELECT count(*), count({column.name}) FROM analysis").fetchall()
        count, known = rows[0]
        assert known > 0, column.name
        assert column.optional or known == count, column.name


def test_the_planted_review_from_after_the_as_of_date_is_rejected(
    store: duckdb.DuckDBPyConnection,
) -> None:
    use_case = load("serious-violence").value()
    review = Column(
        name="review_result",
        role="other",
        domain=Categories(values=("low", "medium", "high")),
        optional=True,
        source=sources.Field(column="review_result", dated_by="reviewed_on"),
    )
    looking_ahead = replace(use_case, columns=(*use_case.columns, review))
    with pytest.raises(UseCaseError, match=r"review_result.*before the as-of date"):
        build(store, looking_ahead, SPLIT, FORCES[0].name)


@pytest.mark.parametrize("name", ["serious-violence", "reoffending", "stop-search"])
def test_each_use_case_has_columns_that_its_question_does_not_need(name: str) -> None:
    use_case = load(name).value()
    unneeded = {column.name for column in use_case.columns} - set(use_case.needed)
    assert unneeded - set(use_case.identifiers)


@pytest.mark.parametrize("name", ["stop-search", "hotspots"])
def test_protection_of_a_record_and_not_a_person_is_said(name: str) -> None:
    use_case = load(name).value()
    assert use_case.unit == "record"
    assert "unit is the record" in use_case.notes


def test_bounds_and_categories_of_reoffending_hold_every_value_of_the_real_file(
    shared: Path,
) -> None:
    use_case: UseCase = load("reoffending").value()
    rows = duckdb.read_parquet(str(shared / "data" / "compas_two_years.parquet"))
    for column in use_case.columns:
        values = {value for (value,) in rows.unique(column.name).fetchall()}
        if isinstance(column.domain, Categories):
            assert values == set(column.domain.values), column.name
        elif isinstance(column.domain, Bounds):
            assert column.domain.low <= min(values), column.name
            assert max(values) <= column.domain.high, column.name
        assert None not in values


def test_labels_of_stop_search_are_those_of_the_real_file(shared: Path) -> None:
    use_case = load("stop-search").value()
    rows = duckdb.read_parquet(str(shared / "data" / "uk_stop_search.parquet"))
    published = {
        "ethnicity": "officer_defined_ethnicity",
        "age_band": "age_range",
        "sex": "gender",
        "object": "object_of_search",
    }
    for name, stored in published.items():
        domain = use_case.column(name).domain
        assert isinstance(domain, Categories)
        values = {value for (value,) in rows.unique(stored).fetchall()}
        assert values - {None} == set(domain.values), name
