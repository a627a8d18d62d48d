"""The cold archive: replaced snapshots, each under its own key, that expire after twelve months.

Retrieval needs a written authorisation and takes hours, as the Stage 1 assessment of the National
Data Analytics Solution promises (2.5). Expiry destroys the key first and the file second, so that a
crash between the two leaves nothing readable.
"""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import duckdb

from minimisation.contract.errors import PolicyError, StoreError
from minimisation.forces.archived import Archived, Authorisation, months_after
from minimisation.forces.keys import LENGTH, ForceKey
from minimisation.forces.paths import Paths
from minimisation.forces.records import read_record, write_record
from minimisation.forces.snapshots import Clock, Snapshot, Snapshots, utc_now
from minimisation.forces.vault import Vault, sync

MONTHS = 12
"""Months that a replaced snapshot is kept."""

SHORTEST, LONGEST = timedelta(hours=3), timedelta(hours=12)
"""Bounds of the delay before an authorised snapshot can be read."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The archive of one force."""

    paths: Paths
    """Where things are."""
    key: ForceKey
    """The force's key."""
    clock: Clock = utc_now
    """The time."""
    months: int = MONTHS
    """How long a snapshot is kept."""

    def __post_init__(self) -> None:
        """Refuse a time before the replacement.

        Raises:
            ValueError: naming the rule.
        """
        if self.months < 0:
            raise ValueError(f"months ({self.months}) must not be negative")

    def keep(self, old: Snapshot) -> None:
        """Take the record and the key of a snapshot that is about to be replaced."""
        material = self.key.unwrap(old.wrapped, "store", old.name)
        wrapped = self.key.wrap(material, "archive", old.name)
        now = self.clock()
        kept = replace(old, wrapped=wrapped)
        self._write(Archived(snapshot=kept, replaced=now, expires=months_after(now, self.months)))

    def entries(self) -> list[Archived]:
        """Everything archived, oldest first."""
        found = [self._read(path.stem) for path in sorted(self.paths.archive.glob("*.json"))]
        return [entry for entry in found if entry is not None]

    def authorise(
        self, name: str, authorisation: Authorisation, delay: timedelta = SHORTEST
    ) -> datetime:
        """Grant a retrieval.

        Args:
            name: of the snapshot.
            authorisation: the permission.
            delay: from now to reading.

        Returns:
            When the snapshot can be read.

        Raises:
            ValueError: if the delay is outside what was promised.
            PolicyError: if the permission would end before, or after the snapshot expires.
            StoreError: if there is no such snapshot.
        """
        if not SHORTEST <= delay <= LONGEST:
            raise ValueError(f"delay ({delay}) must be 3 to 12 hours")
        entry = self._entry(name)
        ready = self.clock() + delay
        if not ready < authorisation.until <= entry.expires:
            msg = f"an authorisation must end after the snapshot is ready ({ready:%Y-%m-%d %H:%M})"
            raise PolicyError(f"{msg} and before it expires ({entry.expires:%Y-%m-%d})")
        self._write(replace(entry, ready=ready, authorisation=authorisation))
        return ready

    def retrieve(self, name: str) -> duckdb.DuckDBPyConnection:
        """A read-only connection to an archived snapshot.

        Raises:
            PolicyError: without an authorisation, before it is ready, or after it ended.
            StoreError: if there is no such snapshot or it expired.
        """
        entry = self._entry(name)
        now = self.clock()
        if entry.authorisation is None or entry.ready is None:
            raise PolicyError(f"snapshot '{name}' must be authorised before it is retrieved")
        if now < entry.ready:
            raise PolicyError(f"snapshot '{name}' can be read from {entry.ready:%Y-%m-%d %H:%M} on")
        if now >= entry.authorisation.until:
            raise PolicyError(f"the authorisation to read snapshot '{name}' has ended")
        return self.vault(entry).open()

    def vault(self, entry: Archived) -> Vault:
        """The store of an archived snapshot, for the force's own search for remnants."""
        name = entry.snapshot.name
        material = self.key.unwrap(entry.snapshot.wrapped, "archive", name)
        path = self.paths.archive / f"{name}.duckdb"
        return Vault(force=self.key.force, path=path, key=material)

    @contextlib.contextmanager
    def rewriting(self, entry: Archived) -> Iterator[duckdb.DuckDBPyConnection]:
        """Fill a new file from an archived one, as `old`; then the old key and file are destroyed.

        Killed before the end, the old one is still there and the rewrite can be run again.
        """
        material = secrets.token_bytes(LENGTH)
        name = f"{entry.snapshot.name}-{secrets.token_hex(2)}"
        path = self.paths.archive / f"{name}.duckdb"
        vault = Vault(force=self.key.force, path=path, key=material)
        with vault.create(old=self.vault(entry)) as connection:
            yield connection
        vault.verify()
        wrapped = self.key.wrap(material, "archive", name)
        was = entry.snapshot
        fresh = replace(was, name=name, wrapped=wrapped, formerly=was.names)
        self._write(replace(entry, snapshot=fresh))
        self._destroy(entry.snapshot.name)

    def purge(self, *, everything: bool = False) -> list[str]:
        """Destroy what expired. Idempotent, and safe to kill and run again.

        Args:
            everything: destroy all that is archived, for an erasure.

        Returns:
            Names of the snapshots whose key was destroyed now.
        """
        now = self.clock()
        gone = [e.snapshot.name for e in self.entries() if everything or now >= e.expires]
        for name in gone:
            self._destroy(name)
        recorded = {path.stem for path in self.paths.archive.glob("*.json")}
        for path in self.paths.archive.glob("*.duckdb*"):
            if path.name.split(".")[0] not in recorded:
                path.unlink(missing_ok=True)
        if self.paths.archive.is_dir():
            sync(self.paths.archive)
        return gone

    def reconcile(self, snapshots: Snapshots) -> None:
        """Drop the record of a snapshot that is still live because its replacement was killed."""
        live = snapshots.live()
        if live is not None:
            (self.paths.archive / f"{live.name}.json").unlink(missing_ok=True)

    def names(self) -> frozenset[str]:
        """Names of all snapshots with a record."""
        return frozenset(path.stem for path in self.paths.archive.glob("*.json"))

    def _destroy(self, name: str) -> None:
        """The key first: overwritten, brought to disk, removed. Then the file."""
        record = self.paths.archive / f"{name}.json"
        size = record.stat().st_size
        with record.open("r+b") as file:
            file.write(b"\0" * size)
        sync(record)
        record.unlink()
        sync(self.paths.archive)
        (self.paths.archive / f"{name}.duckdb").unlink(missing_ok=True)

    def _entry(self, name: str) -> Archived:
        entry = self._read(name)
        if entry is None or self.clock() >= entry.expires:
            raise StoreError(f"snapshot '{name}' must be in the archive and not expired")
        return entry

    def _write(self, entry: Archived) -> None:
        path = self.paths.archive / f"{entry.snapshot.name}.json"
        write_record(path, entry.record(), self._sealing)

    def _read(self, name: str) -> Archived | None:
        path = self.paths.archive / f"{name}.json"
        if path.is_file() and not path.read_bytes().strip(b"\0"):
            path.unlink(missing_ok=True)  # a purge was killed after it destroyed the key
        record = read_record(path, "archive record", self._sealing)
        return None if record is None else Archived.of(record)

    @property
    def _sealing(self) -> bytes:
        # so that nobody without the key grants a permission or moves an expiry
        return self.key.derive("archive records")
