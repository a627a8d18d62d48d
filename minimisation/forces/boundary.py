"""A force's side of the two doors: check, run on its own connection, check again, log."""

import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from minimisation.contract import wire
from minimisation.contract.errors import PolicyError
from minimisation.contract.measures import Measure, Scene
from minimisation.contract.release import Artefact, Held, Release
from minimisation.contract.steps import Guarded, PayloadKind, Premises, Step
from minimisation.contract.usecase import UseCase
from minimisation.forces.actors import Actor
from minimisation.forces.analysis import SHARE, Split, build
from minimisation.forces.audit import Audit, Entry, Event
from minimisation.forces.ledger import Ledger
from minimisation.forces.mechanisms import loss_of
from minimisation.forces.meter import Egress
from minimisation.forces.policy import Policy
from minimisation.forces.store import Store


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came through a force's door."""

    payload: pa.Table
    """The payload as the other side reads it, decoded from the wire."""
    egress: Egress
    """What was metered."""


@dataclass(kw_only=True)
class Force:
    """One force: a store that only it opens, its policy, budget, audit log and secret."""

    store: Store
    """Its file."""
    policy: Policy
    """What it permits."""
    ledger: Ledger
    """Its privacy budget for this purpose."""
    secret: bytes = field(repr=False)
    """32 bytes that only it holds."""
    audit: Audit = field(default_factory=Audit)
    """Its log."""
    memory: MutableMapping[str, bytes] = field(default_factory=dict, repr=False)
    """What its own code remembers between steps; kept when the store closes."""
    actor: Actor | None = None
    """Who asks, as proved to the force."""
    _connection: duckdb.DuckDBPyConnection | None = field(default=None, repr=False)
    _held: dict[str, object] = field(default_factory=dict, repr=False)
    _split: Split | None = None
    _contributors: int = 0

    @property
    def name(self) -> str:
        """Name of the force."""
        return self.store.force

    def open(self, use_case: UseCase, split: Split) -> None:
        """Open the store and build the use case's analysis table.

        Raises:
            StoreError: if the store cannot be read.
            UseCaseError: if the use case does not fit the store.
        """
        self.close()
        self._connection = self.store.open()
        build(self._connection, use_case, split, self.name)
        self._split = split
        row = self._people(members=True).aggregate("count(distinct unit)").fetchone()
        self._contributors = int(row[0]) if row else 0

    def close(self) -> None:
        """Close the store and forget everything held."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._held.clear()

    def interrupt(self) -> None:
        """Stop a query that is running past its deadline."""
        if self._connection is not None:
            self._connection.interrupt()

    def held_out_digest(self) -> str:
        """Digest of who is held out, by which two runs can be seen to be judged alike."""
        rows = self._people(members=False).order(SHARE).project(SHARE).to_arrow_table()
        return hashlib.sha256(wire.encode(rows)).hexdigest()

    def objection(self, step: Step, use_case: UseCase) -> str | None:
        """The rule that forbids the step here, or None; logged either way when it matters."""
        rule = self.policy.objection_to_asker(self.actor.fingerprint if self.actor else "")
        private = loss_of(step, use_case) is not None
        contributors = None if private else self._contributors
        rule = rule or self.policy.objection(step, use_case, contributors)
        if rule is None and isinstance(step, Guarded):
            rule = step.objection(use_case, self.memory)
        if rule is not None:
            self._log(Event.CONSULTATION, step.name, use_case, f"refused: {rule}")
        return rule

    def answer(self, step: Step, use_case: UseCase, inputs: pa.Table | None) -> Answer:
        """Run a permitted step, check what came out, meter it and log it.

        Raises:
            PolicyError: if the payload is not what the step promised.
        """
        received = 0 if inputs is None else len(wire.encode(inputs))
        premises = Premises(
            force=self.name,
            use_case=use_case,
            people=self._people(members=True).project("* exclude (share)"),
            inputs=inputs,
            secret=self.secret,
            hold=self._held.__setitem__,
            recall=self._held.get,
            memory=self.memory,
        )
        payload = step.run(premises)
        promise = step.sends(use_case)
        message = wire.encode(payload)
        private = loss_of(step, use_case) is not None
        rule = self.policy.objection_to_payload(promise, payload, len(message), private=private)
        if rule is not None:
            self._log(Event.CONSULTATION, step.name, use_case, f"refused: {rule}", (0, received))
            raise PolicyError(rule)
        empty = promise.kind is PayloadKind.NOTHING
        egress = Egress(
            force=self.name,
            step=step.name,
            kind=promise.kind,
            rows=payload.num_rows,
            cells=payload.num_rows * payload.num_columns,
            sent=0 if empty else len(message),
            received=received,
        )
        event = Event.CONSULTATION if empty else Event.DISCLOSURE
        self._log(event, step.name, use_case, "done", (egress.sent, received))
        return Answer(payload=wire.decode(message), egress=egress)

    def observe(self, measure: Measure, release: Release, use_case: UseCase, seed: int) -> pa.Table:
        """Run a measure on held-out and member people; logged as consultation.

        Raises:
            PolicyError: if the measure returns anything but its fixed schema.
        """
        scene = Scene(
            force=self.name,
            use_case=use_case,
            members=self._people(members=True),
            held_out=self._people(members=False),
            artefact=self._resolve(release.artefact),
            seed=seed,
            secret=self.secret,
        )
        observed = measure.observe(scene)
        if not observed.schema.equals(measure.schema):
            raise PolicyError(f"measure '{measure.name}' must return exactly its fixed schema")
        self._log(Event.CONSULTATION, measure.name, use_case, "done")
        return observed

    def _resolve(self, artefact: Artefact) -> Artefact:
        if not isinstance(artefact, Held):
            return artefact
        held = self._held.get(artefact.key)
        if held is None:
            raise PolicyError(
                f"held artefact '{artefact.key}' must have been made in force '{self.name}' first"
            )
        return held  # type: ignore[return-value]  # a step holds only artefacts

    def _people(self, *, members: bool) -> duckdb.DuckDBPyRelation:
        if self._connection is None or self._split is None:
            raise PolicyError(
                f"force '{self.name}' must be opened for a use case before it is asked"
            )
        side = ">=" if members else "<"
        return self._connection.table("analysis").filter(f"{SHARE} {side} {self._split.held_out}")

    def _log(
        self,
        event: Event,
        what: str,
        use_case: UseCase,
        outcome: str,
        size: tuple[int, int] = (0, 0),
    ) -> None:
        """Record an operation; `size` is bytes that left and bytes that came in."""
        entry = Entry(
            event=event,
            what=what,
            purpose=use_case.name,
            outcome=outcome,
            sent=size[0],
            received=size[1],
            actor=str(self.actor) if self.actor is not None else "",
        )
        self.audit.record(entry)
