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
from minimisation.forces import sql
from minimisation.forces.mapping import Kind

MOST_LABELS = 20_000
"""A column with more labels is kept as text: it is an identifier that was not declared as one."""

KEY_KIND, FIXED_KIND = "key", "fixed"
"""What `coded.kept` calls a table's key, and a number that is kept as whole steps."""


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A number kept as a whole multiple of a public step, so that no statistic sums a float."""

    step: float
    """The grid, in the column's own units."""


LayoutKind = Kind | Fixed
"""How a column is laid out."""


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A table that is written, for those that refer to it."""

    spec: Table
    """Its key and references."""
    kinds: Mapping[str, LayoutKind]
    """Its columns, the key left out."""
    labels: Mapping[str, list[str]]
    """Coded column → its labels in order of code."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The key and all columns."""
        return (self.spec.key, *self.kinds)


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
        statement = self._ranked(table, source) if people else self._unranked(table, source)
        self.connection.execute(statement, secret)
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
            self.connection.execute(self._view(table))

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
            f"""insert into people select {PERSON}, {_number(PERSON)}
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

    def _ranked(self, table: str, source: str) -> str:
        """A table with people: each person's rows by keyed hash, then everything by rank."""
        key = sql.name(self.laid[table].spec.key)
        chosen, joins = self._coded(table)
        return f"""create table coded.{sql.name(table)} as
            with hashed as (
                select people.person as person, md5_number($secret || s.{key}) as place,
                    s.{key} as key{chosen}
                from {source} s join people on people.{PERSON} = s.{PERSON}{joins}
            ), ranked as (
                select row_number() over (partition by person order by place) as r, *
                from hashed
            )
            select person, cast(r as integer) as rank, key as {key},
                * exclude (person, r, place, key)
            from ranked order by r, person"""

    def _unranked(self, table: str, source: str) -> str:
        """A table without people: the unit is the record, in an order that tells nothing."""
        key = sql.name(self.laid[table].spec.key)
        chosen, joins = self._coded(table)
        return f"""create table coded.{sql.name(table)} as
            with hashed as (
                select {_number(f"s.{key}")} as person, s.{key} as key{chosen}
                from {source} s{joins}
            ), numbered as (
                select row_number() over (order by person, key) as record, * from hashed
            )
            select person, cast(1 as integer) as rank, record, key as {key},
                * exclude (person, record, key)
            from numbered order by record"""

    def _coded(self, table: str) -> tuple[str, str]:
        """Stored columns, each behind a comma, and the joins that they need."""
        laid, chosen, joins = self.laid[table], "", ""
        referred = {column: name for name, column in laid.spec.references.items()}
        for column, kind in laid.kinds.items():
            name, there = sql.name(column), referred.get(column, "")
            if column == PERSON:
                continue
            if isinstance(kind, Fixed):
                steps = f"round(cast(s.{name} as double) / cast({kind.step!r} as double))"
                chosen += f", cast({steps} as bigint) as {name}"
            elif column in laid.labels:
                code = sql.name(f"code of {column}")
                joins += (
                    f" left join coded.label {code} on {code}.table_name = {sql.text(table)}"
                    f" and {code}.column_name = {sql.text(column)} and {code}.label = s.{name}"
                )
                chosen += f", cast({code}.code as smallint) as {name}"
            elif self._refers(there):
                key, other = sql.name(self.laid[there].spec.key), sql.name(there)
                joins += f" left join coded.{other} on {other}.{key} = s.{name}"
                chosen += f", {other}.record as {other}"
            else:
                chosen += f", s.{name}"
        return chosen, joins

    def _refers(self, table: str) -> bool:
        """Whether a column that refers to a table holds that table's record number."""
        return table in self.laid and PERSON not in self.laid[table].columns

    def _check(self, table: str) -> None:
        name = f"coded.{sql.name(table)}"
        for broken in (
            f"select 1 from {name} group by person, rank having count(*) > 1 limit 1",
            f"select 1 from {name} group by person having max(rank) <> count(*) limit 1",
        ):
            if self.connection.execute(broken).fetchone():
                msg = f"ranks of table '{table}' must be unique and dense within a person"
                raise StoreError(f"{msg}; nothing was loaded")

    def _view(self, table: str) -> str:
        """The harmonised table with its labels, as analysis reads it."""
        laid = self.laid[table]
        referred = {column: name for name, column in laid.spec.references.items()}
        chosen, joins = f"c.{sql.name(laid.spec.key)}", ""
        for column, kind in laid.kinds.items():
            name, there = sql.name(column), referred.get(column, "")
            if isinstance(kind, Fixed):
                chosen += f", c.{name} * cast({kind.step!r} as double) as {name}"
            elif column == PERSON:
                joins += " left join coded.identity i on i.person = c.person"
                chosen += f", i.{PERSON}"
            elif column in laid.labels:
                chosen += f", {sql.array(laid.labels[column])}[c.{name} + 1] as {name}"
            elif self._refers(there):
                other, alias = sql.name(there), sql.name(f"referred {there}")
                joins += f" left join coded.{other} {alias} on {alias}.record = c.{other}"
                chosen += f", {alias}.{sql.name(self.laid[there].spec.key)} as {name}"
            else:
                chosen += f", c.{name}"
        return (
            f"create view {sql.name(table)} as select {chosen} "
            f"from coded.{sql.name(table)} c{joins}"
        )


def _number(text: str) -> str:
    """SQL of the number of a person or record; never negative, so that it fits a BIGINT."""
    return f"cast(md5_number_lower($secret || {text}) >> 1 as bigint)"
