"""SQL of columns that count a person's events: one step per event table, read once for all of them.

Windows end or begin at the as-of date, so that no feature can look ahead.
"""

from collections.abc import Iterator

from minimisation.contract.sources import AnyAfter, CountBefore, Where
from minimisation.contract.tables import PERSON, TABLES
from minimisation.contract.usecase import UseCase
from minimisation.forces import sql


def steps(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """One step per event table and what is joined to it: name, and SQL with a row per person."""
    counts: dict[tuple[str, ...], list[str]] = {}
    for column in use_case.columns:
        source = column.source
        if isinstance(source, CountBefore | AnyAfter):
            count = f"count(*) filter (where {_inside(use_case, source)})"
            counts.setdefault(_events(source), []).append(f"{count} as {sql.name(column.name)}")
    for (table, *referred), columns in counts.items():
        joins = "".join(f" {reference(table, each)}" for each in referred)
        person = f"{sql.name(table)}.{PERSON}"
        body = f"select {person}, {', '.join(columns)} from {sql.name(table)}{joins}"
        yield _step((table, *referred)), f"{body} group by {person}"


def counted(name: str, source: CountBefore | AnyAfter) -> str:
    """The number of events of a column, 0 for whom no step has any."""
    return f"coalesce({_step(_events(source))}.{sql.name(name)}, 0)"


def _events(source: CountBefore | AnyAfter) -> tuple[str, ...]:
    """The event table, and the tables that its condition refers to."""
    names = [source.date, *source.where]
    return (source.table, *sorted({name.split(".")[0] for name in names if "." in name}))


def _step(events: tuple[str, ...]) -> str:
    return sql.name(f"events of {' and '.join(events)}")


def _inside(use_case: UseCase, source: CountBefore | AnyAfter) -> str:
    """Whether an event lies in the source's window and meets its condition."""
    day = f"date {sql.text(use_case.as_of.isoformat())}"
    window = f"interval {int(source.months)} month"
    date = dotted(source.table, source.date)
    inside = (
        f"{date} >= {day} - {window} and {date} < {day}"
        if isinstance(source, CountBefore)
        else f"{date} >= {day} and {date} < {day} + {window}"
    )
    return f"{inside} and {condition(source.where, source.table)}"


def located(table: str, column: str) -> tuple[str, str]:
    """Table and column that a source's `column` or `table.column` names."""
    referred, _, own = column.rpartition(".")
    return (referred or table), own


def dotted(table: str, column: str) -> str:
    """The same in SQL, with the table before it."""
    where, own = located(table, column)
    return f"{where if where == 'base' else sql.name(where)}.{sql.name(own)}"


def reference(table: str, referred: str) -> str:
    """SQL that joins a table to one that its rows refer to."""
    here = f"{sql.name(table)}.{sql.name(TABLES[table].references[referred])}"
    there = f"{sql.name(referred)}.{sql.name(TABLES[referred].key)}"
    return f"join {sql.name(referred)} on {here} = {there}"


def condition(where: Where, table: str) -> str:
    """SQL of a condition on labels; columns bear their table's name unless it is empty."""
    tests = [
        f"{dotted(table, column) if table else sql.name(column)} in {sql.texts(labels)}"
        for column, labels in where.items()
    ]
    return " and ".join(tests) or "true"
