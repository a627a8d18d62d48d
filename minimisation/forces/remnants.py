"""Finds every place in which an identifier or its pseudonym survives: stores, logs, plain files."""

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from minimisation.forces import sql
from minimisation.forces.canonical import canonical
from minimisation.forces.lineage import Derivative
from minimisation.forces.vault import CLOSED, tables

TABULAR = {".parquet": "read_parquet", ".pq": "read_parquet"}
"""Files whose compression hides strings from a byte scan."""


@dataclass(frozen=True, kw_only=True)
class Remnant:
    """One place in which something survives."""

    where: str
    """Store and column, log, or file."""
    what: str
    """Which identifier: `person id`, `linkage token`, `pseudonym`, `audit token`."""


@dataclass(frozen=True, kw_only=True)
class Remnants:
    """What a search found."""

    found: tuple[Remnant, ...]
    """Places, in the order searched."""
    influenced: tuple[Derivative, ...]
    """Derivatives of snapshots that held the person. Their influence is recorded, not removable."""
    searched: int
    """Stores, logs and files searched."""
    not_searched: tuple[str, ...]
    """Files that could not be read, such as another force's stores."""


def needles(identifiers: Mapping[str, Iterable[str | None]]) -> dict[str, str]:
    """Every spelling to search for → which identifier it is, lower case.

    Args:
        identifiers: what it is → values, missing ones left out.
    """
    found: dict[str, str] = {}
    for what, values in identifiers.items():
        for value in values:
            if value and value.strip():
                for spelling in (value, value.strip(), canonical(value)):
                    found.setdefault(spelling.lower(), what)
    return found


def in_store(
    connection: duckdb.DuckDBPyConnection, where: str, wanted: Mapping[str, str]
) -> Iterator[Remnant]:
    """Search every text column of every table of an open store."""
    for schema, table in tables(connection):
        yield from _in_table(connection, f"{sql.name(schema)}.{sql.name(table)}", where, wanted)


def in_file(path: Path, where: str, wanted: Mapping[str, str]) -> list[Remnant] | None:
    """Search a file of any kind; None if it cannot be read."""
    if (function := TABULAR.get(path.suffix.lower())) is not None:
        with duckdb.connect(":memory:", config=CLOSED) as connection:
            relation = f"{function}({sql.text(str(path))})"
            try:
                return list(_in_table(connection, relation, where, wanted))
            except duckdb.Error:
                return None
    try:
        parts = list(_contents(path))
    except (OSError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError):
        return None
    found = {what for part in parts for what in _in_bytes(part, wanted)}
    return [Remnant(where=where, what=what) for what in sorted(found)]


def holds_ciphertext(path: Path) -> bool:
    """Whether a file is an encrypted DuckDB store, in which nothing can be seen without its key."""
    if path.suffix != ".duckdb":
        return False
    with duckdb.connect(":memory:", config=CLOSED) as connection:
        try:
            connection.execute(f"attach {sql.text(str(path))} as other (read_only)")
        except duckdb.Error:
            return True
    return False


def in_plain_store(path: Path, where: str, wanted: Mapping[str, str]) -> list[Remnant]:
    """Search a DuckDB file that is not encrypted."""
    with duckdb.connect(":memory:", config=CLOSED) as connection:
        connection.execute(f"attach {sql.text(str(path))} as other (read_only)")
        rows = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'other'"
        ).fetchall()
        found = []
        for schema, table in rows:
            name = f"other.{sql.name(schema)}.{sql.name(table)}"
            found += list(_in_table(connection, name, f"{where} {table}", wanted))
        return found


def _in_table(
    connection: duckdb.DuckDBPyConnection, relation: str, where: str, wanted: Mapping[str, str]
) -> Iterator[Remnant]:
    described = connection.execute(f"describe select * from {relation}").fetchall()
    for column, kind, *_ in described:
        if "VARCHAR" not in str(kind) and "BLOB" not in str(kind):
            continue
        for spelling, what in wanted.items():
            text = f"lower(cast({sql.name(column)} as varchar))"
            query = f"select 1 from {relation} where contains({text}, ?) limit 1"
            if connection.execute(query, [spelling]).fetchone():
                yield Remnant(where=f"{where} {column}", what=what)


def _contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, of what it compresses, and of what a zip container holds."""
    content = path.read_bytes()
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name.encode() + b"\0" + archive.read(name)


def _in_bytes(content: bytes, wanted: Mapping[str, str]) -> Iterator[str]:
    plain = content.lower()
    for spelling, what in wanted.items():
        written = (spelling.encode(), spelling.encode("utf-16-le"), spelling.encode("utf-16-be"))
        if any(form in plain for form in written):
            yield what
