"""Audits the bound of a planned query on invented people: record without a person, replay with.

With the noise left out, the difference between neighbouring inputs may never exceed the claimed L1
and L2 sensitivity; with the noise in, a lower bound on epsilon may never exceed the claim. People
are invented from the public domains alone: heavy-tailed, at every bound, missing where allowed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.columns import Column
from minimisation.contract.domains import Bounds, Categories
from minimisation.forces import sql
from minimisation.statistics import noise, preparation, private_query
from minimisation.statistics.catalogue import PERSON, RANK, StoredTable
from minimisation.statistics.lower_bound import lower_bound
from minimisation.statistics.noise import Noise, Reals
from minimisation.statistics.parts import Grid
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.predicates import In, Missing, simple

Row = dict[str, int | str | None]
"""Stored codes of one row, and its open text."""

REFERRED = 4
"""Rows of a referred table; key 0 points nowhere."""


@dataclass(frozen=True, kw_only=True)
class Excess:
    """Largest change by one person over the claimed sensitivity; above 1 the claim is false."""

    l1: float
    """In L1."""
    l2_squared: float
    """In squared L2."""

    @property
    def largest(self) -> float:
        """The worse of the two."""
        return max(self.l1, self.l2_squared)


@dataclass(frozen=True, kw_only=True)
class Invented:
    """Invented people of one table."""

    table: StoredTable
    """The table they fill."""
    people: Mapping[int, Sequence[Row]]
    """Person → stored rows."""
    referred: Mapping[str, Sequence[Row]]
    """Referred table → its rows, keys 1 and on."""

    def without(self, person: int) -> "Invented":
        """Everybody else."""
        rest = {each: rows for each, rows in self.people.items() if each != person}
        return Invented(table=self.table, people=rest, referred=self.referred)

    def store(self, connection: duckdb.DuckDBPyConnection, source: str) -> None:
        """Write the table, those it refers to and the copy that is read, as a store's load does."""
        for name, reference in self.table.references.items():
            keyed = [{reference.key: key, **row} for key, row in enumerate(self.referred[name], 1)]
            names = [reference.key, *_names(reference.columns), *_refers(self.table, name)]
            _write(connection, reference.table, names, keyed)
        rows = [
            {PERSON: person, RANK: rank, **row}
            for person, own in self.people.items()
            for rank, row in enumerate(own, 1)
        ]
        names = [PERSON, RANK, *_names(self.table.columns)]
        names += _refers(self.table, "")
        texts = [column.name for column in self.table.open_columns]
        _write(connection, self.table.name, names, rows, texts)
        for copy in self.table.prepared:
            if copy.table == source:
                preparation.prepare(connection, self.table, copy)


def invent(plan: QueryPlan, rng: np.random.Generator, people: int) -> Invented:
    """People of random shape whose rows mostly meet the query's conditions."""
    table = plan.table
    referred = {
        name: [_row(plan, reference.columns, name, rng) for _ in range(REFERRED)]
        for name, reference in table.references.items()
    }
    own: dict[int, list[Row]] = {}
    for person in rng.choice(10**9, people, replace=False):
        count = int(min(80, rng.pareto(0.7) + 1))
        # some have rows all over, some a few different rows many times
        kinds = [_full_row(plan, rng) for _ in range(max(1, int(count * rng.random())))]
        own[int(person)] = [kinds[rng.integers(len(kinds))] for _ in range(count)]
    return Invented(table=table, people=own, referred=referred)


def excesses(plan: QueryPlan, trials: int, seed: int = 0) -> Iterator[Excess]:
    """What one person changed over what they may, per trial."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for trial in range(trials):
            rng = np.random.default_rng([seed, trial])
            invented = invent(plan, rng, int(rng.integers(2, 8)))
            one = max(invented.people, key=lambda each: len(invented.people[each]))
            with_them, without = recorded(plan, connection, invented, one)
            change = np.abs(with_them.astype(object) - without.astype(object))
            yield Excess(
                l1=float(change.sum()) / plan.vector.l1,
                l2_squared=float((change**2).sum()) / plan.vector.l2_squared,
            )


def worst(plan: QueryPlan, trials: int, seed: int = 0) -> Excess:
    """The largest excess of several trials, each norm for itself."""
    found = list(excesses(plan, trials, seed))
    return Excess(
        l1=max(each.l1 for each in found), l2_squared=max(each.l2_squared for each in found)
    )


def recorded(
    plan: QueryPlan, connection: duckdb.DuckDBPyConnection, invented: Invented, person: int
) -> tuple[noise.Integers, noise.Integers]:
    """Exact vectors with and without a person."""
    invented.store(connection, plan.source)
    whole = private_query.exact_vector(plan, connection)
    invented.without(person).store(connection, plan.source)
    return whole, private_query.exact_vector(plan, connection)


def shown_epsilon(
    plan: QueryPlan, added: Noise, draws: int, *, delta: float = 0.0, seed: int = 0
) -> float:
    """Lower bound on the epsilon that a query loses on neighbours it tells apart best.

    The figure of each draw is its log-likelihood ratio under the claimed noise, the best there is
    if the claim is true.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        whole, rest = _furthest(plan, connection, seed)
    figures = [
        _told_apart(_drawn(exact, added, draws), whole.ravel(), rest.ravel(), added)
        for exact in (whole, rest)
    ]
    return lower_bound(figures[0], figures[1], delta)


