"""A force's own house: its key, its stores, its archive, its logs, and what is done with them.

Every act is logged before it takes effect; what cannot be logged does not happen.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from minimisation.contract.tables import TABLES
from minimisation.forces.actors import Actor, Register
from minimisation.forces.archive import SHORTEST, Archive, Archived, Authorisation
from minimisation.forces.audit import Audit, Entry, Event
from minimisation.forces.intake import Intake, Tally
from minimisation.forces.keys import ForceKey
from minimisation.forces.layout import Layout
from minimisation.forces.lineage import Lineage
from minimisation.forces.log import Log
from minimisation.forces.mapping import Mapping as SourceMapping
from minimisation.forces.paths import Paths
from minimisation.forces.rewrite import Edit, Erase, rewrite
from minimisation.forces.search import snapshots_with
from minimisation.forces.snapshots import Clock, Snapshot, Snapshots, utc_now
from minimisation.forces.tokens import Tokens
from minimisation.forces.vault import Vault

Sources = Sequence[tuple[SourceMapping, Sequence[Path]]]


@dataclass(kw_only=True)
class Home:
    """One force as its own people run it."""

    paths: Paths
    """Where things are."""
    key: ForceKey
    """Its key."""
    clock: Clock = utc_now
    """The time."""
    threads: int = 1
    """DuckDB threads per connection."""
    memory: str | None = None
    """DuckDB memory limit."""
    delay: timedelta = SHORTEST
    """From the authorisation of a retrieval to reading."""
    _logs: dict[str, Log] = field(default_factory=dict, repr=False)

    @property
    def force(self) -> str:
        """Name of the force."""
        return self.key.force

    @property
    def snapshots(self) -> Snapshots:
        """The live store and its replacement."""
        return Snapshots(
            paths=self.paths,
            key=self.key,
            clock=self.clock,
            threads=self.threads,
            memory=self.memory,
        )

    @property
    def archive(self) -> Archive:
        """The cold archive."""
        return Archive(paths=self.paths, key=self.key, clock=self.clock, delay=self.delay)

    @property
    def audit(self) -> Audit:
        """The audit log, on disk."""
        return Audit(log=self.log("audit"))

    @property
    def lineage(self) -> Lineage:
        """What was made from the force's snapshots."""
        return Lineage(log=self.log("lineage"))

    @property
    def tokens(self) -> Tokens:
        """People's tokens in the audit log."""
        return Tokens(path=self.paths.tokens, key=self.key)

    @property
    def register(self) -> Register:
        """The actors that the force knows."""
        path = self.paths.root / "actors.json"
        return Register(force=self.force, path=path, key=self.key.derive("actors"))

    @property
    def secret(self) -> bytes:
        """32 bytes for keyed pseudonyms inside the force."""
        return self.key.derive("pseudonyms")

    def log(self, name: str) -> Log:
        """A chained log of the force: `audit`, `lineage`, `ledger`, `plans`."""
        if name not in self._logs:
            self._logs[name] = Log(
                path=self.paths.log(name),
                anchor=self.paths.anchor(name),
                key=self.key.derive(f"log {name}"),
                name=f"{self.force}/{name}",
            )
        return self._logs[name]

    def close(self) -> None:
        """Let go of the logs' files."""
        for log in self._logs.values():
            log.close()

    def open(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the live store, and to nothing else.

        Raises:
            StoreError: if nothing was loaded, the key is wrong, or the file is damaged.
        """
        return self.snapshots.open()

    def load(
        self,
        sources: Sources,
        needed: Mapping[str, frozenset[str]],
        *,
        actor: Actor | None = None,
        purpose: str = "",
        free_text: bool = False,
    ) -> dict[str, Tally]:
        """Take a week's feeds and make them the live store; the old one goes to the archive.

        Args:
            sources: mapping and files of each feed.
            needed: table → columns that approved use cases name.
            actor: who does it.
            purpose: what for.
            free_text: whether free text is switched on.

        Returns:
            What became of each feed.

        Raises:
            UseCaseError: if a feed is not of its kind.
            StoreError: if rows do not reconcile or the store does not verify; nothing is replaced.
        """
        tallies: dict[str, Tally] = {}

        def fill(connection: duckdb.DuckDBPyConnection) -> None:
            intake = Intake(connection=connection, needed=needed, free_text=free_text)
            intake.take_all(sources)
            layout = Layout(connection=connection, key=self.key.derive("ranks"))
            for table, columns in intake.columns.items():
                kinds = {name: column.kind for name, column in columns.items()}
                layout.lay(table, TABLES[table], kinds, f"accepted_{table}")
            layout.finish()
            tallies.update(intake.tallies)

        inputs = [path for _, paths in sources for path in paths]
        self.replace(fill, inputs, what="load feeds", actor=actor, purpose=purpose)
        return tallies

    def replace(
        self,
        fill: Callable[[duckdb.DuckDBPyConnection], None],
        inputs: Sequence[Path],
        *,
        what: str,
        actor: Actor | None = None,
        purpose: str = "",
    ) -> Snapshot:
        """Replace the live store by a new one; the old one goes to the archive.

        Raises:
            StoreError: if it cannot be built or does not verify; nothing is replaced.
        """
        with self._changing():
            self._note(Event.COLLECTION, f"{what}: begun", actor, purpose)
            fresh = self.snapshots.replace(fill, inputs, self.archive.keep)
            self._tidy()
            self._note(Event.COLLECTION, what, actor, purpose, snapshot=fresh.name)
        return fresh

    def authorise(self, name: str, authorisation: Authorisation, actor: Actor | None) -> datetime:
        """Grant the retrieval of an archived snapshot; returns when it can be read.

        Raises:
            PolicyError: if the permission leaves something open.
            StoreError: if there is no such snapshot.
        """
        with self._changing():
            ready = self.archive.authorise(name, authorisation)
            what = (
                f"authorise retrieval for {authorisation.who} until {authorisation.until:%Y-%m-%d}"
            )
            self._note(Event.CONSULTATION, what, actor, authorisation.why, snapshot=name)
        return ready

    def retrieve(self, name: str, actor: Actor | None) -> duckdb.DuckDBPyConnection:
        """A read-only connection to an archived snapshot.

        Raises:
            PolicyError: without an authorisation, before it is ready, or after it ended.
            StoreError: if there is no such snapshot or it expired.
        """
        connection = self.archive.retrieve(name)
        self._note(Event.CONSULTATION, "retrieve from the archive", actor, "", snapshot=name)
        return connection

    def purge(self, actor: Actor | None, *, everything: bool = False) -> list[str]:
        """Destroy what expired; returns the names of the snapshots that are gone."""
        with self._changing():
            gone = self.archive.purge(everything=everything)
            for name in gone:
                self._note(Event.ERASURE, "purge from the archive", actor, "", snapshot=name)
        return gone

    def erase(self, person: str, actor: Actor | None, why: str) -> int:
        """Remove a person from the live store and from every archived one.

        Returns:
            Rows removed from the live store.
        """
        edit, held = Erase(person=person), frozenset(snapshots_with(self.vaults(), person))
        with self._changing():
            token = self.tokens.of(person)
            removed = self._rewrite(edit)
            for entry in self.archive.entries():
                if entry.snapshot.name in held:
                    self._rewrite_archived(entry, edit)
            for name in sorted(held):
                self._note(
                    Event.ERASURE, "erase a person", actor, why, people=(token,), snapshot=name
                )
            self.tokens.destroy(person)
        return removed

    def rectify(self, person: str, edit: Edit, actor: Actor | None, why: str) -> int:
        """Change or merge a person's records in the live store; the wrong version is destroyed.

        Returns:
            Rows changed.
        """
        with self._changing():
            changed = self._rewrite(edit)
            token = self.tokens.of(person)
            self._note(Event.ALTERATION, "rectify records", actor, why, people=(token,))
        return changed

    def vaults(self) -> Iterator[tuple[str, Vault]]:
        """Every store that the force can still read: the live one, then the archived."""
        live = self.snapshots.live()
        if live is not None:
            yield live.name, self.snapshots.vault(live)
        for entry in self.archive.entries():
            vault = self.archive.vault(entry)
            if vault.path.is_file():
                yield entry.snapshot.name, vault

    def _rewrite(self, edit: Edit) -> int:
        """Rewrite the live store; the old one is not archived, its key is gone with its record."""
        changed = 0

        def fill(connection: duckdb.DuckDBPyConnection) -> None:
            nonlocal changed
            changed = rewrite(connection, self.key.derive("ranks"), edit)

        self.snapshots.replace(fill, [], lambda _: None, reread=True)
        self._tidy()
        return changed

    def _rewrite_archived(self, entry: Archived, edit: Edit) -> None:
        with self.archive.rewriting(entry) as connection:
            rewrite(connection, self.key.derive("ranks"), edit)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self.snapshots.held():
            self._tidy()
            yield

    def _tidy(self) -> None:
        archive, snapshots = self.archive, self.snapshots
        archive.reconcile(snapshots)
        snapshots.tidy(archive.names())

    def _note(  # noqa: PLR0913 - what an entry of the log consists of
        self,
        event: Event,
        what: str,
        actor: Actor | None,
        purpose: str,
        *,
        people: tuple[str, ...] = (),
        snapshot: str = "",
    ) -> None:
        self.audit.record(
            Entry(
                event=event,
                what=what,
                purpose=purpose,
                outcome="done",
                at=self.clock(),
                actor=str(actor) if actor is not None else "",
                people=people,
                snapshot=snapshot,
            )
        )
