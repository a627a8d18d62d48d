"""Asks one private query of several forces: all of them pay and answer, or none does.

Every force reserves before any runs; a refusal gives the others back what they reserved. From the
start of the first mechanism on, everything is charged, whatever happens. An identical request is
answered from the ledger, byte for byte, at no cost.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.statistics import private_query
from minimisation.statistics.accounting import NOTHING, Account, Amount, Spend
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.ledger import Ledger, Reservation
from minimisation.statistics.noise import Integers, Noise
from minimisation.statistics.planner import QueryPlan


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where one force answers."""

    force: str
    """Its name."""
    connection: duckdb.DuckDBPyConnection
    """Its store, with the planned table in it."""
    ledger: Ledger
    """Its privacy ledger."""
    account: Account
    """Budget of this purpose and analyst."""
    snapshot: str
    """Name of its data: other data is another release, and costs again."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who asks, and for what."""

    purpose: str
    """Use case."""
    analyst: str
    """Person or role whose account is charged."""
    what: str = "query"
    """The query in words, for readers of the ledger."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A released table and what it cost."""

    table: pa.Table
    """One row per cell; see `private_query.finish`."""
    added: Noise
    """Noise in each force's figures."""
    costs: dict[str, Amount]
    """Force → what it charged; nothing where the release was made before."""


def ask(
    plan: QueryPlan, desks: Sequence[Desk], epsilon: float, delta: float, asking: Asking
) -> Answer:
    """The query's answer over all forces, each of which is charged.

    Raises:
        BudgetExceededError: if one force's budget does not cover it; none has then paid.
        StoreError: if a store or ledger cannot be used; what was started stays charged.
    """
    added = private_query.noise_of(plan, epsilon, delta)
    spend = Spend.of(added, plan.vector.l1, plan.vector.l2_squared)
    request = {desk.force: request_text(plan, added, desk.snapshot, asking) for desk in desks}
    kept = {desk.force: desk.ledger.cached(request[desk.force]) for desk in desks}
    fresh = [desk for desk in desks if kept[desk.force] is None]
    reserved = _reserve(fresh, spend, request, asking)
    for desk in fresh:
        desk.ledger.start(reserved[desk.force])
    for desk in fresh:
        body = _packed(private_query.run(plan, desk.connection, added))
        desk.ledger.commit(reserved[desk.force], body)
        kept[desk.force] = body
    vectors = [_unpacked(plan, kept[desk.force]) for desk in desks]
    costs = {desk.force: spend.amount if desk in fresh else NOTHING for desk in desks}
    return Answer(table=private_query.finish(plan, vectors, added), added=added, costs=costs)


def request_text(plan: QueryPlan, added: Noise, snapshot: str, asking: Asking) -> str:
    """Everything that fixes a release: its query, noise, data and whose account it is."""
    compiled = hashlib.sha256(compile_query(plan).encode()).hexdigest()
    parts = [(part.name, part.weight) for part in plan.vector.parts]
    return repr((compiled, plan.cells, parts, added, snapshot, asking.purpose, asking.analyst))


def _reserve(
    desks: Sequence[Desk], spend: Spend, request: dict[str, str], asking: Asking
) -> dict[str, Reservation]:
    reserved: dict[str, Reservation] = {}
    try:
        for desk in desks:
            reserved[desk.force] = desk.ledger.reserve(
                desk.account,
                spend,
                purpose=asking.purpose,
                analyst=asking.analyst,
                request=request[desk.force],
                what=asking.what,
            )
    except (BudgetExceededError, StoreError):
        for desk in desks:
            if desk.force in reserved:
                desk.ledger.cancel(reserved[desk.force])
        raise
    return reserved


def _packed(vector: Integers) -> bytes:
    return vector.astype("<i8").tobytes()


def _unpacked(plan: QueryPlan, body: bytes | None) -> Integers:
    flat = np.frombuffer(body or b"", dtype="<i8").astype(np.int64)
    return flat.reshape(-1, plan.cells)
