"""Makes a store again from an old one with something changed: a person erased, merged, rectified.

Every rewrite lays the rows out anew, so that ranks stay unique when two ids turn out to be one
person (20 rows would pass `rank <= 10` otherwise).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

import duckdb

from minimisation.contract.errors import UseCaseError
from minimisation.contract.tables import PERSON, TABLES, Table
from minimisation.forces import sql
from minimisation.forces.canonical import canonical
from minimisation.forces.layout import FIXED_KIND, KEY_KIND, Layout
from minimisation.forces.layout_sql import Fixed, LayoutKind
from minimisation.forces.mapping import Kind
from minimisation.forces.vault import OLD

EDITED = "edited"
"""Temporary table of one table's rows on their way into the new store."""


class Edit(Protocol):
    """A change to the temporary table `edited`."""

    def apply(self, connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> int:
        """Change the rows of one table; returns how many."""


@dataclass(frozen=True, kw_only=True)
class Erase:
    """Everything about one person goes: their record and every row that is about them."""

    person: str
    """Id in any spelling."""

    def apply(self, connection: duckdb.DuckDBPyConnection, _table: str, columns: list[str]) -> int:
        """Delete the person's rows."""
        if PERSON not in columns:
            return 0
        rows = connection.execute(
            f"delete from {EDITED} where {PERSON} = ? returning 1", [canonical(self.person)]
        )
        return len(rows.fetchall())


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Two ids are one person: all rows of one go to the other, whose own record stands."""

    person: str
    """Id that goes."""
    into: str
    """Id that stays."""

    def apply(self, connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> int:
        """Move the rows."""
        if PERSON not in columns:
            return 0
        goes, stays = canonical(self.person), canonical(self.into)
        if table == "person":
            held = connection.execute(f"select 1 from {EDITED} where {PERSON} = ?", [stays])
            if held.fetchone():
                gone = f"delete from {EDITED} where {PERSON} = ? returning 1"
                return len(connection.execute(gone, [goes]).fetchall())
        moved = f"update {EDITED} set {PERSON} = ? where {PERSON} = ? returning 1"
        return len(connection.execute(moved, [stays, goes]).fetchall())


@dataclass(frozen=True, kw_only=True)
class Rectify:
    """One value of one record was wrong."""

    table: str
    """Harmonised table."""
    record: str
    """Its key."""
    column: str
    """Which value."""
    value: str | None
    """The right one, or None for missing."""

    def __post_init__(self) -> None:
        """Refuse a column that a rectification cannot change.

        Raises:
            UseCaseError: naming the rule.
        """
        known = TABLES.get(self.table)
        if known is None or self.column not in known.columns or self.column == known.key:
            raise UseCaseError(
                f"column ({self.table}.{self.column}) must be a harmonised column and no key"
            )

    def apply(self, connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> int:
        """Change the value."""
        if table != self.table or self.column not in columns:
            return 0
        value = canonical(self.value) if self.column == PERSON and self.value else self.value
        key = sql.name(TABLES[table].key)
        changed = f"update {EDITED} set {sql.name(self.column)} = ? where {key} = ? returning 1"
        try:
            rows = connection.execute(changed, [value, canonical(self.record)]).fetchall()
        except duckdb.ConversionException:
            kind = TABLES[table].columns[self.column]
            msg = f"the new value of {table}.{self.column} must be of type {kind}"
            raise UseCaseError(msg) from None
        return len(rows)


def rewrite(connection: duckdb.DuckDBPyConnection, key: bytes, edit: Edit) -> int:
    """Fill a new store from the one attached as `old`.

    Args:
        connection: of the new store.
        key: the force's key of ranks.
        edit: what changes.

    Returns:
        Rows that were changed or left out.
    """
    layout, changed = Layout(connection=connection, key=key), 0
    for table, spec, kinds in kept_tables(connection):
        columns = [spec.key, *kinds]
        chosen = ", ".join(sql.name(column) for column in columns)
        connection.execute(
            f"create temp table {EDITED} as select {chosen} from {OLD}.main.{sql.name(table)}"
        )
        changed += edit.apply(connection, table, columns)
        layout.lay(table, spec, kinds, EDITED)
        connection.execute(f"drop table {EDITED}")
    layout.finish()
    query = f"select 1 from duckdb_tables() where database_name = '{OLD}' and table_name = ?"
    if connection.execute(query, ["quarantine"]).fetchone():
        connection.execute(f"create table quarantine as from {OLD}.main.quarantine")
    return changed


def kept_tables(
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[str, Table, dict[str, LayoutKind]]]:
    """Name, key and references, and kinds of columns of every table of the old store, in order."""
    query = f"select table_name, column_name, kind, step from {OLD}.coded.kept"
    rows = connection.execute(query).fetchall()
    for table in dict.fromkeys(row[0] for row in rows):
        own = [row[1:] for row in rows if row[0] == table]
        key = next(column for column, kind, _ in own if kind == KEY_KIND)
        kinds = {
            column: Fixed(step=step) if kind == FIXED_KIND else cast("Kind", kind)
            for column, kind, step in own
            if kind != KEY_KIND
        }
        references = TABLES[table].references if table in TABLES else {}
        yield table, Table(key=key, columns={}, references=references), kinds
