"""An append-only, hash-chained log in SQLite, with its count and head anchored in a second file.

An edit, a deletion or a reordering breaks the chain at the first entry it touches, and nobody
without the key can mend it (`log_chain`). The anchor shows a log cut off at its end. One primitive
carries the audit, the ledger and the register of plans.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from minimisation.contract.errors import StoreError
from minimisation.forces.log_chain import NOTHING, Chain, Head
from minimisation.forces.log_file import ANCHOR, ENTRIES, last, opened, read, sealed, transaction


@dataclass(kw_only=True)
class Known:
    """Entries that a process has read, which a longer log continues or contradicts by its seals."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    """From the first on."""
    mac: bytes = b""
    """Seal of the last of them."""


@dataclass(kw_only=True)
class Log:
    """A log file, its anchor, and the key of its chain. Usable from several threads."""

    path: Path
    """SQLite file of the entries."""
    anchor: Path
    """SQLite file of the anchor; kept elsewhere, so that one copy cannot roll both back."""
    key: bytes = field(repr=False)
    """Key of the chain."""
    name: str
    """What it logs, part of every seal, so that entries of two logs cannot be exchanged."""
    known: Known = field(default_factory=Known, repr=False, compare=False)
    """What this process has read of it."""
    _lock: RLock = field(default_factory=RLock, repr=False, compare=False)
    _open: dict[str, sqlite3.Connection] = field(default_factory=dict, repr=False, compare=False)

    @property
    def chain(self) -> Chain:
        """What seals its entries."""
        return Chain(key=self.key, name=self.name)

    def append(self, body: Mapping[str, Any]) -> int:
        """Add one entry; it is on disk when this returns.

        Returns:
            Its place, from 1.

        Raises:
            StoreError: if the log is not the one that was anchored, or cannot be written.
        """
        with self.writing() as writer:
            return writer.append(body)

    @contextlib.contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Hold the log against other processes, read it, and add to it or not, as one act.

        Raises:
            StoreError: if the log is not the one that was anchored, or cannot be written.
        """
        with self._lock:
            try:
                # the anchor is taken first and let go last, so it never runs ahead of the log
                with transaction(self._anchor()) as anchor, transaction(self._entries()) as log:
                    self._match(log, anchor)
                    yield Writer(log=self, connection=log)
                    log.execute("commit")
                    self._set_anchor(anchor, last(log))
                    anchor.execute("commit")
            except sqlite3.Error as error:
                raise self._unusable(error) from None

    def entries(self) -> list[dict[str, Any]]:
        """All entries in order, each with its `place`. Does not check the chain; see `verify`."""
        with self._lock:
            return read(self._entries()) if self.path.is_file() else []

    def head(self) -> Head:
        """Count and seal of the last entry."""
        with self._lock:
            return last(self._entries()) if self.path.is_file() else NOTHING

    def verify(self, noted: Head | None = None) -> Head:
        """Check every link, the anchor, and a head that was noted down elsewhere.

        Returns:
            The head.

        Raises:
            StoreError: naming the first entry whose link is broken, or how many are cut off.
        """
        try:
            with self._lock:
                anchored = self._anchored(self._anchor())
                rows = sealed(self._entries()) if self.path.is_file() else []
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        seals = self.chain.seals(rows)
        self.chain.reaches(seals, anchored)
        self.chain.reaches(seals, noted or NOTHING)
        return Head(count=len(seals), mac=seals[-1]) if seals else NOTHING

    def accept_loss(self, body: Mapping[str, Any]) -> tuple[int, int]:
        """Go on with a log that came back from an older backup, and say in it what was lost.

        Args:
            body: who accepts it and why; entered together with the numbers that were lost.

        Returns:
            First and last lost entry.

        Raises:
            StoreError: if nothing is missing, or what came back is itself broken.
        """
        with (
            self._lock,
            transaction(self._anchor()) as anchor,
            transaction(self._entries()) as log,
        ):
            seals, anchored = self.chain.seals(sealed(log)), self._anchored(anchor)
            if anchored.count <= len(seals):
                raise StoreError(f"log '{self.name}' must lack entries before a loss is accepted")
            lost = (len(seals) + 1, anchored.count)
            entry = dict(body) | {"lost": list(lost)}
            Writer(log=self, connection=log).append(entry)
            log.execute("commit")
            self._set_anchor(anchor, last(log))
            anchor.execute("commit")
        return lost

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for connection in self._open.values():
                connection.close()
            self._open.clear()

    def _entries(self) -> sqlite3.Connection:
        return self._connection(self.path, ENTRIES, "full")

    def _anchor(self) -> sqlite3.Connection:
        # after a power cut the anchor may be a few entries short, which is harmless
        anchor = self._connection(self.anchor, ANCHOR, "normal")
        if not self.path.is_file() and not anchor.execute("select 1 from head").fetchone():
            anchor.execute("pragma synchronous = full")
            self._set_anchor(anchor, NOTHING)  # before the first entry, so that it is never absent
            anchor.execute("pragma synchronous = normal")
        return anchor

    def _set_anchor(self, anchor: sqlite3.Connection, head: Head) -> None:
        values = [head.count, bytes.fromhex(head.mac), self.chain.anchor(head)]
        anchor.execute("insert or replace into head values (1, ?, ?, ?)", values)

    def _anchored(self, anchor: sqlite3.Connection) -> Head:
        """What the anchor says.

        Raises:
            StoreError: if there is none or it is not sealed by this log's key.
        """
        found = anchor.execute("select place, mac, seal from head").fetchone()
        head = Head(count=found[0], mac=found[1].hex()) if found else NOTHING
        if not found or not self.chain.is_anchor(head, found[2]):
            raise StoreError(f"log '{self.name}' must have its anchor: it is missing or altered")
        return head

    def _connection(self, path: Path, schema: str, durability: str) -> sqlite3.Connection:
        found = self._open.get(f"{os.getpid()}:{path}")
        if found is not None and path.is_file():
            return found
        try:
            connection = opened(path, schema, durability)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        self._open[f"{os.getpid()}:{path}"] = connection
        return connection

    def _match(self, log: sqlite3.Connection, anchor: sqlite3.Connection) -> None:
        """Refuse to write behind an end that does not follow from the anchor."""
        at = self._anchored(anchor)
        if not self.chain.continues(at, sealed(log, start=max(at.count, 1))):
            msg = f"log '{self.name}' must end where its anchor says; nothing is added to a log"
            raise StoreError(f"{msg} that was cut, edited or restored: run sandbox audit verify")

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"log '{self.name}' cannot be read or written ({type(error).__name__})")


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A log that is held; see `Log.writing`."""

    log: Log
    """The log."""
    connection: sqlite3.Connection = field(repr=False)
    """An open transaction."""

    def entries(self) -> list[dict[str, Any]]:
        """All entries so far; those read before by this process are not read again."""
        known = self.log.known
        at = self.connection.execute(
            "select mac from entries where place = ?", [len(known.entries)]
        ).fetchone()
        if at is None or at[0] != known.mac:
            known.entries.clear()
        known.entries.extend(read(self.connection, after=len(known.entries)))
        known.mac = bytes.fromhex(last(self.connection).mac) if known.entries else b""
        return list(known.entries)

    def append(self, body: Mapping[str, Any]) -> int:
        """Add one entry; it counts when the log is let go."""
        text = json.dumps(dict(body), sort_keys=True, separators=(",", ":"), allow_nan=False)
        before = last(self.connection)
        place = before.count + 1
        mac = self.log.chain.seal(bytes.fromhex(before.mac), place, text)
        self.connection.execute("insert into entries values (?, ?, ?)", [place, text, mac])
        return place
