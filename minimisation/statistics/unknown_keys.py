"""Persons by a key whose labels are not public: who counts where, and what is shown of it.

Which keys of a person count is decided on that person's own keys, by a total order: a hash of
person and key, then the key. The person's number is a keyed hash itself, so nobody can choose keys
that come first. How often or in what order a person's rows were recorded changes nothing. What a
force sends is what it may show; a key that it holds back leaves it in no form.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.columns import OpenColumn
from minimisation.contract.errors import StoreError, UseCaseError
from minimisation.forces import sql
from minimisation.statistics import planner, population
from minimisation.statistics.accounting import Spend
from minimisation.statistics.catalogue import PERSON, StoredTable
from minimisation.statistics.planner import Allowance, QueryPlan
from minimisation.statistics.query import Query
from minimisation.statistics.thresholds import UnknownKeys

FIGURES = ("persons", "persons_low", "persons_high", "shown_by")
"""Columns of the released table after the key."""


@dataclass(frozen=True, kw_only=True)
class KeysPlan:
    """A checked query by an unknown key; made of public facts alone."""

    rows: QueryPlan
    """The same population without the key."""
    column: OpenColumn
    """The key."""
    groups: int
    """g: most keys of one person."""

    def mechanism(self, epsilon: float, delta: float) -> UnknownKeys:
        """Noise and threshold at each force.

        Raises:
            UseCaseError: if delta is 0, as no threshold hides a key for certain.
        """
        try:
            return UnknownKeys(groups=self.groups, epsilon=epsilon, delta=delta)
        except ValueError as error:
            raise UseCaseError(f"unknown({self.column.name}): {error}") from None


def choose(query: Query, table: StoredTable, allowance: Allowance) -> KeysPlan:
    """Check a query by an unknown key.

    Args:
        query: asks persons by `unknown`.
        table: the registered table it starts from.
        allowance: of which `groups` is used.

    Raises:
        UseCaseError: if the key is no open text, or a condition is not permitted.
    """
    column = table.open_column(query.unknown)
    if column.name in FIGURES:
        raise UseCaseError(f"unknown({column.name}) must not be called like a figure; rename it")
    rows = planner.choose(replace(query, unknown=""), table, allowance, "ad_hoc")
    return KeysPlan(rows=rows, column=column, groups=allowance.groups)


def keys_sql(plan: KeysPlan) -> str:
    """SQL with each key of the population and its persons; to be shown to nobody as it is."""
    steps = ",\n".join([pairs_step(plan), smallest_step(plan), kept_step()])
    return f"with {steps}\nselect label, count(*) as persons from kept group by label"


def pairs_step(plan: KeysPlan) -> str:
    """Each person's keys, once each, however many rows hold them."""
    source = sql.name(plan.rows.source)
    person, label = f"{source}.{sql.name(PERSON)}", f"{source}.{sql.name(plan.column.name)}"
    where = " and ".join([*population.conditions(plan.rows), f"{label} is not null"])
    tables = population.tables_sql(plan.rows)
    return f"pairs as (select distinct {person}, {label} as label from {tables} where {where})"


def smallest_step(plan: KeysPlan) -> str:
    """Each person's first g keys."""
    person = sql.name(PERSON)
    place = f"{{'place': hash({person}, label), 'label': label}}"
    first = f"min({place}, {plan.groups}) as first_keys"
    return f"smallest as (select {person}, {first} from pairs group by {person})"


def kept_step() -> str:
    """The keys kept, one row per person and key."""
    return "kept as (select unnest(first_keys).label as label from smallest)"


def exact_persons(plan: KeysPlan, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Key → persons before noise; never to be released.

    Raises:
        StoreError: if the store cannot answer; the message names no key.
    """
    try:
        found = connection.execute(keys_sql(plan)).fetchall()
    except duckdb.Error as error:
        # the original message may print a value
        msg = f"table '{plan.rows.source}' could not be read ({type(error).__name__})"
        raise StoreError(f"{msg}; nothing was released") from None
    return {str(label): int(persons) for label, persons in found}


def run(plan: KeysPlan, connection: duckdb.DuckDBPyConnection, mechanism: UnknownKeys) -> bytes:
    """One force's release: the keys it shows and their noisy persons, as JSON in order of text."""
    shown = mechanism.release(exact_persons(plan, connection))
    return json.dumps(shown, ensure_ascii=False, sort_keys=True).encode()


def finish(plan: KeysPlan, releases: Sequence[bytes], mechanism: UnknownKeys) -> pa.Table:
    """The released table from one or several forces' releases.

    Args:
        plan: the query.
        releases: one result of `run` per force.
        mechanism: the noise and threshold of each of them.

    Returns:
        One row per key that a force shows, in order of text: the key, `persons` added over the
        forces in `shown_by` (how many show it), and the 95 % interval of the persons of all forces.
        It allows for what the other forces hold back.
    """
    shown: list[Mapping[str, int]] = [json.loads(release) for release in releases]
    labels = sorted(set().union(*shown))
    persons = np.array([sum(each.get(label, 0) for each in shown) for label in labels], np.int64)
    by = np.array([sum(label in each for each in shown) for label in labels], np.int64)
    below, above = mechanism.margins(len(shown), by)
    figures = (persons, np.maximum(persons - below, by), persons + above, by)
    return pa.table(
        {
            plan.column.name: pa.array(labels, pa.string()),
            **{
                name: pa.array(values, pa.int64())
                for name, values in zip(FIGURES, figures, strict=True)
            },
        }
    )


@dataclass(frozen=True, kw_only=True)
class KeysQuote:
    """Price, threshold and expected precision of a query by an unknown key."""

    plan: KeysPlan
    """What would run."""
    mechanism: UnknownKeys
    """Noise and threshold at each force."""
    forces: int
    """Forces whose figures would be added."""

    @property
    def spend(self) -> Spend:
        """Loss at each force."""
        return self.mechanism.spend

    def widths(self) -> list[dict[str, int]]:
        """How far the interval of a shown key reaches below and above its figure.

        One row for a key that every force shows, and one for a key that a single force shows.
        """
        rows = []
        for by in sorted({self.forces, 1}, reverse=True):
            below, above = self.mechanism.margins(self.forces, np.array([by], np.int64))
            rows.append({"shown_by": by, "below": int(below[0]), "above": int(above[0])})
        return rows


def quote(plan: KeysPlan, epsilon: float, delta: float, forces: int = 1) -> KeysQuote:
    """Price of a query by an unknown key; nothing is run, read or spent.

    Raises:
        UseCaseError: if delta is 0.
    """
    return KeysQuote(plan=plan, mechanism=plan.mechanism(epsilon, delta), forces=forces)
