"""Where a private query meets a plan's forces: their rules, tables, ledgers and logs."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pyarrow as pa

from minimisation import Payload, PayloadKind, PolicyError, UseCase, UseCaseError
from minimisation.contract.steps import Premises
from minimisation.forces import analysis
from minimisation.forces.audit import Entry, Event
from minimisation.forces.boundary import Force
from minimisation.statistics import desk, encoding
from minimisation.statistics.accounting import Account
from minimisation.statistics.desk import Answer, Asking, Desk
from minimisation.statistics.planner import QueryPlan
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class PrivateQuery:
    """A private query as a force's policy knows it; `statistics.desk` runs it."""

    name: str = "private-query"
    """Name by which a policy approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Noisy figures on a grid that the query fixes."""
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=pa.schema([]), most_rows=0)

    def run(self, premises: Premises) -> pa.Table:
        """Never called: the desk runs queries.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"a private query must be asked at the desk of '{premises.force}'")


STEP = PrivateQuery()


def ask(
    study: Study,
    plan: QueryPlan,
    names: Sequence[str],
    budget: tuple[float, float],
    asking: Asking,
) -> Answer:
    """A private query's answer; every force named agrees and pays, or none does.

    Raises:
        PolicyError: if a force's rules forbid it; a refusal depends on public facts only.
        BudgetExceededError: if a force's budget does not cover it.
    """
    forces = chosen(study, names)
    for force in forces:
        refuse_forbidden(force, study.plan.use_case)
    with ExitStack() as stack:
        desks = [stack.enter_context(opened(study, force)) for force in forces]
        answer = desk.ask(plan, desks, *budget, asking)
    for force in forces:
        note(force, study.plan.use_case, asking.what, "done", answer.table.nbytes)
    return answer


def chosen(study: Study, names: Sequence[str]) -> list[Force]:
    """The plan's forces of these names.

    Raises:
        UseCaseError: if a name is unknown.
    """
    unknown = [name for name in names if name not in study.stores]
    if unknown:
        raise UseCaseError(f"force '{unknown[0]}' must be one of {', '.join(study.stores)}")
    return [force for force in study.forces().members if force.name in names]


def refuse_forbidden(force: Force, use_case: UseCase) -> None:
    """Apply a force's rules to a query, without a look at its data.

    Raises:
        PolicyError: naming the force and the rule.
    """
    rule = force.policy.objection_to_asker(force.actor.fingerprint if force.actor else "")
    rule = rule or force.policy.objection(STEP, use_case, contributors=None)
    if rule is None and force.policy.epsilon == 0:
        rule = f"no budget is given for '{use_case.name}'"
    if rule is not None:
        note(force, use_case, STEP.name, f"refused: {rule}")
        raise PolicyError(f"force '{force.name}' refused: {rule}")


def note(force: Force, use_case: UseCase, what: str, outcome: str, sent: int = 0) -> None:
    """Enter a query in a force's audit log."""
    event = Event.DISCLOSURE if outcome == "done" else Event.CONSULTATION
    actor = "" if force.actor is None else str(force.actor)
    force.audit.record(
        Entry(
            event=event,
            what=what,
            purpose=use_case.name,
            outcome=outcome,
            sent=sent,
            actor=actor,
        )
    )


@contextmanager
def opened(study: Study, force: Force) -> Iterator[Desk]:
    """One force's desk, its table encoded."""
    case = study.plan.use_case
    with force.store.open() as connection:
        analysis.build(connection, case, study.split, force.name)
        encoding.encode(connection, case)
        yield Desk(
            force=force.name,
            connection=connection,
            ledger=study.ledger(study.stores[force.name]),
            account=Account.of(force.policy.budget),
            snapshot=study.digests[force.name],
        )
