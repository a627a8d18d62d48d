"""Reads a published source, as it is, into the temporary table `landed`."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from minimisation.contract.errors import UseCaseError
from minimisation.forces import sql
from minimisation.forces.mapping import Mapping as SourceMapping

LANDED = "landed"
"""Temporary table: `source_row`, then `in:COLUMN` per source column, and `content`."""


def landed_name(source: str) -> str:
    """Name in `landed` of a source column; no harmonised column is called so."""
    return f"in:{source}"


def columns_of(
    connection: duckdb.DuckDBPyConnection, mapping: SourceMapping, paths: Sequence[Path]
) -> dict[str, str]:
    """Source column → DuckDB type, the same in every file.

    Raises:
        UseCaseError: if a file is not of its kind, or the files differ.
    """
    found: dict[str, str] = {}
    for path in paths:
        columns = header(path) if mapping.format == "csv" else _parquet_columns(connection, path)
        if found and list(found) != list(columns):
            raise UseCaseError(f"source ({path.name}) must have the same columns as the others")
        found = columns
    if not found:
        raise UseCaseError(f"mapping '{mapping.name}' must be given at least one source file")
    return found


def header(path: Path) -> dict[str, str]:
    """Columns of a CSV file, all text.

    DuckDB's own detection is not used: in a file with a malformed row it can take a later row for
    the header and drop what is above it without a word.

    Raises:
        UseCaseError: if there is no header, or two columns are called the same.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file, strict=True), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"source ({path.name}) must be a readable CSV file in UTF-8 with a header"
        raise UseCaseError(f"{msg} ({type(error).__name__})") from None
    if not names or not all(names) or len({name.lower() for name in names}) != len(names):
        raise UseCaseError(f"source ({path.name}) must have a header of distinct column names")
    return dict.fromkeys(names, "VARCHAR")


def _parquet_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    try:
        query = f"describe select * from read_parquet({sql.text(str(path))})"
        return {str(row[0]): str(row[1]) for row in connection.execute(query).fetchall()}
    except duckdb.Error as error:
        msg = f"source ({path.name}) must be a readable Parquet file"
        raise UseCaseError(f"{msg} ({type(error).__name__})") from None


def land(
    connection: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    paths: Sequence[Path],
    read: Sequence[str],
    content: Sequence[str],
) -> int:
    """Read the wanted columns of every row.

    Args:
        connection: can read the files.
        mapping: says how the source is published.
        paths: the files.
        read: source columns to read.
        content: source columns whose values together identify a row that has no id.

    Returns:
        Rows that are not well-formed and were left out.

    Raises:
        UseCaseError: if a file cannot be read to its end.
    """
    chosen = ["row_number() over () as source_row"]
    chosen += [f"{sql.name(name)} as {sql.name(landed_name(name))}" for name in read]
    if mapping.key is None:
        whole = (f"coalesce(cast({sql.name(name)} as varchar), chr(0))" for name in content)
        chosen.append(f"md5(concat_ws(chr(31), {', '.join(whole)})) as content")
    try:
        connection.execute(
            f"create or replace temp table {LANDED} as select {', '.join(chosen)} "
            f"from {_reader(mapping, paths)}"
        )
    except duckdb.Error as error:
        msg = f"source of mapping '{mapping.name}' must be readable to its end"
        raise UseCaseError(f"{msg} ({type(error).__name__})") from None
    return _malformed(connection) if mapping.format == "csv" else 0


def missing_columns(mapping: SourceMapping, types: Mapping[str, str], read: Sequence[str]) -> None:
    """Refuse a source that lacks a column that is to be read.

    Raises:
        UseCaseError: naming the columns.
    """
    missing = [name for name in read if name not in types]
    if missing:
        msg = f"source of mapping '{mapping.name}' must have column {', '.join(missing)}"
        raise UseCaseError(f"{msg}; it has: {', '.join(types)}")


def _malformed(connection: duckdb.DuckDBPyConnection) -> int:
    query = "select count(*) from (select distinct file_id, line from reject_errors)"
    row = connection.execute(query).fetchone()
    # DuckDB keeps the malformed lines themselves in these two tables
    connection.execute("drop table reject_errors")
    connection.execute("drop table reject_scans")
    return int(row[0]) if row else 0


def _reader(mapping: SourceMapping, paths: Sequence[Path]) -> str:
    files = "[" + ", ".join(sql.text(str(path)) for path in paths) + "]"
    if mapping.format == "parquet":
        return f"read_parquet({files})"
    columns = ", ".join(f"{sql.text(name)}: 'VARCHAR'" for name in header(paths[0]))
    return (
        f"read_csv({files}, auto_detect = false, columns = {{{columns}}}, header = true, "
        f"delim = ',', quote = '\"', escape = '\"', store_rejects = true)"
    )
