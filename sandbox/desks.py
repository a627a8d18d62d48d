"""Where a private query meets a plan's forces: their rules, tables, ledgers and logs."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa

from minimisation import Payload, PayloadKind, PolicyError, UseCase, UseCaseError
from minimisation.contract.columns import OpenColumn
from minimisation.contract.steps import Premises
from minimisation.forces import analysis
from minimisation.forces.audit import Entry, Event
from minimisation.forces.boundary import Force
from minimisation.statistics import desk, encoding
from minimisation.statistics.accounting import Account
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.desk import Answer, Asking, BlockAnswer, Desk
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.prepared_form import PreparedForm
from minimisation.statistics.unknown_keys import KeysPlan
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class PrivateQuery:
    """A query as a force's policy knows it; run at the desk, or by `controlled_tables`."""

    name: str = "private-query"
    """Name by which a policy approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Figures on a grid that the query fixes."""
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=pa.schema([]), most_rows=0)

    def run(self, premises: Premises) -> pa.Table:
        """Never called: queries are run at the desk.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"a query must be asked at the desk of '{premises.force}'")


STEP = PrivateQuery()

KEYS_STEP = PrivateQuery(name="private-query-unknown-keys")
"""Approved apart: what it sends are labels as people's records hold them."""


def ask(
    study: Study,
    plan: QueryPlan,
    names: Sequence[str],
    budget: tuple[float, float],
    asking: Asking,
) -> Answer:
    """A private query's answer; every force named agrees and pays, or none does.

    Args:
        study: the plan in its workspace.
        plan: the query, planned for `table_of` these forces.
        names: the forces.
        budget: epsilon and delta at each force.
        asking: who asks, and for what.

    Raises:
        PolicyError: if a force's rules forbid it; a refusal depends on public facts only.
        BudgetExceededError: if a force's budget does not cover it.
    """
    with _agreed(study, names) as (forces, desks):
        answer = desk.ask(plan, desks, *budget, asking)
    for force in forces:
        note(force, study.plan.use_case, asking.what, "done", answer.table.nbytes)
    return answer


def ask_block(
    study: Study,
    plans: Sequence[QueryPlan],
    names: Sequence[str],
    budget: tuple[float, float],
    asking: Asking,
) -> BlockAnswer:
    """Answers to queries declared together; every force pays for all of them at once, or none does.

    Args:
        study: the plan in its workspace.
        plans: the queries, planned for `table_of` these forces.
        names: the forces.
        budget: epsilon of each query, and delta of the block's composition, at each force.
        asking: who asks, and for what.

    Raises:
        PolicyError: if a force's rules forbid it; a refusal depends on public facts only.
        BudgetExceededError: if a force's budget does not cover the block.
    """
    with _agreed(study, names) as (forces, desks):
        answer = desk.ask_block(plans, desks, *budget, asking)
    sent = sum(table.nbytes for table in answer.tables)
    for force in forces:
        note(force, study.plan.use_case, asking.what, "done", sent)
    return answer


def ask_keys(
    study: Study,
    plan: KeysPlan,
    names: Sequence[str],
    budget: tuple[float, float],
    asking: Asking,
) -> Answer:
    """Persons by a key whose labels are not public; every force agrees and pays, or none does.

    Args:
        study: the plan in its workspace.
        plan: the query, planned for `table_of` these forces.
        names: the forces.
        budget: epsilon and delta at each force; delta above 0.
        asking: who asks, and for what.

    Raises:
        UseCaseError: if delta is 0.
        PolicyError: if a force's rules forbid it; a refusal depends on public facts only.
        BudgetExceededError: if a force's budget does not cover it.
    """
    plan.mechanism(*budget)
    with _agreed(study, names, plan.column) as (forces, desks):
        answer = desk.ask_keys(plan, desks, *budget, asking)
    for force in forces:
        note(force, study.plan.use_case, asking.what, "done", answer.table.nbytes)
    return answer


@contextmanager
def _agreed(
    study: Study, names: Sequence[str], key: OpenColumn | None = None
) -> Iterator[tuple[list[Force], list[Desk]]]:
    """The forces named and their open desks, once the rules of each of them allow a query."""
    refuse_unknown(study, names)
    forces = [force for force in study.forces().members if force.name in names]
    for force in forces:
        refuse_forbidden(force, study.plan.use_case, STEP if key is None else KEYS_STEP)
    prepared = key is None and table_of(study, names)[1]
    with ExitStack() as stack:
        opening = (opened(study, force, prepared=prepared, key=key) for force in forces)
        yield forces, [stack.enter_context(each) for each in opening]


def signed(asking: Asking, forces: Sequence[Force]) -> Asking:
    """In whose name it is asked: of whoever proved a key, else as they call themselves."""
    proved = [str(force.actor) for force in forces if force.actor is not None]
    return replace(asking, analyst=proved[0]) if proved else asking


def refuse_unknown(study: Study, names: Sequence[str]) -> None:
    """Refuse the name of a force that the plan does not have.

    Raises:
        UseCaseError: naming the force and those there are.
    """
    for name in names:
        if name not in study.stores:
            raise UseCaseError(f"force '{name}' must be one of {', '.join(study.stores)}")


def refuse_forbidden(
    force: Force, use_case: UseCase, step: PrivateQuery, contributors: int | None = None
) -> None:
    """Apply a force's rules to a query.

    Args:
        force: the force.
        use_case: for which use case.
        step: the query as a policy knows it.
        contributors: people whose data it counts; None where noise hides how many there are.

    Raises:
        PolicyError: naming the force and the rule.
    """
    rule = force.policy.objection_to_asker(force.actor.fingerprint if force.actor else "")
    rule = rule or force.policy.objection(step, use_case, contributors)
    if rule is None and contributors is None and force.policy.epsilon == 0:
        rule = f"no budget is given for '{use_case.name}'"
    if rule is not None:
        note(force, use_case, step.name, f"refused: {rule}")
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


def table_of(study: Study, names: Sequence[str]) -> tuple[StoredTable, bool]:
    """What a query to these forces may use, and whether all of them have it prepared.

    Copies that are ranked for a question count where every force has them: all forces bound
    contributions alike.

    Raises:
        UseCaseError: if a force is unknown.
    """
    refuse_unknown(study, names)
    forms = [PreparedForm(home=study.stores[name], use_case=study.plan.use_case) for name in names]
    tables = [form.table() for form in forms]
    known = [table for table in tables if table is not None]
    if len(known) < len(tables):
        return encoding.stored_table(study.plan.use_case), False
    common = [copy for copy in known[0].prepared if all(copy in each.prepared for each in known)]
    return replace(known[0], prepared=tuple(common)), True


@contextmanager
def opened(
    study: Study, force: Force, *, prepared: bool, key: OpenColumn | None = None
) -> Iterator[Desk]:
    """One force's desk, with its prepared form or with its table encoded for this query.

    A prepared form holds no open text, so a query by an unknown key has its table encoded.
    """
    case, home = study.plan.use_case, study.stores[force.name]
    form = PreparedForm(home=home, use_case=case)
    with form.open() if prepared else force.store.open() as connection:
        if not prepared:
            keys = () if key is None else (key,)
            analysis.build(connection, case, study.split, force.name, keys)
            encoding.encode(connection, case, keys)
        yield Desk(
            force=force.name,
            connection=connection,
            ledger=study.ledger(home),
            account=Account.of(force.policy.budget),
            snapshot="" if (live := home.snapshots.live()) is None else live.name,
        )
