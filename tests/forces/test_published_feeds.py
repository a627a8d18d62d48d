"""Published police files, written again as published: every row of them is accounted for."""

import csv
from pathlib import Path

import duckdb
import pytest
from by_hand import taken, write_csv
from invented import MAPPINGS

from minimisation.contract.tables import TABLES
from minimisation.forces import sql
from minimisation.forces.intake import MALFORMED


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
    tally = taken(connection, MAPPINGS[mapping], *paths)
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
    tally = taken(connection, MAPPINGS["police-uk-stop-and-search"], path)
    assert tally.rows_in == len(lines) - 1
    assert sum(tally.quarantined.values()) == 3
    assert tally.quarantined[MALFORMED] == 1
