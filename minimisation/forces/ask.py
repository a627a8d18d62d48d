"""The forces together, and the only two doors to their data: `ask` and `assess`.

`ask` is how an option gets anything out. `assess` is how anything is judged. There is no third.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import pyarrow as pa

from minimisation.contract.errors import BudgetExceededError, PolicyError, SandboxError
from minimisation.contract.measures import Measure
from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.release import Release
from minimisation.contract.steps import PayloadKind, Step
from minimisation.contract.usecase import UseCase
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Answer, Force
from minimisation.forces.mechanisms import loss_of
from minimisation.forces.meter import Meter
from minimisation.forces.replies import Failure, Refusal, Replies

GRACE = 5.0
"""Seconds that an interrupted query gets to stop."""


@dataclass(kw_only=True)
class Forces:
    """The participating forces, opened for one use case."""

    members: tuple[Force, ...]
    """The forces, in a fixed order."""
    use_case: UseCase
    """The approved use case."""
    split: Split
    """Who is held out."""
    workers: int = 2
    """Forces that run at the same time in this process."""
    meter: Meter = field(default_factory=Meter)
    """What left each force since they were opened."""
    _losses: list[PrivacyLoss] = field(default_factory=list)
    _unprotected: bool = False

    def __enter__(self) -> Self:
        """Open every force's store; on an error none stays open."""
        try:
            for force in self.members:
                force.open(self.use_case, self.split)
        except SandboxError:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every force's store."""
        self.close()

    def close(self) -> None:
        """Close every force's store."""
        for force in self.members:
            force.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the forces, in order."""
        return tuple(force.name for force in self.members)

    def ask(
        self,
        step: Step,
        inputs: Mapping[str, pa.Table] | pa.Table | None = None,
        to: Sequence[str] | None = None,
        deadline: float | None = None,
    ) -> Replies:
        """Have forces run a step on their own training people and send what it promised.

        Args:
            step: what to run.
            inputs: one table for all forces, or one per force.
            to: which forces; all if None.
            deadline: seconds for the whole ask; a force that is late becomes a failure.

        Returns:
            Payloads, refusals and failures. A private mechanism runs in all forces or in none.

        Raises:
            ValueError: if `to` names an unknown force.
            BudgetExceededError: if a force's budget does not cover a private mechanism; nothing
                was run and nothing was spent anywhere.
        """
        chosen = self._chosen(to)
        refusals = [
            Refusal(force=force.name, rule=rule)
            for force in chosen
            if (rule := force.objection(step, self.use_case)) is not None
        ]
        loss = loss_of(step, self.use_case)
        if loss is not None:
            if refusals:
                return Replies(payloads={}, refusals=tuple(refusals))
            self._reserve(chosen, loss, step.name)
        refused = {refusal.force for refusal in refusals}
        asked = [force for force in chosen if force.name not in refused]
        replies = self._run(step, asked, inputs, deadline)
        if loss is not None:
            for force in asked:
                if force.name in replies.payloads:
                    force.ledger.commit(loss)
        self._account(step, loss, replies)
        return replace(replies, refusals=(*refusals, *replies.refusals))

    def assess(self, measure: Measure, release: Release, seed: int) -> dict[str, pa.Table]:
        """Judge a release inside every force; figures add up over the returned tables.

        Args:
            measure: what to observe; it sees member and held-out people.
            release: what is judged.
            seed: the assessment's seed, equal for all options so that differences are paired.

        Returns:
            Force → a table of the measure's fixed schema. Controlled access: not a release.
        """
        return {
            force.name: force.observe(measure, release, self.use_case, seed)
            for force in self.members
        }

    def privacy_loss(self) -> PrivacyLoss | None:
        """The composed loss of everything asked so far; None if anything left without noise.

        Losses of one force add up (basic composition); the figure states how many forces a
        person may be known to.
        """
        if self._unprotected or not self._losses:
            return None
        first = self._losses[0]
        rhos = [loss.rho for loss in self._losses if loss.rho is not None]
        return replace(
            first,
            rho=sum(rhos) if len(rhos) == len(self._losses) else None,
            epsilon=sum(loss.epsilon for loss in self._losses),
            delta=sum(loss.delta for loss in self._losses),
            mechanism="; ".join(dict.fromkeys(loss.mechanism for loss in self._losses)),
            forces=max(loss.forces for loss in self._losses),
        )

    def held_out_digest(self) -> str:
        """One digest of who is held out in every force, in the forces' order."""
        parts = "".join(force.held_out_digest() for force in self.members)
        return hashlib.sha256(parts.encode()).hexdigest()[:32]

    def __iter__(self) -> Iterator[Force]:
        """The forces, in order."""
        return iter(self.members)

    def _chosen(self, to: Sequence[str] | None) -> list[Force]:
        unknown = set(to or ()) - set(self.names)
        if unknown:
            msg = f"to ({', '.join(sorted(unknown))}) must name participating forces: "
            raise ValueError(msg + ", ".join(self.names))
        return [force for force in self.members if to is None or force.name in to]

    def _reserve(self, chosen: list[Force], loss: PrivacyLoss, what: str) -> None:
        reserved: list[Force] = []
        for force in chosen:
            if not force.ledger.reserve(loss, what):
                for other in reserved:
                    other.ledger.cancel(loss)
                msg = f"epsilon ({loss.epsilon:g}) must be within the budget of force"
                raise BudgetExceededError(f"{msg} '{force.name}'; nothing was run or spent")
            reserved.append(force)
        for force in chosen:
            force.ledger.start(loss)

    def _run(
        self,
        step: Step,
        asked: list[Force],
        inputs: Mapping[str, pa.Table] | pa.Table | None,
        deadline: float | None,
    ) -> Replies:
        with ThreadPoolExecutor(max_workers=max(1, self.workers)) as pool:
            futures: dict[str, Future[Answer]] = {
                force.name: pool.submit(
                    force.answer,
                    step,
                    self.use_case,
                    inputs.get(force.name) if isinstance(inputs, Mapping) else inputs,
                )
                for force in asked
            }
            late = wait(futures.values(), timeout=deadline).not_done
            for force in asked:
                if futures[force.name] in late and not futures[force.name].cancel():
                    force.interrupt()
            wait(futures.values(), timeout=GRACE if late else None)
        return self._sort(futures, late, deadline)

    def _sort(
        self, futures: dict[str, Future[Answer]], late: set[Future[Answer]], deadline: float | None
    ) -> Replies:
        payloads: dict[str, pa.Table] = {}
        refusals: list[Refusal] = []
        failures: list[Failure] = []
        for name, future in futures.items():
            if future in late:
                failures.append(Failure(force=name, reason=f"no answer within {deadline:g} s"))
                continue
            error = future.exception()
            if isinstance(error, PolicyError):
                refusals.append(Refusal(force=name, rule=str(error)))
            elif error is not None:
                reason = str(error) if isinstance(error, SandboxError) else type(error).__name__
                failures.append(Failure(force=name, reason=reason))
            else:
                answer = future.result()
                payloads[name] = answer.payload
                self.meter.entries.append(answer.egress)
        return Replies(payloads=payloads, refusals=tuple(refusals), failures=tuple(failures))

    def _account(self, step: Step, loss: PrivacyLoss | None, replies: Replies) -> None:
        if loss is not None:
            self._losses.append(replace(loss, forces=len(self.members)))
        elif replies.payloads and step.sends(self.use_case).kind is not PayloadKind.NOTHING:
            self._unprotected = True
