"""From a source to a store: every row ends accepted, refused or quarantined, and they add up."""

from pathlib import Path

import duckdb
import pytest
from by_hand import HEADER, mapped, taken, write_csv

from minimisation import StoreError, UseCaseError
from minimisation.forces import judgement
from minimisation.forces.intake import MALFORMED
from minimisation.forces.tally import Tally

OUTCOMES = {
    "1,a,2024-01-05,M,0": None,
    "2,a,2024-01-05T23:10:00+00:00,,": None,
    "3,a,2024-01-05,U,1.0": None,
    "4,a,5/1/2024,M,0": "searched_on is not a date",
    "5,a,2024-02-30,M,0": "searched_on is not a date",
    "6,a,,M,0": "searched_on is missing",
    "7,a,1066-10-14,M,0": "searched_on is not a plausible date",
    "8,a,2024-01-05,X,0": "sex is not in its code list",
    "9,a,2024-01-05,M,0.5": "found is not a whole number",
    "10,a,2024-01-05,M,2": "found is out of range",
    "11,,2024-01-05,M,0": "person_id is missing",
    "1,b,2024-01-05,M,0": "its record id occurs before",
    ",a,2024-01-05,M,0": "search_id is missing",
    "12,a,2024-01-05,M": MALFORMED,
    "13,a,2024-01-05,M,0,extra": MALFORMED,
}


def test_each_kind_of_fault_quarantines_its_row_and_no_other(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    tally = taken(connection, mapped(), write_csv(tmp_path / "a.csv", HEADER, *OUTCOMES))
    assert tally.rows_in == len(OUTCOMES)
    assert tally.accepted == 3
    expected: dict[str, int] = {}
    for reason in OUTCOMES.values():
        if reason is not None:
            expected[reason] = expected.get(reason, 0) + 1
    assert tally.quarantined == expected
    rows = connection.execute("from accepted_stop_search order by search_id").fetchall()
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[3] for row in rows] == ["male", None, None]
    assert [row[4] for row in rows] == [0, None, 1]


def test_quarantine_keeps_places_and_reasons_but_no_value(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    source = write_csv(tmp_path / "a.csv", HEADER, "1,a,Zebediah,M,0", "2,a,2024-01-05,Zebediah,0")
    tally = taken(connection, mapped(), source)
    kept = connection.execute("from quarantine order by source_row").fetchall()
    assert kept == [
        ("stop_search", 1, "searched_on is not a date"),
        ("stop_search", 2, "sex is not in its code list"),
    ]
    assert "Zebediah" not in repr(tally)


def test_rows_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(StoreError, match="reconcile"):
        Tally(table="crime", rows_in=10, accepted=7, refused={"a": 1}, quarantined={"b": 1})


def test_mutant_that_drops_a_bad_row_is_caught_by_reconciliation(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = judgement.read_sql
    monkeypatch.setattr(
        judgement,
        "read_sql",
        lambda *a, **k: f"select * from ({honest(*a, **k)}) where searched_on is not null",
    )
    source = write_csv(tmp_path / "a.csv", HEADER, "1,a,2024-01-05,M,0", "2,a,never,M,0")
    with pytest.raises(StoreError, match="reconcile"):
        taken(connection, mapped(), source)


def test_a_source_without_a_needed_column_is_named(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(UseCaseError, match="column found"):
        taken(connection, mapped(), write_csv(tmp_path / "a.csv", "id,who,day,sex", "1,a,b,M"))


def test_a_file_that_is_not_of_its_kind_is_refused_without_quoting_it(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("Zebediah")
    with pytest.raises(UseCaseError, match="Parquet") as error:
        taken(connection, mapped(format="parquet"), path)
    assert "Zebediah" not in str(error.value)


def test_a_malformed_last_row_is_not_taken_for_the_header(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    rows = [f"{number},a,2024-01-05,M,0" for number in range(5)]
    source = write_csv(tmp_path / "a.csv", HEADER, *rows, "9,a,2024-01-05,M,0,more")
    tally = taken(connection, mapped(), source)
    assert (tally.rows_in, tally.accepted) == (6, 5)


@pytest.mark.parametrize("first", ["", "id,id,day,sex,found", "id,,day,sex,found"])
def test_a_header_that_does_not_name_its_columns_is_refused(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, first: str
) -> None:
    with pytest.raises(UseCaseError, match="header"):
        taken(connection, mapped(), write_csv(tmp_path / "a.csv", first, "1,a,2024-01-05,M,0"))


def test_carriage_returns_quotes_line_breaks_and_byte_order_marks_are_read(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    path = tmp_path / "a.csv"
    rows = ['1,"a ""b"" c",2024-01-05,M,0', '2,"two\r\nlines",2024-01-05,M,0']
    path.write_bytes(("\ufeff" + "\r\n".join([HEADER, *rows]) + "\r\n").encode())
    tally = taken(connection, mapped(), path)
    assert (tally.rows_in, tally.accepted) == (2, 2)
    assert tally.columns_unknown == ()


def test_unknown_columns_of_a_changed_feed_are_reported_and_not_read(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    source = write_csv(tmp_path / "a.csv", f"{HEADER},nickname", "1,a,2024-01-05,M,0,Zeb")
    tally = taken(connection, mapped(), source)
    assert tally.columns_unknown == ("nickname",)
    with pytest.raises(duckdb.Error):
        connection.execute('select "in:nickname" from landed')


def test_a_record_without_an_id_keeps_its_made_id_when_others_come_and_go(tmp_path: Path) -> None:
    mapping = mapped(key=None)
    first = write_csv(tmp_path / "a.csv", HEADER, "9,a,2024-01-05,M,0", "8,b,2024-01-06,M,0")
    later = write_csv(tmp_path / "b.csv", HEADER, "7,c,2024-01-07,M,0", "8,b,2024-01-06,M,0")
    ids = []
    for path in (first, later):
        with duckdb.connect() as fresh:
            taken(fresh, mapping, path)
            query = "select search_id from accepted_stop_search where person_id = 'B'"
            ids.append(fresh.execute(query).fetchall())
    assert ids[0] == ids[1]


def test_equal_rows_without_an_id_are_kept_apart(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    row = "9,a,2024-01-05,M,0"
    tally = taken(connection, mapped(key=None), write_csv(tmp_path / "a.csv", HEADER, row, row))
    assert tally.accepted == 2
