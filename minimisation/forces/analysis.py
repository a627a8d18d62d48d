"""Builds a use case's analysis table inside one force: one SQL step, one function, one CTE.

Features are cut at the as-of date here, for every option alike, so that none can look ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from minimisation.contract.columns import Column, OpenColumn
from minimisation.contract.domains import Bounds, Categories, OpenText
from minimisation.contract.errors import UseCaseError
from minimisation.contract.sources import AnyAfter, CountBefore, Field, Month, YearsSince
from minimisation.contract.tables import PERSON, TABLES
from minimisation.contract.usecase import UseCase
from minimisation.forces import event_counts, sql
from minimisation.forces.event_counts import condition, dotted, located
from minimisation.forces.open_text import label_sql

FLAT = "records"
"""Table of a force whose data came as one flat file with the use case's own column names."""

UNIT, SHARE = "unit", "share"
"""Added columns: a keyed number of the person or record, and the hash by which folds are cut.

The number depends on the person alone, so that removing somebody changes nobody else's; it is 63
bits of a hash, of which two among ten million people agree once in 200,000 times.
"""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Who is held out: the same people in every force and for every option."""

    key: str
    """Key of the hash; a plan's seed on demo or public data, a held secret on real data."""
    held_out: float
    """Share of people that no option sees, in [0, 1)."""

    def __post_init__(self) -> None:
        """Refuse an impossible share.

        Raises:
            ValueError: naming the rule.
        """
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out ({self.held_out}) must be at least 0 and below 1")


def build(
    connection: duckdb.DuckDBPyConnection,
    use_case: UseCase,
    split: Split,
    force: str,
    opened: Sequence[OpenColumn] = (),
) -> None:
    """Create the temporary table `analysis` on a force's connection.

    Args:
        connection: on the force's store.
        use_case: declares the population and the columns.
        split: who is held out.
        force: name of the force.
        opened: columns of open text that are read as well; none, except to count their labels.

    Raises:
        UseCaseError: if a stored fact is dated on or after the as-of date, or a table is missing.
    """
    tables = {
        row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()
    }
    flat = FLAT in tables
    if not flat:
        if use_case.table not in tables:
            msg = f"table '{use_case.table}' of use case '{use_case.name}' must be in the store"
            raise UseCaseError(f"{msg} of force '{force}'; load it or name a file in the plan")
        for column in _read(use_case, opened):
            refuse_later_facts(connection, use_case, column)
    written = flat_sql if flat else analysis_sql
    statement = written(use_case, split, force, opened)
    try:
        connection.execute(f"create or replace temp table analysis as {statement}")
    except duckdb.Error as error:
        # the original message can quote a value
        raise UseCaseError(
            f"use case '{use_case.name}' must fit the store of force '{force}' "
            f"({type(error).__name__}); check its sources and domains"
        ) from None


def refuse_later_facts(
    connection: duckdb.DuckDBPyConnection, use_case: UseCase, column: Column | OpenColumn
) -> None:
    """Refuse a stored feature with any row that became known on or after the as-of date.

    Raises:
        UseCaseError: naming the column and the rule.
    """
    source = column.source
    if not isinstance(source, Field) or source.dated_by is None:
        return
    table, date = located(use_case.table, source.dated_by)
    later = connection.execute(
        f"select count(*) > 0 from {sql.name(table)} where {sql.name(date)} >= ?",
        [use_case.as_of],
    ).fetchone()
    if later and later[0]:
        msg = f"column '{column.name}' must be known before the as-of date ({use_case.as_of}):"
        raise UseCaseError(f"{msg} '{source.dated_by}' dates it later; remove it")


def flat_sql(use_case: UseCase, split: Split, force: str, opened: Sequence[OpenColumn] = ()) -> str:
    """Analysis table of a flat file, whose columns already bear the use case's names."""
    chosen = [_conform(column, sql.name(column.name)) for column in _read(use_case, opened)]
    person = use_case.unit == "person"
    unit = _unit_number(split, PERSON if person else "record_id")
    token = "linkage_token" if person else f"{sql.text(force)} || '|' || record_id"
    parts = [f"{unit} as {UNIT}", *chosen, f"{_share(split, force, token)} as {SHARE}"]
    return f"select {', '.join(parts)} from {FLAT} order by {UNIT}, record_id"