def _furthest(
    plan: QueryPlan, connection: duckdb.DuckDBPyConnection, seed: int, trials: int = 5
) -> tuple[noise.Integers, noise.Integers]:
    def change(pair: tuple[noise.Integers, noise.Integers]) -> float:
        return float(np.abs(pair[0] - pair[1]).sum())

    pairs = []
    for trial in range(trials):
        invented = invent(plan, np.random.default_rng([seed, trial]), 4)
        one = max(invented.people, key=lambda each: len(invented.people[each]))
        pairs.append(recorded(plan, connection, invented, one))
    return max(pairs, key=change)


def _drawn(exact: noise.Integers, added: Noise, draws: int) -> Reals:
    """Noisy vectors of shape (draws, entries), drawn as a release draws them."""
    many = np.tile(exact.ravel(), draws)
    return noise.perturb(many, added).reshape(draws, -1).astype(np.float64)


def _told_apart(drawn: Reals, one: noise.Integers, other: noise.Integers, added: Noise) -> Reals:
    differing = np.flatnonzero(one != other)
    drawn, one, other = drawn[:, differing], one[differing], other[differing]
    if isinstance(added, noise.DiscreteLaplace):
        return np.asarray((np.abs(drawn - other) - np.abs(drawn - one)).sum(axis=1))
    return np.asarray(((drawn - other) ** 2 - (drawn - one) ** 2).sum(axis=1))


def _full_row(plan: QueryPlan, rng: np.random.Generator) -> Row:
    return _row(plan, plan.table.columns, "", rng)


def _row(plan: QueryPlan, columns: Sequence[Column], table: str, rng: np.random.Generator) -> Row:
    prefix = f"{table}." if table else ""
    row: Row = {
        column.name: _code(plan, column, prefix + column.name, rng)
        for column in columns
        if column.domain is not None
    }
    if not table:
        row |= {column.name: _label(rng) for column in plan.table.open_columns}
    return row | {by: int(rng.integers(REFERRED + 1)) for by in _refers(plan.table, table)}


def _label(rng: np.random.Generator) -> str | None:
    """Open text: a few labels that many have, many that few have, and none."""
    return None if rng.random() < 0.1 else f"key {int(rng.pareto(0.5))}"  # noqa: PLR2004 - as is


def _refers(table: StoredTable, name: str) -> list[str]:
    """Columns of a table, or of one that it refers to, that refer further."""
    return [reference.by for reference in table.references.values() if reference.via == name]


def _code(plan: QueryPlan, column: Column, name: str, rng: np.random.Generator) -> int | None:
    conditions = [each for condition in plan.query.population for each in simple(condition)]
    wanted = [each for each in conditions if each.column == name]
    absent = any(isinstance(each, Missing) and not each.negated for each in wanted)
    if column.optional and rng.random() < (0.8 if absent else 0.15):
        return None
    if isinstance(column.domain, Categories):
        labels = column.domain.values
        chosen = [each for each in wanted if isinstance(each, In)]
        if chosen and rng.random() < 0.8:  # noqa: PLR2004 - mostly inside
            labels = chosen[0].labels
        return column.domain.values.index(labels[rng.integers(len(labels))])
    if not isinstance(column.domain, Bounds):
        raise TypeError(f"column '{name}' must have a domain")
    grid = Grid.of(column.domain)
    ends = [grid.low, grid.high, grid.low + 1, grid.high - 1]
    return int(ends[rng.integers(4)] if rng.random() < 0.7 else rng.integers(grid.low, grid.high))  # noqa: PLR2004 - mostly at the bounds


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns if column.domain is not None]


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    rows: Sequence[Row],
    texts: Sequence[str] = (),
) -> None:
    columns = {name: pa.array([row[name] for row in rows], pa.int64()) for name in names}
    columns |= {name: pa.array([row[name] for row in rows], pa.string()) for name in texts}
    arrow = pa.table(columns)
    connection.register("invented_rows", arrow)
    order = f" order by {sql.name(RANK)}" if RANK in names else ""
    stored = f"create or replace table {sql.name(table)} as select * from invented_rows{order}"
    connection.execute(stored)
