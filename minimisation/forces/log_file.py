"""The SQLite files of a log, its entries and its anchor: opened, held, read."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minimisation.forces.log_chain import NOTHING, Head, Row

WAIT = 30.0
"""Seconds that a writer waits for another process."""

ENTRIES = """
create table if not exists entries (
    place integer primary key, body text not null, mac blob not null
)"""

ANCHOR = """
create table if not exists head (
    one integer primary key check (one = 1), place integer not null, mac blob not null,
    seal blob not null
)"""


def opened(path: Path, schema: str, durability: str) -> sqlite3.Connection:
    """A file, made if it is not there, that only its owner may read.

    Args:
        path: where it is; its folder is made.
        schema: SQL that makes its table.
        durability: SQLite's `synchronous`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {durability}")
        connection.execute(schema)
    except sqlite3.Error:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold a file; what was not committed when the block ends is undone."""
    connection.execute("begin immediate")
    try:
        yield connection
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


def read(connection: sqlite3.Connection, after: int = 0) -> list[dict[str, Any]]:
    """All entries behind a place, in order."""
    query = "select place, body from entries where place > ? order by place"
    rows = connection.execute(query, [after]).fetchall()
    return [{"place": place} | json.loads(body) for place, body in rows]


def sealed(connection: sqlite3.Connection, start: int | None = None) -> list[Row]:
    """Entries with their seals, in order: from a place on, or all, whatever places they claim."""
    chosen = "" if start is None else "where place >= :start "
    query = f"select place, body, mac from entries {chosen}order by place"
    return connection.execute(query, {"start": start}).fetchall()


def last(connection: sqlite3.Connection) -> Head:
    """Place and seal of the last entry."""
    query = "select place, mac from entries order by place desc limit 1"
    found = connection.execute(query).fetchone()
    return Head(count=found[0], mac=found[1].hex()) if found else NOTHING
