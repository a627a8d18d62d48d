"""From a source to a store: every row accounted for, and what may never be stored stays outside."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minimisation import StoreError, UseCase, UseCaseError
from minimisation.contract.tables import TABLES
from minimisation.forces import canonical, door, judgement, sql
from minimisation.forces.intake import MALFORMED, Intake
from minimisation.forces.mapping import Mapping, read_mapping, read_mappings
from minimisation.forces.tally import Tally
from sandbox.use_case_files import load, shipped

SHIPPED = Path(__file__).parents[2] / "sandbox" / "mappings"
ALL = {name: frozenset(table.columns) for name, table in TABLES.items()}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def mapped(**changes: Any) -> Mapping:  # noqa: ANN401 - whatever a mapping holds
    content: dict[str, Any] = {
        "name": "test",
        "table": "stop_search",
        "format": "csv",
        "key": "id",
        "columns": {
            "person_id": {"source": "who", "kind": "id"},
            "searched_on": {"source": "day", "kind": "date", "required": True},
            "sex": {"source": "sex", "codes": {"M": "male", "F": "female"}, "missing": ["U"]},
            "found": {"source": "found", "kind": "integer", "low": 0, "high": 1},
        },
    }
    return Mapping.model_validate(content | changes)


def taken(connection: duckdb.DuckDBPyConnection, mapping: Mapping, *paths: Path) -> Tally:
    return Intake(connection=connection, needed=ALL).take(mapping, paths)


HEADER = "id,who,day,sex,found"

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


# identifiers


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


# the door


@pytest.mark.parametrize(
    "name",
    ["photo", "Mugshot URL", "custody_image", "cctv-footage", "fingerprints", "DNA profile",
     "face_template", "iris scan", "interview recording", "genetic marker"],
)  # fmt: skip
def test_media_biometric_and_genetic_columns_are_never_read(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    tally = taken_with(connection, tmp_path, name)
    assert [column.column for column in tally.columns_refused] == [name]
    assert "Zebediah" not in str(connection.execute("from landed").fetchall())


def taken_with(connection: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> Tally:
    """Take a source whose mapping asks for a column of that name."""
    source = write_csv(tmp_path / "a.csv", f"{HEADER},{name}", "1,a,2024-01-05,M,0,Zebediah")
    columns = mapped().model_dump()["columns"] | {"object": {"source": name}}
    return taken(connection, mapped(columns=columns), source)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("media", "photo"), ("biometric", "fingerprints"), ("genetic", "DNA profile")],
)
def test_mutant_that_does_not_know_a_kind_of_data_reads_it(
    tmp_path: Path,
    connection: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
) -> None:
    monkeypatch.setitem(door.NEVER, kind, "no such column")
    taken_with(connection, tmp_path, name)
    assert "Zebediah" in str(connection.execute("from landed").fetchall())


@pytest.mark.parametrize("name", ["sex", "recorded_on", "audit_id", "location", "gaiters", "dnar"])
def test_ordinary_columns_are_not_taken_for_media(name: str) -> None:
    assert door.refused_columns({name: "VARCHAR"}) == ()


def test_binary_columns_are_refused_whatever_they_are_called() -> None:
    assert door.refused_columns({"notes": "BLOB"})[0].rule == "binary data is never stored"


def test_a_mapping_cannot_bring_a_barred_column_in_under_another_name(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    columns = {"object": {"source": "photo"}}
    source = write_csv(tmp_path / "a.csv", "id,photo", "1,Zebediah")
    tally = taken(connection, mapped(columns=columns), source)
    assert tally.columns_not_needed == ("object",)
    described = connection.execute("describe accepted_stop_search").fetchall()
    assert [row[0] for row in described] == ["search_id"]


def people(tmp_path: Path, *handling: str) -> tuple[Path, Path]:
    """A person feed with given handling codes, and one report about each person."""
    ids = [f"p{number}" for number in range(len(handling))]
    person: dict[str, list[str | None]] = {
        name: [None] * len(ids) for name in TABLES["person"].columns
    }
    person |= {"person_id": [*ids], "handling": [*handling]}
    report: dict[str, list[str | None]] = {
        name: [None] * len(ids) for name in TABLES["intelligence"].columns
    }
    report |= {
        "intelligence_id": [f"i{number}" for number in range(len(ids))],
        "person_id": [*ids],
        "handling": ["standard"] * len(ids),
        "text": [f"report about {name}" for name in ids],
    }
    paths = tmp_path / "person.parquet", tmp_path / "intelligence.parquet"
    for path, content in zip(paths, (person, report), strict=True):
        pyarrow.parquet.write_table(pa.table(content), path)
    return paths


def check_refusals(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    person, report = people(tmp_path, "standard", "", "human source", "protected person", "new")
    mappings = read_mappings(SHIPPED)
    intake = Intake(connection=connection, needed=ALL)
    intake.take_all(
        [(mappings["demo-intelligence"], [report]), (mappings["demo-person"], [person])]
    )
    assert intake.tallies["person"].accepted == 2
    assert intake.tallies["person"].refused == {judgement.RESTRICTED: 3}
    assert intake.tallies["intelligence"].accepted == 2
    assert intake.tallies["intelligence"].refused == {judgement.ABOUT_REFUSED: 3}
    assert connection.execute("select count(*) from quarantine").fetchone() == (0,)


def test_restricted_records_and_all_that_is_about_them_are_refused(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    check_refusals(tmp_path, connection)


@pytest.mark.parametrize("reason", [judgement.RESTRICTED, judgement.ABOUT_REFUSED])
def test_mutant_that_drops_a_rule_of_refusal_is_caught(
    tmp_path: Path,
    connection: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    honest = judgement._rules
    monkeypatch.setattr(
        judgement, "_rules", lambda *a: [rule for rule in honest(*a) if rule.reason != reason]
    )
    with pytest.raises(AssertionError):
        check_refusals(tmp_path, connection)


def test_free_text_is_off_unless_the_force_switches_it_on(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    person, report = people(tmp_path, "standard")
    mappings = read_mappings(SHIPPED)
    intake = Intake(connection=connection, needed=ALL)
    intake.take(mappings["demo-person"], [person])
    tally = intake.take(mappings["demo-intelligence"], [report])
    assert "text" in tally.columns_not_needed
    assert tally.free_text == ()


def test_a_row_that_refers_to_nobody_is_quarantined(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    person, report = people(tmp_path, "standard", "standard")
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(person).slice(0, 1), person)
    mappings = read_mappings(SHIPPED)
    intake = Intake(connection=connection, needed=ALL)
    intake.take(mappings["demo-person"], [person])
    tally = intake.take(mappings["demo-intelligence"], [report])
    assert tally.quarantined == {"person_id names no accepted person record": 1}


# only what an approved use case names


def test_only_columns_that_an_approved_use_case_names_are_loaded(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    needed = door.needed_columns([load("stop-search").value()])
    assert set(needed) == {"stop_search"}
    assert "outcome" not in needed["stop_search"]
    row = dict.fromkeys(TABLES["stop_search"].columns, "x") | {"found": 1, "searched_on": None}
    path = tmp_path / "stop_search.parquet"
    pyarrow.parquet.write_table(pa.table({name: [value] for name, value in row.items()}), path)
    tally = Intake(connection=connection, needed=needed).take(
        read_mappings(SHIPPED)["demo-stop-search"], [path]
    )
    assert "outcome" in tally.columns_not_needed


def test_needed_columns_follow_references_counts_and_dates(outcome_use_case: UseCase) -> None:
    needed = door.needed_columns([load("serious-violence").value()])
    assert {"crime_id", "severity", "occurred_on", "recorded_on"} <= needed["crime"]
    assert {"crime_id", "person_id", "role", "arrested"} <= needed["involvement"]
    assert "text" not in needed["intelligence"]
    assert needed["person"] >= {"person_id", "linkage_token", "birth_date"}
    assert set(door.needed_columns([outcome_use_case])) == {"person"}


# mappings


def test_shipped_mappings_cover_both_published_sources_and_every_demo_table() -> None:
    mappings = read_mappings(SHIPPED)
    assert {f"demo-{name.replace('_', '-')}" for name in TABLES} < set(mappings)
    for mapping in mappings.values():
        if mapping.name.startswith("demo-"):
            assert set(mapping.columns) | {TABLES[mapping.table].key, "handling"} >= set(
                TABLES[mapping.table].columns
            )


def test_shipped_use_cases_need_only_what_demo_mappings_map() -> None:
    mappings = {m.table: m for m in read_mappings(SHIPPED).values() if m.name.startswith("demo-")}
    for table, columns in door.needed_columns([load(name).value() for name in shipped()]).items():
        assert columns <= {TABLES[table].key, *mappings[table].columns}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('table = "nothing"', "table"),
        ('table = "crime"\n[columns.shoe_size]\nsource = "x"', "shoe_size"),
        ('table = "crime"\ncolour = "red"\n[columns]', "colour"),
        (
            'table = "crime"\n[columns.offence]\nsource = "x"\ncodes = {a="b"}\nlabels = ["c"]',
            "both",
        ),
    ],
)
def test_a_bad_mapping_is_refused_by_its_key(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "m.toml"
    if "[columns" not in text:
        text += "\n[columns]"
    path.write_text(f'name = "m"\nformat = "csv"\n{text}\n')
    with pytest.raises(UseCaseError, match=rule):
        read_mapping(path)


# real files


def as_published(shared: Path, name: str, columns: dict[str, str], folder: Path) -> list[Path]:
    """The published CSV again: original header and column order, one file per force and month."""
    month = "file_month" if name == "uk_stop_search" else "month"
    source = f"read_parquet('{shared / 'data' / name}.parquet')"
    chosen = ", ".join(f"{value} as {sql.name(header)}" for header, value in columns.items())
    paths = []
    with duckdb.connect() as writer:
        for force, period in writer.execute(
            f"select distinct force, {month} from {source}"
        ).fetchall():
            path = folder / f"{period}-{force}.csv"
            writer.execute(
                f"copy (select {chosen} from {source} where force = ? and {month} = ?) "
                f"to '{path}' (header, delimiter ',')",
                [force, period],
            )
            paths.append(path)
    return sorted(paths)


STREET = {
    "Crime ID": "crime_id16", "Month": "month", "Reported by": "reported_by",
    "Falls within": "falls_within", "Longitude": "longitude", "Latitude": "latitude",
    "Location": "location", "LSOA code": "lsoa_code", "LSOA name": "lsoa_name",
    "Crime type": "crime_type", "Last outcome category": "last_outcome_category", "Context": "null",
}  # fmt: skip

SEARCH = {
    "Type": "search_type", "Date": "strftime(datetime_utc, '%Y-%m-%dT%H:%M:%S+00:00')",
    "Part of a policing operation": "part_of_policing_operation", "Policing operation": "null",
    "Latitude": "latitude", "Longitude": "longitude", "Gender": "gender",
    "Age range": "age_range", "Self-defined ethnicity": "self_defined_ethnicity",
    "Officer-defined ethnicity": "officer_defined_ethnicity", "Legislation": "legislation",
    "Object of search": "object_of_search", "Outcome": "outcome",
    "Outcome linked to object of search": "outcome_linked_to_object",
    "Removal of more than just outer clothing": "removal_of_more_than_outer_clothing",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "columns", "mapping", "rows"),
    [
        ("uk_street_crime", STREET, "police-uk-street-crime", 233_860),
        ("uk_stop_search", SEARCH, "police-uk-stop-and-search", 22_587),
    ],
)
def test_every_row_of_the_published_files_is_accounted_for(  # noqa: PLR0913, PLR0917 - table rows
    shared: Path,
    tmp_path: Path,
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: dict[str, str],
    mapping: str,
    rows: int,
) -> None:
    paths = as_published(shared, name, columns, tmp_path)
    counted = 0
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            counted += sum(1 for _ in csv.reader(file)) - 1
    assert counted == rows
    tally = taken(connection, read_mappings(SHIPPED)[mapping], *paths)
    assert tally.rows_in == counted
    assert tally.accepted == counted, (tally.refused, tally.quarantined)
    key = TABLES[tally.table].key
    query = f"select count(*), count(distinct {key}) from accepted_{tally.table}"
    assert connection.execute(query).fetchone() == (rows, rows)
    assert tally.columns_unknown == ()


def test_damaged_published_rows_are_quarantined_and_reconcile(
    shared: Path, tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    path = as_published(shared, "uk_stop_search", SEARCH, tmp_path)[0]
    lines = path.read_text("utf-8").splitlines()
    lines[3] = lines[3].replace("Male", "Robot").replace("Female", "Robot")
    lines[5] = "not,enough"
    lines[7] = lines[7].replace("2019-", "bad-")
    write_csv(path, *lines)
    tally = taken(connection, read_mappings(SHIPPED)["police-uk-stop-and-search"], path)
    assert tally.rows_in == len(lines) - 1
    assert sum(tally.quarantined.values()) == 3
    assert tally.quarantined[MALFORMED] == 1


def test_a_record_without_an_id_keeps_its_made_id_when_others_come_and_go(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
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
    assert connection is not None


def test_equal_rows_without_an_id_are_kept_apart(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    row = "9,a,2024-01-05,M,0"
    tally = taken(connection, mapped(key=None), write_csv(tmp_path / "a.csv", HEADER, row, row))
    assert tally.accepted == 2
