"""SQL that lays a table out as codes in rank order, and of the view that decodes it again.

What is bound when it runs is `$secret`, behind which keys are hashed; see `forces.layout`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from minimisation.contract.tables import PERSON, Table
from minimisation.forces import sql
from minimisation.forces.mapping import Kind


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


def ranked(laid: Mapping[str, Laid], table: str, source: str) -> str:
    """A table with people: each person's rows by keyed hash, then everything by rank."""
    key = sql.name(laid[table].spec.key)
    chosen, joins = _coded(laid, table)
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


def unranked(laid: Mapping[str, Laid], table: str, source: str) -> str:
    """A table without people: the unit is the record, in an order that tells nothing."""
    key = sql.name(laid[table].spec.key)
    chosen, joins = _coded(laid, table)
    return f"""create table coded.{sql.name(table)} as
        with hashed as (
            select {number(f"s.{key}")} as person, s.{key} as key{chosen}
            from {source} s{joins}
        ), numbered as (
            select row_number() over (order by person, key) as record, * from hashed
        )
        select person, cast(1 as integer) as rank, record, key as {key},
            * exclude (person, record, key)
        from numbered order by record"""


def _coded(laid: Mapping[str, Laid], table: str) -> tuple[str, str]:
    """Stored columns, each behind a comma, and the joins that they need."""
    own, chosen, joins = laid[table], "", ""
    referred = {column: name for name, column in own.spec.references.items()}
    for column, kind in own.kinds.items():
        name, there = sql.name(column), referred.get(column, "")
        if column == PERSON:
            continue
        if isinstance(kind, Fixed):
            steps = f"round(cast(s.{name} as double) / cast({kind.step!r} as double))"
            chosen += f", cast({steps} as bigint) as {name}"
        elif column in own.labels:
            code = sql.name(f"code of {column}")
            joins += (
                f" left join coded.label {code} on {code}.table_name = {sql.text(table)}"
                f" and {code}.column_name = {sql.text(column)} and {code}.label = s.{name}"
            )
            chosen += f", cast({code}.code as smallint) as {name}"
        elif _refers(laid, there):
            key, other = sql.name(laid[there].spec.key), sql.name(there)
            joins += f" left join coded.{other} on {other}.{key} = s.{name}"
            chosen += f", {other}.record as {other}"
        else:
            chosen += f", s.{name}"
    return chosen, joins


def _refers(laid: Mapping[str, Laid], table: str) -> bool:
    """Whether a column that refers to a table holds that table's record number."""
    return table in laid and PERSON not in laid[table].columns


def view(laid: Mapping[str, Laid], table: str) -> str:
    """The harmonised table with its labels, as analysis reads it."""
    own = laid[table]
    referred = {column: name for name, column in own.spec.references.items()}
    chosen, joins = f"c.{sql.name(own.spec.key)}", ""
    for column, kind in own.kinds.items():
        name, there = sql.name(column), referred.get(column, "")
        if isinstance(kind, Fixed):
            chosen += f", c.{name} * cast({kind.step!r} as double) as {name}"
        elif column == PERSON:
            joins += " left join coded.identity i on i.person = c.person"
            chosen += f", i.{PERSON}"
        elif column in own.labels:
            chosen += f", {sql.array(own.labels[column])}[c.{name} + 1] as {name}"
        elif _refers(laid, there):
            other, alias = sql.name(there), sql.name(f"referred {there}")
            joins += f" left join coded.{other} {alias} on {alias}.record = c.{other}"
            chosen += f", {alias}.{sql.name(laid[there].spec.key)} as {name}"
        else:
            chosen += f", c.{name}"
    return f"create view {sql.name(table)} as select {chosen} from coded.{sql.name(table)} c{joins}"


def number(text: str) -> str:
    """SQL of the number of a person or record; never negative, so that it fits a BIGINT."""
    return f"cast(md5_number_lower($secret || {text}) >> 1 as bigint)"
