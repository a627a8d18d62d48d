"""The door of a store: what no mapping brings in, and what no approved use case names."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from by_hand import HEADER, mapped, taken, write_csv
from invented import ALL, MAPPINGS

from minimisation import UseCase
from minimisation.contract.tables import TABLES
from minimisation.forces import door, judgement
from minimisation.forces.intake import Intake
from minimisation.forces.tally import Tally
from sandbox.use_case_files import load


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
    intake = Intake(connection=connection, needed=ALL)
    intake.take_all(
        [(MAPPINGS["demo-intelligence"], [report]), (MAPPINGS["demo-person"], [person])]
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
    intake = Intake(connection=connection, needed=ALL)
    intake.take(MAPPINGS["demo-person"], [person])
    tally = intake.take(MAPPINGS["demo-intelligence"], [report])
    assert "text" in tally.columns_not_needed
    assert tally.free_text == ()


def test_a_row_that_refers_to_nobody_is_quarantined(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    person, report = people(tmp_path, "standard", "standard")
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(person).slice(0, 1), person)
    intake = Intake(connection=connection, needed=ALL)
    intake.take(MAPPINGS["demo-person"], [person])
    tally = intake.take(MAPPINGS["demo-intelligence"], [report])
    assert tally.quarantined == {"person_id names no accepted person record": 1}


def test_only_columns_that_an_approved_use_case_names_are_loaded(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    needed = door.needed_columns([load("stop-search").value()])
    assert set(needed) == {"stop_search"}
    assert "outcome" not in needed["stop_search"]
    row = dict.fromkeys(TABLES["stop_search"].columns, "x") | {"found": 1, "searched_on": None}
    path = tmp_path / "stop_search.parquet"
    pyarrow.parquet.write_table(pa.table({name: [value] for name, value in row.items()}), path)
    tally = Intake(connection=connection, needed=needed).take(MAPPINGS["demo-stop-search"], [path])
    assert "outcome" in tally.columns_not_needed


def test_needed_columns_follow_references_counts_and_dates(outcome_use_case: UseCase) -> None:
    needed = door.needed_columns([load("serious-violence").value()])
    assert {"crime_id", "severity", "occurred_on", "recorded_on"} <= needed["crime"]
    assert {"crime_id", "person_id", "role", "arrested"} <= needed["involvement"]
    assert "text" not in needed["intelligence"]
    assert needed["person"] >= {"person_id", "linkage_token", "birth_date"}
    assert set(door.needed_columns([outcome_use_case])) == {"person"}
