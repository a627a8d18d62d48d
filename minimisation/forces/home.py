"""A force's own house: its key, its stores, its archive, its logs, and the door to its acts.

It is closed by default: what changes a store needs the signature of a registered actor whose role
permits it, and is logged before it takes effect. `weeks` and `rights` hold the acts themselves.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb

from minimisation.contract.errors import PolicyError
from minimisation.forces.actors import Actor, Credential, Register, Role
from minimisation.forces.acts import DISMISS, ENROL, Act
from minimisation.forces.archive import Archive
from minimisation.forces.audit import Audit, Entry
from minimisation.forces.history import History
from minimisation.forces.keys import ForceKey
from minimisation.forces.lineage import Lineage
from minimisation.forces.log import Log
from minimisation.forces.paths import Paths
from minimisation.forces.policy_file import PolicyFile, read_policy
from minimisation.forces.snapshots import Clock, Snapshot, Snapshots, utc_now
from minimisation.forces.tokens import Tokens
from minimisation.forces.vault import Vault


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
        return Archive(paths=self.paths, key=self.key, clock=self.clock)

    @property
    def audit(self) -> Audit:
        """The audit log, on disk."""
        return Audit(log=self.log("audit"))

    @property
    def lineage(self) -> Lineage:
        """What was made from the force's snapshots."""
        return Lineage(log=self.log("lineage"))

    @property
    def history(self) -> History:
        """What became of its rows, week by week and request by request."""
        return History(log=self.log("history"))

    @property
    def tokens(self) -> Tokens:
        """People's tokens in the audit log."""
        return Tokens(path=self.paths.tokens, key=self.key)

    @property
    def policy(self) -> PolicyFile:
        """What the force permits; everything is denied where it has no file that says so.

        Raises:
            UseCaseError: naming the key and the rule.
        """
        return read_policy(self.paths.policy)

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
        """A chained log of the force: `audit`, `history`, `lineage`, `ledger`, `plans`."""
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

    def vaults(self) -> Iterator[tuple[Snapshot, Vault]]:
        """Every store that the force can still read: the live one, then the archived."""
        live = self.snapshots.live()
        if live is not None:
            yield live, self.snapshots.vault(live)
        for entry in self.archive.entries():
            vault = self.archive.vault(entry)
            if vault.path.is_file():
                yield entry.snapshot, vault

    def permit(self, act: Act, by: Credential | None) -> Actor:
        """The actor who signs for an act now; a refusal is logged.

        Raises:
            PolicyError: if nobody is registered, nobody signs, the key is unknown, or the role may
                not do it.
        """
        try:
            return self.register.prove(by, act.what, act.roles)
        except PolicyError as error:
            self.note(act, None, "", outcome=f"refused: {error}")
            raise

    def enrol(self, actor: Actor, by: Credential | None) -> None:
        """Register an actor. The first must be an approver, and needs nobody's leave.

        Raises:
            PolicyError: if the first is no approver, or whoever asks may not register anybody.
        """
        if self.register.actors():
            proved = self.permit(ENROL, by)
        elif actor.role is Role.APPROVER:
            proved = actor
        else:
            raise PolicyError(f"the first actor of force '{self.force}' must be an approver")
        self.note(ENROL, proved, f"{actor}")
        self.register.add(actor)

    def dismiss(self, fingerprint: str, by: Credential | None) -> None:
        """Forget an actor, as when a key is lost.

        Raises:
            PolicyError: if whoever asks may not, there is no such actor, or no approver would stay.
        """
        proved = self.permit(DISMISS, by)
        others = [each for each in self.register.actors() if each.fingerprint != fingerprint]
        if not any(each.role is Role.APPROVER for each in others):
            raise PolicyError(f"force '{self.force}' must keep at least one approver")
        self.note(DISMISS, proved, fingerprint)
        self.register.remove(fingerprint)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other processes from changing this force's stores meanwhile.

        Raises:
            StoreError: if another process is at it.
        """
        with self.snapshots.held():
            self.tidy()
            yield

    def tidy(self) -> None:
        """Finish or undo what a kill interrupted. Call while `changing`."""
        archive, snapshots = self.archive, self.snapshots
        archive.reconcile(snapshots)
        snapshots.tidy(archive.names())

    def note(  # noqa: PLR0913 - what an entry of the log consists of
        self,
        act: Act,
        actor: Actor | None,
        purpose: str,
        *,
        what: str = "",
        outcome: str = "done",
        people: tuple[str, ...] = (),
        snapshot: str = "",
    ) -> None:
        """Enter an act in the audit.

        Raises:
            StoreError: if it cannot be logged; then it must not happen.
        """
        self.audit.record(
            Entry(
                event=act.event,
                what=what or act.what,
                purpose=purpose,
                outcome=outcome,
                at=self.clock(),
                actor=str(actor) if actor is not None else "",
                people=people,
                snapshot=snapshot,
            )
        )
