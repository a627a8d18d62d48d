"""A plan's tables under disclosure control: no epsilon, checked against all released before."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from minimisation import PolicyError, UseCase, UseCaseError
from minimisation.forces import analysis
from minimisation.forces.boundary import Force
from minimisation.statistics import encoding
from minimisation.statistics.catalogue import PERSON, StoredTable
from minimisation.statistics.desk import Asking
from minimisation.statistics.disclosure.controlled import FEWEST, Control
from minimisation.statistics.disclosure.differencing import refuse_differencing
from minimisation.statistics.ledger import Ledger
from minimisation.statistics.noise import Reals
from minimisation.statistics.planner import Allowance, QueryPlan, choose
from minimisation.statistics.text_form import parse
from sandbox import desks
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class Counter:
    """Where one force counts."""

    force: Force
    """The force."""
    connection: duckdb.DuckDBPyConnection
    """Its store, the table encoded."""
    ledger: Ledger
    """Its ledger, which notes every table that was released without noise."""


def ask(study: Study, names: Sequence[str], control: Control, asking: Asking) -> pa.Table:
    """A table of counts over forces, or a refusal; nothing is charged.

    Unlike a private query it may be refused for what the data is.

    Args:
        study: the plan in its workspace.
        names: the forces, whose counts are added.
        control: how each force changes its counts.
        asking: who asks what.

    Returns:
        The keys and one figure, missing where a force left it out.

    Raises:
        UseCaseError: if it is no table of counts.
        PolicyError: if a force's rules forbid it, or it would single out a small group together
            with tables that were released before.
    """
    desks.refuse_unknown(study, names)
    case = study.plan.use_case
    plan = planned(asking.what, encoding.stored_table(case))
    control.check(plan)
    forces = [force for force in study.forces().members if force.name in names]
    asking = desks.signed(asking, forces)
    step = desks.PrivateQuery(name=f"disclosure-control-{control.method}")
    with ExitStack() as stack:
        counters = [stack.enter_context(_opened(study, force)) for force in forces]
        for counter in counters:
            desks.refuse_forbidden(counter.force, case, step, _people(counter))
            _refuse_differencing(counter, case, plan, asking)
        totals = np.sum(
            [control.apply(plan, each.connection, each.force.secret) for each in counters], axis=0
        )
        for counter in counters:
            counter.ledger.show(purpose=asking.purpose, analyst=asking.analyst, what=asking.what)
    table = _table(plan, totals)
    for force in forces:
        desks.note(force, case, f"{step.name}: {asking.what}", "done", table.nbytes)
    return table


def planned(text: str, table: StoredTable) -> QueryPlan:
    """The query in the form in which it is counted: no contribution is bounded."""
    return choose(parse(text, table.name), table, Allowance(), "ad_hoc")


def _refuse_differencing(counter: Counter, case: UseCase, plan: QueryPlan, asking: Asking) -> None:
    released = []
    for text in counter.ledger.shown(asking.purpose):
        try:
            released.append(planned(text, plan.table))
        except UseCaseError:
            msg = "an earlier table no longer fits the use case, so that this one cannot be checked"
            raise PolicyError(f"{msg} against it; ask for noise") from None
    try:
        refuse_differencing(plan, released, counter.connection, FEWEST, small_shown=False)
    except PolicyError as error:
        desks.note(counter.force, case, asking.what, f"refused: {error}")
        raise


@contextmanager
def _opened(study: Study, force: Force) -> Iterator[Counter]:
    case = study.plan.use_case
    with force.store.open() as connection:
        analysis.build(connection, case, study.split, force.name)
        encoding.encode(connection, case)
        ledger = study.ledger(study.stores[force.name])
        yield Counter(force=force, connection=connection, ledger=ledger)


def _people(counter: Counter) -> int:
    query = f"select count(distinct {PERSON}) from {encoding.ENCODED}"
    row = counter.connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _table(plan: QueryPlan, totals: Reals) -> pa.Table:
    places = np.indices(plan.shape).reshape(len(plan.shape), plan.cells)
    columns: dict[str, pa.Array] = {}
    for key, place in zip(plan.query.by, places, strict=True):
        labels = np.array(plan.table.labels(key), dtype=object)
        columns[key] = pa.array(labels[place], pa.string())
    counts = [None if np.isnan(total) else int(total) for total in totals]
    return pa.table({**columns, plan.query.measures[0].name: pa.array(counts, pa.int64())})
