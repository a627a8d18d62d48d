"""Weekly replacement: build beside, verify, bring to disk, swap one small record.

The record of the live snapshot holds the name of its file and the file's own key, wrapped. Whoever
reads it sees the old store or the new one. A kill at any instant leaves one of the two live, and
`tidy` puts the rest in order. (The order of writes is that of Pillai et al. 2014, "All file
systems are not created equal": data, then a rename, each synced.)
"""

import contextlib
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from minimisation.contract.errors import StoreError
from minimisation.forces.keys import LENGTH, ForceKey
from minimisation.forces.paths import Paths
from minimisation.forces.records import read_record, write_record
from minimisation.forces.vault import Vault, remove_spill, sync

Clock = Callable[[], datetime]

ATTEMPTS = 20
"""How often a reader follows the live record again if the file moved away under its hands."""

Fill = Callable[[duckdb.DuckDBPyConnection], None]
"""Writes the tables of a new store."""


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One week's store."""

    name: str
    """When it was made, and a random part."""
    made: datetime
    """When it was made."""
    wrapped: str = field(repr=False)
    """Its key, encrypted under the force's."""
    formerly: tuple[str, ...] = ()
    """Names it had before a person was erased or a record rectified; releases go by those."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that something made from it can go by."""
        return (self.name, *self.formerly)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        record = {"snapshot": self.name, "made": self.made.isoformat(), "key": self.wrapped}
        return record | {"formerly": list(self.formerly)}

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Snapshot":
        """From JSON values.

        Raises:
            StoreError: if they are not those of a snapshot.
        """
        try:
            made = datetime.fromisoformat(record["made"])
            return cls(
                name=str(record["snapshot"]),
                made=made,
                wrapped=str(record["key"]),
                formerly=tuple(record.get("formerly", ())),
            )
        except (KeyError, TypeError, ValueError):
            raise StoreError("the record of a snapshot must be whole; restore it") from None


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """The live store of one force and its replacement."""

    paths: Paths
    """Where things are."""
    key: ForceKey
    """The force's key."""
    clock: Clock = utc_now
    """The time."""
    threads: int = 1
    """DuckDB threads per connection."""
    memory: str | None = None
    """DuckDB memory limit."""

    def live(self) -> Snapshot | None:
        """The live snapshot, or None before the first load."""
        record = read_record(self.paths.live, "live record")
        return None if record is None else Snapshot.of(record)

    def vault(self, snapshot: Snapshot) -> Vault:
        """The store of a live snapshot."""
        material = self.key.unwrap(snapshot.wrapped, "store", snapshot.name)
        return self._vault(snapshot.name, material)

    def open(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to whatever is live at this moment.

        Raises:
            StoreError: if nothing was loaded, the key is wrong, or the file is damaged.
        """
        for _ in range(ATTEMPTS):
            snapshot = self.live()
            if snapshot is None:
                break
            vault = self.vault(snapshot)
            try:
                return vault.open()
            except StoreError:
                # replaced between reading the record and opening the file: follow the new record
                if self.live() == snapshot:
                    raise
        msg = f"the store of force '{self.key.force}' must be loaded before it is opened"
        raise StoreError(f"{msg}; run: sandbox forces load")

    def replace(
        self,
        fill: Fill,
        inputs: Sequence[Path],
        keep: Callable[[Snapshot], None],
        *,
        reread: bool = False,
    ) -> Snapshot:
        """Build a new store, verify it, and make it live. Call while `held`.

        Args:
            fill: writes its tables.
            inputs: files that it may read.
            keep: told of the old snapshot once everything is ready, before it is replaced; writes
                the archive's record of it.
            reread: whether `fill` reads the old store, as `old`.

        Returns:
            The new snapshot. The old file is still in `snapshots`; `tidy` moves it.

        Raises:
            StoreError: if the new store does not verify; the old one stays live.
        """
        old = self.live()
        if old is not None:
            self.vault(old)  # with a wrong key, fail before anything is built
        self.paths.snapshots.mkdir(parents=True, exist_ok=True)
        material = secrets.token_bytes(LENGTH)
        made = self.clock()
        name = f"{made:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        vault = self._vault(name, material)
        try:
            with vault.create(inputs, self.vault(old) if old and reread else None) as connection:
                fill(connection)
            vault.verify()
        except BaseException:
            vault.path.unlink(missing_ok=True)
            raise
        wrapped = self.key.wrap(material, "store", name)
        formerly = old.names if old is not None and reread else ()
        fresh = Snapshot(name=name, made=made, wrapped=wrapped, formerly=formerly)
        if old is not None:
            keep(old)
        write_record(self.paths.live, fresh.record())
        return fresh

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from changing this force's stores; let go by a kill, too.

        Raises:
            StoreError: if another process is at it.
        """
        self.paths.root.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self.paths.busy, timeout=0.1)) as lock:
            try:
                lock.execute("begin exclusive")
            except sqlite3.OperationalError:
                msg = f"the stores of force '{self.key.force}' must be changed by one process"
                raise StoreError(f"{msg} at a time; wait for the other") from None
            yield

    def tidy(self, archived: frozenset[str]) -> None:
        """Finish or undo what a kill interrupted. Idempotent. Call while `held`.

        Args:
            archived: names of the snapshots that the archive has a record of.
        """
        live = self.live()
        remove_spill(self.paths.snapshots)
        for partial in [*self.paths.root.glob("*.partial"), *self.paths.archive.glob("*.partial")]:
            partial.unlink(missing_ok=True)
        for path in sorted(self.paths.snapshots.glob("*")):
            name = path.name.split(".")[0]
            if live is not None and name == live.name:
                continue
            if name in archived and path.suffix == ".duckdb":
                self.paths.archive.mkdir(exist_ok=True)
                path.rename(self.paths.archive / path.name)
                sync(self.paths.archive / path.name)
            else:
                path.unlink(missing_ok=True)

    def _vault(self, name: str, material: bytes) -> Vault:
        return Vault(
            force=self.key.force,
            path=self.paths.snapshots / f"{name}.duckdb",
            key=material,
            threads=self.threads,
            memory=self.memory,
        )