def analysis_sql(
    use_case: UseCase, split: Split, force: str, opened: Sequence[OpenColumn] = ()
) -> str:
    """Analysis table of harmonised tables: base rows, one CTE per way to read events, one join."""
    counts = dict(event_counts.steps(use_case))
    steps = [f"base as ({base_sql(use_case)})"]
    steps += [f"{name} as ({body})" for name, body in counts.items()]
    joins = [f"left join {name} on {name}.{PERSON} = base.{PERSON}" for name in counts]
    joins += [
        f"left join {sql.name(table)} on base.{sql.name(key)} = "
        f"{sql.name(table)}.{sql.name(TABLES[table].key)}"
        for table, key in _followed(use_case, opened).items()
    ]
    chosen = [_conform(column, _expression(use_case, column)) for column in _read(use_case, opened)]
    unit, token = _unit(use_case, split)
    parts = [f"{unit} as {UNIT}", *chosen, f"{_share(split, force, token)} as {SHARE}"]
    key = f"base.{sql.name(TABLES[use_case.table].key)}"
    return (
        f"with {', '.join(steps)} select {', '.join(parts)} from base {' '.join(joins)}"
        f" order by {UNIT}, {key}"
    )


def base_sql(use_case: UseCase) -> str:
    """Rows of the use case's table that belong to its population and fall in its months."""
    period = [
        f" and strftime({sql.name(source.column)}, '%Y-%m') in {sql.texts(column.domain.values)}"
        for column in use_case.columns
        if isinstance(source := column.source, Month)
        and isinstance(column.domain, Categories)
        and "." not in source.column
    ]
    population = condition(use_case.where, "")
    return f"select * from {sql.name(use_case.table)} where {population}{''.join(period)}"


def _read(use_case: UseCase, opened: Sequence[OpenColumn]) -> tuple[Column | OpenColumn, ...]:
    return (*use_case.columns, *opened)


def _expression(use_case: UseCase, column: Column | OpenColumn) -> str:
    source = column.source or Field(column=column.name)
    day = f"date {sql.text(use_case.as_of.isoformat())}"
    if isinstance(source, CountBefore | AnyAfter):
        events = event_counts.counted(column.name, source)
        return events if isinstance(source, CountBefore) else f"({events} > 0)::integer"
    stored = dotted("base", source.column)
    if isinstance(source, YearsSince):
        return f"date_sub('year', {stored}, {day})"
    return f"strftime({stored}, '%Y-%m')" if isinstance(source, Month) else stored


def _conform(column: Column | OpenColumn, expression: str) -> str:
    """Bring a value into its public domain: bounds clip and snap to the grid, labels must match."""
    domain = column.domain
    if isinstance(domain, OpenText):
        expression = label_sql(expression, domain)
    elif isinstance(domain, Bounds):
        number = f"cast({expression} as double)"
        snapped = f"round({number} / {domain.step!r}) * {domain.step!r}"
        expression = (
            f"case when {number} is null or isnan({number}) then null "
            f"when {number} < {domain.low!r} then {domain.low!r} "
            f"when {number} > {domain.high!r} then {domain.high!r} else {snapped} end"
        )
    elif isinstance(domain, Categories):
        text = f"cast({expression} as varchar)"
        expression = f"case when {text} in {sql.texts(domain.values)} then {text} end"
    return f"{expression} as {sql.name(column.name)}"


def _unit(use_case: UseCase, split: Split) -> tuple[str, str]:
    table = TABLES[use_case.table]
    key = f"base.{sql.name(table.key)}"
    if use_case.unit == "record":
        return _unit_number(split, key), key
    token = "base.linkage_token" if use_case.table == "person" else '"person".linkage_token'
    return _unit_number(split, f"base.{PERSON}"), token


def _unit_number(split: Split, key: str) -> str:
    salted = f"{sql.text(split.key + '|unit|')} || cast({key} as varchar)"
    return f"cast(md5_number_lower({salted}) >> 1 as bigint)"


def _share(split: Split, force: str, token: str) -> str:
    salted = f"{sql.text(split.key + '|')} || coalesce(cast({token} as varchar), {sql.text(force)})"
    return f"(md5_number_lower({salted}) % 9007199254740992) / 9007199254740992.0"


def _followed(use_case: UseCase, opened: Sequence[OpenColumn]) -> dict[str, str]:
    """Tables that base rows refer to and that a column (or the unit's token) needs."""
    references = TABLES[use_case.table].references
    names = [
        source.column.split(".")[0]
        for column in _read(use_case, opened)
        if isinstance(source := column.source, Field | YearsSince | Month) and "." in source.column
    ]
    if use_case.unit == "person" and use_case.table != "person":
        names.append("person")
    return {table: references[table] for table in sorted(set(names))}
