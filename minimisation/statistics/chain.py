"""A table in one SQLite file whose lines are chained by keyed hashes, shared by processes.

Each line carries a keyed hash of itself and the line before. The newest is also kept in an anchor
file beside, so that a file restored from an old copy is noticed; restoring both is not.
"""

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from minimisation.contract.errors import StoreError

Cell: TypeAlias = str | int

START = "0" * 64
"""Hash before the first line."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The chained table `line` of a file, beside whatever other tables its owner declares."""

    path: Path
    """The SQLite file; its anchor lies beside it."""
    key: bytes = field(repr=False)
    """Keys the hashes; held by the force alone."""
    columns: tuple[str, ...]
    """Columns of a line beside its number and hash."""
    tables: tuple[str, ...]
    """Statements that create the tables if they do not exist, `line` among them."""

    @property
    def anchor(self) -> Path:
        """File beside it with the number and hash of the newest line."""
        return self.path.with_suffix(self.path.suffix + ".anchor")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other process shares; undone on any error.

        Raises:
            StoreError: if the file cannot be used or was turned back.
        """
        try:
            connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(f"the ledger cannot be opened ({type(error).__name__})") from None
        try:
            connection.execute("pragma synchronous = full")
            connection.execute("begin immediate")
            for statement in self.tables:
                connection.execute(statement)
            self._check_anchor(connection)
            yield connection
            connection.execute("commit")
            self._write_anchor(connection)
        except sqlite3.Error as error:
            raise StoreError(f"the ledger cannot be used ({type(error).__name__})") from None
        finally:
            connection.close()

    def next_number(self, connection: sqlite3.Connection) -> int:
        """Number that the next line will have."""
        return self._head(connection)[0] + 1

    def append(self, connection: sqlite3.Connection, cells: Sequence[Cell]) -> int:
        """Add a line; returns its number."""
        number, previous = self._head(connection)
        names = ", ".join(self.columns)
        connection.execute(
            f"insert into line (number, hash, {names}) values (?, ?{', ?' * len(cells)})",
            [number + 1, self._hash(previous, cells), *cells],
        )
        return number + 1

    def verify(self) -> int:
        """Recompute the whole chain and compare it with the anchor; returns the lines checked.

        Raises:
            StoreError: naming the first line that was changed, removed or added.
        """
        with self.transaction() as connection:
            previous, count = START, 0
            names = ", ".join(self.columns)
            rows = connection.execute(f"select number, hash, {names} from line order by number")
            for number, written, *cells in rows:
                count += 1
                if number != count or written != self._hash(previous, cells):
                    raise StoreError(f"line {count} of the ledger must be as it was written")
                previous = written
        return count

    def digest(self, text: str) -> str:
        """Keyed digest of a text that must not be guessed from the file."""
        return hmac.new(self.key, b"text|" + text.encode(), hashlib.sha256).hexdigest()

    def _head(self, connection: sqlite3.Connection) -> tuple[int, str]:
        row = connection.execute(
            "select number, hash from line order by number desc limit 1"
        ).fetchone()
        return (0, START) if row is None else (int(row[0]), str(row[1]))

    def _hash(self, previous: str, cells: Sequence[Cell]) -> str:
        text = json.dumps([previous, *cells], separators=(",", ":"))
        return hmac.new(self.key, b"line|" + text.encode(), hashlib.sha256).hexdigest()

    def _check_anchor(self, connection: sqlite3.Connection) -> None:
        if not self.anchor.exists():
            if self._head(connection)[0]:
                raise StoreError("the ledger's anchor must lie beside it; it is missing")
            return
        number, digest = self.anchor.read_text("ascii").split()
        row = connection.execute("select hash from line where number = ?", [number]).fetchone()
        if number != "0" and (row is None or row[0] != digest):
            raise StoreError("the ledger must not be older than its anchor; it was turned back")

    def _write_anchor(self, connection: sqlite3.Connection) -> None:
        # under a lock of its own, so that a slower process cannot put an older line back
        connection.execute("begin immediate")
        number, digest = self._head(connection)
        text = f"{number} {digest}"
        if not self.anchor.exists() or self.anchor.read_text("ascii") != text:
            fresh = self.anchor.with_suffix(".new")
            with fresh.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.anchor)
        connection.execute("commit")
