"""Asks a private query, or a block of them, of several forces: all pay and answer, or none does.

Every force reserves before any runs; a refusal gives the others back what they reserved. From the
start of the first mechanism on, everything is charged, whatever happens. An identical request is
answered from the ledger, byte for byte, at no cost. A block is declared before the first draw, so
that it may be charged as one entry by the tightest rule of composition.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.statistics import private_query, unknown_keys
from minimisation.statistics.accounting import (
    NOTHING,
    Account,
    Amount,
    Spend,
    block_spend,
)
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.ledger import Ledger, Reservation
from minimisation.statistics.noise import Integers, Noise
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.unknown_keys import KeysPlan


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
    """One row per cell or shown key; see `private_query.finish` and `unknown_keys.finish`."""
    added: Noise
    """Noise in each force's figures."""
    costs: dict[str, Amount]
    """Force → what it charged; nothing where the release was made before."""


@dataclass(frozen=True, kw_only=True)
class BlockAnswer:
    """Released tables of a block and what they cost together."""

    tables: tuple[pa.Table, ...]
    """One per query, in the order in which they were declared."""
    costs: dict[str, Amount]
    """Force → what it charged for all of them; nothing where the block was released before."""


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
    ((vectors,), costs) = _drawn([(plan, added)], desks, spend, request, asking)
    return Answer(table=private_query.finish(plan, vectors, added), added=added, costs=costs)


def ask_keys(
    plan: KeysPlan, desks: Sequence[Desk], epsilon: float, delta: float, asking: Asking
) -> Answer:
    """The keys that the forces show; each force is charged epsilon and, additively, delta.

    Raises:
        UseCaseError: if delta is 0.
        BudgetExceededError: if one force's budget does not cover it; none has then paid.
        StoreError: if a store or ledger cannot be used; what was started stays charged.
    """
    mechanism = plan.mechanism(epsilon, delta)
    fixed = (unknown_keys.keys_sql(plan), plan.column.domain, mechanism)
    request = {
        desk.force: repr((*fixed, desk.snapshot, asking.purpose, asking.analyst)) for desk in desks
    }

    def run(desk: Desk) -> bytes:
        return unknown_keys.run(plan, desk.connection, mechanism)

    bodies, costs = _released(run, desks, mechanism.spend, request, asking)
    table = unknown_keys.finish(plan, bodies, mechanism)
    return Answer(table=table, added=mechanism.noise, costs=costs)


def ask_block(
    plans: Sequence[QueryPlan], desks: Sequence[Desk], epsilon: float, delta: float, asking: Asking
) -> BlockAnswer:
    """Answers to queries that are declared together, before any of them is drawn.

    Args:
        plans: the queries.
        desks: where the forces answer.
        epsilon: pure epsilon of each query.
        delta: failure probability of the block's composition; 0: its epsilons are summed.
        asking: who asks, and for what.

    Raises:
        BudgetExceededError: if one force's budget does not cover the block; none has then paid.
        StoreError: if a store or ledger cannot be used; a block that was started stays charged.
    """
    draws = [(plan, private_query.noise_of(plan, epsilon, 0.0)) for plan in plans]
    # noise is scaled to lose a hair less than epsilon, so the declared figure bounds each
    spend = block_spend([epsilon] * len(plans), delta)
    request = {
        desk.force: repr([request_text(*draw, desk.snapshot, asking) for draw in draws])
        for desk in desks
    }
    collected, costs = _drawn(draws, desks, spend, request, asking)
    tables = [
        private_query.finish(plan, vectors, added)
        for (plan, added), vectors in zip(draws, collected, strict=True)
    ]
    return BlockAnswer(tables=tuple(tables), costs=costs)


def _drawn(
    draws: Sequence[tuple[QueryPlan, Noise]],
    desks: Sequence[Desk],
    spend: Spend,
    request: dict[str, str],
    asking: Asking,
) -> tuple[list[list[Integers]], dict[str, Amount]]:
    """Each query's noisy vectors, one per force, and what each force charged for them all."""

    def run(desk: Desk) -> bytes:
        drawn = [private_query.run(plan, desk.connection, added) for plan, added in draws]
        return b"".join(vector.astype("<i8").tobytes() for vector in drawn)

    bodies, costs = _released(run, desks, spend, request, asking)
    plans = [plan for plan, _ in draws]
    by_force = [_unpacked(plans, body) for body in bodies]
    return [list(vectors) for vectors in zip(*by_force, strict=True)], costs


def _released(
    run: Callable[[Desk], bytes],
    desks: Sequence[Desk],
    spend: Spend,
    request: dict[str, str],
    asking: Asking,
) -> tuple[list[bytes], dict[str, Amount]]:
    """What each force releases, made now or before, and what it charged for it."""
    kept = {desk.force: desk.ledger.cached(request[desk.force]) for desk in desks}
    fresh = [desk for desk in desks if kept[desk.force] is None]
    reserved = _reserve(fresh, spend, request, asking)
    for desk in fresh:
        desk.ledger.start(reserved[desk.force])
    for desk in fresh:
        body = run(desk)
        desk.ledger.commit(reserved[desk.force], body)
        kept[desk.force] = body
    costs = {desk.force: spend.amount if desk in fresh else NOTHING for desk in desks}
    return [kept[desk.force] or b"" for desk in desks], costs


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


def _unpacked(plans: Sequence[QueryPlan], body: bytes) -> list[Integers]:
    """Each query's vector, from a release that holds them one after the other."""
    flat = np.frombuffer(body, dtype="<i8").astype(np.int64)
    sizes = [private_query.entries_of(plan) * plan.cells for plan in plans]
    pieces = np.split(flat, np.cumsum(sizes)[:-1])
    return [piece.reshape(-1, plan.cells) for piece, plan in zip(pieces, plans, strict=True)]
