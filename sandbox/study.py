"""A plan at work: where its stores and results are, and its forces opened for its use case."""

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from minimisation import Forces, Microdata, Option, Release, Statistics, UseCase
from minimisation.contract import wire
from minimisation.contract.release import Artefact
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.home import Home
from minimisation.forces.ledger import Book, Ledger
from minimisation.forces.lineage import Derivative, Kind
from minimisation.forces.policy import Policy
from minimisation.statistics.accounting import Account
from minimisation.statistics.books import AssessmentBook, ReleaseBook
from minimisation.statistics.ledger import Ledger as BudgetLedger
from sandbox.ceiling import PooledCeiling
from sandbox.feeds import data_digests, load_stores, workspace_key
from sandbox.plan import Plan, read_plan
from sandbox.registry import chosen_options


class EveryStep(frozenset[str]):
    """Approves every step by name; payload kinds, sizes and budgets are still checked."""

    def __contains__(self, name: object) -> bool:
        """Whether the step is approved: always."""
        return True


@dataclass(frozen=True)
class Study:
    """A plan in a workspace."""

    plan_path: Path
    """The plan's TOML file."""
    workspace: Path
    """Folder for stores, feeds and results."""

    @cached_property
    def plan(self) -> Plan:
        """The checked plan."""
        return read_plan(self.plan_path)

    @property
    def results(self) -> Path:
        """Folder of this plan's evidence and report."""
        return self.workspace / "results" / self.plan_path.stem

    @property
    def evidence(self) -> Path:
        """The evidence file."""
        return self.results / "evidence.jsonl"

    @cached_property
    def stores(self) -> dict[str, Home]:
        """Force → house with its live store, loaded on first use."""
        data = self.plan.file.data
        tables = data.demo is not None or data.folder is not None
        folder = self.workspace / "stores" / ("tables" if tables else self.plan.use_case.name)
        feeds = f"demo-{data.demo.people}-{data.demo.seed}" if data.demo is not None else "none"
        keys = self.workspace / "keys"
        return load_stores(self.plan, folder, self.workspace / "feeds" / feeds, keys)

    @cached_property
    def options(self) -> dict[str, Option]:
        """The options to compare; on protected data the ceiling stands in for the raw pool."""
        file = self.plan.file
        paths = [self.plan.path(name) for name in file.option_files]
        options = chosen_options(file.options, paths, file.parameters)
        if file.data.status == "protected":
            ceiling = PooledCeiling()
            options[ceiling.name] = ceiling
        return options

    @cached_property
    def key(self) -> bytes:
        """The workspace's secret."""
        return workspace_key(self.workspace)

    @cached_property
    def digests(self) -> dict[str, str]:
        """Keyed digest of each force's data, worked out once for each set of snapshots."""
        names = json.dumps(self.snapshots, sort_keys=True).encode()
        path = self.workspace / "cache" / f"digests-{hashlib.sha256(names).hexdigest()[:32]}.json"
        if path.is_file():
            kept: dict[str, str] = json.loads(path.read_text("utf-8"))
            return kept
        found = data_digests(self.stores, self.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        partial.write_text(json.dumps(found), "utf-8")
        partial.replace(path)
        return found

    @property
    def split(self) -> Split:
        """Who is held out. The key is published on demo and public data, secret otherwise."""
        file = self.plan.file
        public = f"{file.seed}"
        secret = hmac.new(self.key, public.encode(), hashlib.sha256).hexdigest()
        key = secret if file.data.status == "protected" else public
        return Split(key=key, held_out=file.held_out)

    def forces(
        self, workers: int = 2, use_case: UseCase | None = None, *, assessment: bool = False
    ) -> Forces:
        """The plan's forces; open them with `with`.

        Args:
            workers: forces that run at the same time.
            use_case: another form of the plan's use case, for the assessment; its own if None.
            assessment: whether what comes out stays in controlled access, as of repeats: private
                mechanisms are then counted instead of charged to the release account.
        """
        members = tuple(self._force(home, assessment=assessment) for home in self.stores.values())
        return Forces(
            members=members,
            use_case=use_case or self.plan.use_case,
            split=self.split,
            workers=workers,
        )

    def policy(self, home: Home) -> Policy:
        """A force's rules for this use case: its own policy file, or else the plan's rules."""
        rules, case = self.plan.file.policy, self.plan.use_case
        if home.paths.policy.is_file():
            return home.policy.of(case.name)
        return Policy(
            use_cases=frozenset({case.name}),
            steps=EveryStep(),
            kinds=rules.allowed(self.plan.file.data.status),
            minimum_contributors=rules.minimum_contributors,
            epsilon=rules.epsilon,
            delta=rules.delta,
            period=rules.period,
        )

    def ledger(self, home: Home) -> BudgetLedger:
        """A force's ledger of budgets, in its own house."""
        cap = self.policy(home).cap
        return BudgetLedger(
            log=home.log("ledger"),
            releases=home.paths.root / "releases",
            cap=None if cap is None else Account.of(cap),
            clock=home.clock,
        )

    def _force(self, home: Home, *, assessment: bool) -> Force:
        """A force under its rules; the asker's key file is named by the variable SANDBOX_AS."""
        policy = self.policy(home)
        actor = None
        if (key := os.environ.get("SANDBOX_AS")) is not None:
            roles = frozenset({Role.ANALYST, Role.ASSESSOR})
            actor = home.register.prove(ActorKey.read(Path(key)), "ask", roles)
        return Force(
            store=home,
            policy=policy,
            ledger=Ledger(
                epsilon=policy.epsilon,
                delta=policy.delta,
                book=self._book(home, policy, actor, assessment=assessment),
            ),
            secret=home.secret,
            audit=home.audit,
            actor=actor,
        )

    def _book(
        self, home: Home, policy: Policy, actor: Actor | None, *, assessment: bool
    ) -> Book | None:
        if policy.epsilon == 0:
            return None  # nothing private is covered, so there is nothing to enter
        account = Account.of(policy.budget)
        purpose = self.plan.use_case.name
        analyst = "" if actor is None else str(actor)
        ledger = self.ledger(home)
        if not assessment:
            return ReleaseBook(ledger=ledger, account=account, purpose=purpose, analyst=analyst)
        return AssessmentBook(
            ledger=ledger,
            account=account,
            purpose=purpose,
            analyst=analyst,
            most=policy.assessments,
        )

    @property
    def snapshots(self) -> dict[str, str]:
        """Force → name of its live snapshot."""
        live = {name: home.snapshots.live() for name, home in self.stores.items()}
        return {name: each.name for name, each in live.items() if each is not None}

    def note_release(self, what: str, release: Release, files: Sequence[Path] = ()) -> None:
        """Enter in every force's lineage what was made from its live snapshot.

        Args:
            what: option and repeat.
            release: what was made; of a `Held` one each force keeps its own.
            files: where it was written, besides the evidence.
        """
        derivative = Derivative(
            name=f"{self.plan_path.stem}: {what}",
            kind=_kind(release.artefact),
            digest=artefact_digest(release.artefact),
            snapshots=self.snapshots,
            files=tuple(str(path.relative_to(self.workspace)) for path in (self.evidence, *files)),
            epsilon=release.privacy_loss.epsilon if release.privacy_loss else None,
        )
        for home in self.stores.values():
            home.lineage.record(derivative)

    def floor(self) -> dict[str, Any]:
        """The floor as JSON values."""
        return asdict(self.plan.use_case.floor)

    def header(self) -> dict[str, Any]:
        """What was fixed before anything ran: the first line of the evidence."""
        plan, case = self.plan, self.plan.use_case
        demo = plan.file.data.demo
        return {
            "schema": 1,
            "kind": "plan",
            "plan": plan.digest,
            "title": plan.title,
            "purpose": case.purpose,
            "use_case": json.loads(plan.definition.model_dump_json()),
            "floor": self.floor(),
            "forces": list(self.stores),
            "options": {name: option.summary for name, option in self.options.items()},
            "repeats": plan.file.repeats,
            "held_out_share": plan.file.held_out,
            "data_status": plan.file.data.status,
            "synthetic_demo": demo is not None,
            "people": demo.people if demo is not None else None,
            "data": self.digests,
        }


def _kind(artefact: Artefact) -> Kind:
    if isinstance(artefact, Microdata) and artefact.synthetic:
        return Kind.SYNTHETIC
    return Kind.RELEASE if isinstance(artefact, Microdata | Statistics) else Kind.MODEL


def artefact_digest(artefact: Artefact) -> str:
    """Digest of what was released."""
    table = artefact.table if isinstance(artefact, Microdata | Statistics) else None
    content = repr(artefact).encode() if table is None else wire.encode(table)
    return hashlib.sha256(content).hexdigest()
