"""Encodes a use case's analysis table as whole numbers, the form that private queries run on.

For stores that do not hold it. Labels become their place in the declared list, numbers whole
multiples of their step. A person's rows are ranked by a hash of what they hold, so that the ranks
depend on that person alone; rows that are the same may change places.
"""

from collections.abc import Sequence

import duckdb

from minimisation.contract.columns import OpenColumn
from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.usecase import UseCase
from minimisation.forces import sql
from minimisation.forces.analysis import UNIT
from minimisation.statistics.catalogue import PERSON, RANK, StoredTable

ENCODED = "encoded"
"""Name of the temporary table."""


def encode(
    connection: duckdb.DuckDBPyConnection, use_case: UseCase, opened: Sequence[OpenColumn] = ()
) -> StoredTable:
    """Make the temporary table `encoded` from `analysis`, which must be there.

    Args:
        connection: a force's store with its analysis table built.
        use_case: declares the columns; direct identifiers are left out.
        opened: columns of open text that the analysis table was built with.

    Returns:
        The table as a query may use it.
    """
    table = stored_table(use_case)
    connection.execute(f"create or replace temp table {ENCODED} as {encoded_sql(table, opened)}")
    return table


def stored_table(use_case: UseCase) -> StoredTable:
    """What a query may use of a use case; a public fact."""
    columns = tuple(column for column in use_case.columns if column.domain is not None)
    return StoredTable(name=ENCODED, columns=columns, open_columns=use_case.open_columns)


def encoded_sql(table: StoredTable, opened: Sequence[OpenColumn] = ()) -> str:
    """Rows of `analysis` as codes, with person and rank, in rank order; open text as it is."""
    names = [sql.name(column.name) for column in table.columns]
    codes = []
    for column in table.columns:
        own = sql.name(column.name)
        if isinstance(column.domain, Categories):
            code = f"list_position({_list(column.domain)}, {own}) - 1"
        elif isinstance(column.domain, Bounds):
            code = f"cast(round({own} / {column.domain.step!r}) as bigint)"
        codes.append(f"{code} as {own}")
    codes += [sql.name(column.name) for column in opened]
    order = ", ".join([f"hash({', '.join(names)})", *names])
    rank = f"row_number() over (partition by {UNIT} order by {order}) as {sql.name(RANK)}"
    return (
        f"select {UNIT} as {sql.name(PERSON)}, {rank}, {', '.join(codes)} from analysis"
        f" where {UNIT} is not null order by {sql.name(RANK)}"
    )


def _list(domain: Categories) -> str:
    return f"[{', '.join(sql.text(label) for label in domain.values)}]"
