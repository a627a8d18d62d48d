"""Lays accepted rows out for speed: integer codes, and each person's rows in rank order.

Schema `coded` holds what statistics read. Each row of a table with people carries `person` (63 bits
of a keyed hash of the person id) and `rank`, its dense place within the person by a keyed hash of
its record id: "at most m rows per person" is then `rank <= m`, a scan of the table's first blocks.
Both depend on that person's own ids alone: they stay from week to week, and a threshold on a hash
of `person` keeps or drops a row whoever else is there. Views of the harmonised names decode it all.
The hash is MD5 behind a secret prefix and is never published.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from minimisation.contract.errors import StoreError
from minimisation.contract.tables import PERSON, Table
from minimisation.forces import layout_sql, sql
from minimisation.forces.layout_sql import Fixed, Laid, LayoutKind

MOST_LABELS = 20_000
"""A column with more labels is kept as text: it is an identifier that was not declared as one."""

KEY_KIND, FIXED_KIND = "key", "fixed"
"""What `coded.kept` calls a table's key, and a number that is kept as whole steps."""


@dataclass(kw_only=True)
class Layout:
    """Writes one table after the other, those that others refer to first; then `finish`."""

    connection: duckdb.DuckDBPyConnection
    """The connection that fills the new store."""
    key: bytes = field(repr=False)
    """The force's key of the rank hash; the same every week."""
    laid: dict[str, Laid] = field(default_factory=dict)
    """Tables written so far."""

    def __post_init__(self) -> None:
        """Make the schema, the list of labels and that of people."""
        self.connection.execute("create schema coded")
        self.connection.execute(
            "create table coded.label "
            "(table_name varchar, column_name varchar, code integer, label varchar)"
        )
        self.connection.execute(f"create temp table people ({PERSON} varchar, person bigint)")

    def lay(self, table: str, spec: Table, kinds: Mapping[str, LayoutKind], source: str) -> None:
        """Write one table.

        Args:
            table: its name.
            spec: its key and references.
            kinds: column → kind, the key left out.
            source: relation with the key and those columns.

        Raises:
            StoreError: if ranks are not unique and dense within each person.
        """
        labels = {
            name: found
            for name, kind in kinds.items()
            if kind == "label" and (found := self._labels(table, name, source)) is not None
        }
        self.laid[table] = Laid(spec=spec, kinds=kinds, labels=labels)
        if people := PERSON in self.laid[table].columns:
            self._number_people(source)
        secret = {"secret": self._secret(table)}
        statement = layout_sql.ranked if people else layout_sql.unranked
        self.connection.execute(statement(self.laid, table, source), secret)
        self._check(table)

    def finish(self) -> None:
        """Keep who is who, and make the views that decode.

        Raises:
            StoreError: if two people have one number.
        """
        self._check_people()
        self.connection.execute("create table coded.identity as from people order by person")
        self.connection.execute(
            "create table coded.kept "
            "(table_name varchar, column_name varchar, kind varchar, step double)"
        )
        for table, laid in self.laid.items():
            rows: list[tuple[str, str, str, float | None]] = [
                (table, laid.spec.key, KEY_KIND, None)
            ]
            for column, kind in laid.kinds.items():
                written = (FIXED_KIND, kind.step) if isinstance(kind, Fixed) else (kind, None)
                rows.append((table, column, *written))
            self.connection.executemany("insert into coded.kept values (?, ?, ?, ?)", rows)
        for table in self.laid:
            self.connection.execute(layout_sql.view(self.laid, table))

    def _labels(self, table: str, column: str, source: str) -> list[str] | None:
        """Labels in order; None if there are too many to code."""
        name = sql.name(column)
        rows = self.connection.execute(
            f"select distinct {name} from {source} where {name} is not null "
            f"order by 1 limit {MOST_LABELS + 1}"
        ).fetchall()
        found = [str(row[0]) for row in rows]
        if len(found) > MOST_LABELS:
            return None
        self.connection.execute(
            "insert into coded.label "
            "select $table, $column, unnest(range($n))::integer, unnest($labels::varchar[])",
            {"table": table, "column": column, "n": len(found), "labels": found},
        )
        return found

    def _number_people(self, source: str) -> None:
        """Give every new person a number of their own; the same in all tables and all weeks."""
        self.connection.execute(
            f"""insert into people select {PERSON}, {layout_sql.number(PERSON)}
            from (select distinct {PERSON} from {source}) s
            where {PERSON} not in (select {PERSON} from people)""",
            {"secret": self._secret("people")},
        )

    def _secret(self, purpose: str) -> str:
        # 128 bits, short enough for prefix and record id to be one block of MD5
        return hmac.digest(self.key, purpose.encode(), hashlib.sha256).hex()[:32]

    def _check_people(self) -> None:
        # among ten million people two agree once in 180,000 forces
        query = "select count(*) = count(distinct person) from people"
        if self.connection.execute(query).fetchone() != (True,):
            msg = "each person must have a number of their own, and two hashes agree by chance"
            raise StoreError(f"{msg}; nothing was loaded: the force needs a new key")

    def _check(self, table: str) -> None:
        name = f"coded.{sql.name(table)}"
        for broken in (
            f"select 1 from {name} group by person, rank having count(*) > 1 limit 1",
            f"select 1 from {name} group by person having max(rank) <> count(*) limit 1",
        ):
            if self.connection.execute(broken).fetchone():
                msg = f"ranks of table '{table}' must be unique and dense within a person"
                raise StoreError(f"{msg}; nothing was loaded")
