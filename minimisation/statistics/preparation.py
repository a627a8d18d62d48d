"""Prepares a stored table for a declared question: its rows ranked by group and within the group.

Each person's groups are put in a total order (hash of person and cell, then the cell's number) and
their rows in a group in the order of the stored rank, so that both depend on that person alone.
The copy lies in rank order: "g groups × r rows" then reads its first blocks only.
"""

import duckdb

from minimisation.contract.errors import StoreError
from minimisation.forces import sql
from minimisation.statistics import population
from minimisation.statistics.catalogue import (
    GROUP_RANK,
    PERSON,
    RANK,
    ROW_RANK,
    Prepared,
    StoredTable,
)
from minimisation.statistics.planner import Allowance, choose
from minimisation.statistics.query import Measure, Query
from minimisation.statistics.totals import MOST_ROWS


def prepare(connection: duckdb.DuckDBPyConnection, table: StoredTable, copy: Prepared) -> None:
    """Store the ranked copy, in place of an older one.

    Args:
        connection: one that may write to the store.
        table: the registered table, stored with `person` and `rank`.
        copy: population and keys to prepare for.

    Raises:
        UseCaseError: if a key or condition is not permitted.
    """
    connection.execute(
        f"create or replace table {sql.name(copy.table)} as {prepare_sql(table, copy)}"
    )


def prepare_sql(table: StoredTable, copy: Prepared) -> str:
    """The rows of the population that fall in a declared cell, with their two ranks, in order."""
    rows = Query(
        table=table.name,
        measures=(Measure(kind="rows"),),
        by=copy.by,
        population=copy.population,
    )
    plan = choose(rows, table, Allowance(), "ad_hoc")
    own, person, rank = sql.name(table.name), sql.name(PERSON), sql.name(RANK)
    where = " and ".join(population.conditions(plan))
    keyed = (
        f"select {own}.*, {population.cell_sql(plan)} as cell from {population.tables_sql(plan)}"
    )
    within = f"partition by {person} order by hash({person}, cell), cell"
    groups = f"dense_rank() over ({within}) as {sql.name(GROUP_RANK)}"
    rows_in = f"partition by {person}, cell order by {rank}"
    places = f"row_number() over ({rows_in}) as {sql.name(ROW_RANK)}"
    return (
        f"with keyed as ({keyed} where {where}) select * exclude (cell, {rank}), {groups}, {places}"
        f" from keyed where cell is not null order by {sql.name(ROW_RANK)}, {sql.name(GROUP_RANK)}"
    )


def refuse_broken_promises(connection: duckdb.DuckDBPyConnection, table: StoredTable) -> None:
    """Check what every bound relies on: one rank per row of a person, one row per referred key.

    Raises:
        StoreError: naming the table and the promise that does not hold.
    """
    own, person, rank = sql.name(table.name), sql.name(PERSON), sql.name(RANK)
    promises = {
        "give every row a person": f"select 1 from {own} where {person} is null",
        "rank each person's rows 1, 2, 3 and on": f"select 1 from {own} group by {person} having"
        f" count(distinct {rank}) < count(*) or min({rank}) < 1 or max({rank}) > count(*)",
        f"hold fewer than {MOST_ROWS} rows of one person": f"select 1 from {own} group by {person}"
        f" having count(*) >= {MOST_ROWS}",
    }
    for reference in table.references.values():
        key, there = sql.name(reference.key), sql.name(reference.table)
        promises[f"refer to one row of '{reference.table}' at most"] = (
            f"select 1 from {there} group by {key} having count(*) > 1 and {key} is not null"
        )
    for promise, counterexample in promises.items():
        if connection.execute(f"{counterexample} limit 1").fetchone():
            raise StoreError(f"table '{table.name}' must {promise}; load it again")
