"""Identifiers: every spelling of one is one, in SQL as in Python."""

import csv
from pathlib import Path

import duckdb
import pytest
from by_hand import HEADER, mapped, taken, write_csv
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minimisation.forces import canonical


@pytest.mark.parametrize(
    "spelling", ["A1", "a1", " A1 ", "\tA1", "A1\r", "\uff211", "\uff41\uff11"]
)
def test_every_spelling_of_one_identifier_is_one_person(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, spelling: str
) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(HEADER.split(","))
        writer.writerow(["1", "A1", "2024-01-05", "M", "0"])
        writer.writerow(["2", spelling, "2024-01-05", "M", "0"])
    taken(connection, mapped(), path)
    query = "select distinct person_id from accepted_stop_search"
    assert connection.execute(query).fetchall() == [("A1",)]


def test_mutant_without_normal_form_counts_one_person_twice(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical, "canonical", lambda value: value)
    source = write_csv(
        tmp_path / "a.csv", HEADER, "1,A1,2024-01-05,M,0", "2,\uff211,2024-01-05,M,0"
    )
    taken(connection, mapped(), source)
    query = "select count(distinct person_id) from accepted_stop_search"
    assert connection.execute(query).fetchone() == (2,)


REUSED = duckdb.connect()


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8))
@example("ǅ")
@example("ﬁ ")
@example("\u00a0")
def test_sql_and_python_agree_on_the_canonical_spelling(value: str) -> None:
    REUSED.execute("create or replace temp table t as select ? as v", [value])
    beyond = canonical.prepare(REUSED, "t", ["v"])
    row = REUSED.execute(f"select {canonical.canonical_sql('v', beyond_ascii=beyond)} from t")
    assert (row.fetchall()[0][0] or "") == canonical.canonical(value)


@given(st.text(max_size=8))
def test_a_canonical_spelling_is_its_own_canonical_spelling(value: str) -> None:
    once = canonical.canonical(value)
    assert canonical.canonical(once) == once
