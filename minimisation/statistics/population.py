"""The rows that a query reads, as SQL: tables, conditions, each row's cell and values.

Stored values are integers and every expression is total, so that no row can make a query fail.
"""

import math

from minimisation.contract.domains import Bounds, Categories
from minimisation.forces import sql
from minimisation.statistics import arithmetic
from minimisation.statistics.catalogue import GROUP_RANK, PERSON, RANK, ROW_RANK, StoredTable
from minimisation.statistics.parts import Grid, Part
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.predicates import AnyOf, In, Missing, Predicate, Same, columns_of

ROUNDING = 1e-9
"""Slack in steps when a condition's end is brought to whole steps: 0.3 is three steps of 0.1."""


def rows_step(plan: QueryPlan, people: tuple[int, int] = (0, 1)) -> str:
    """The permitted rows of the population: the cell each falls in and its measured values.

    Args:
        plan: the query.
        people: which of how many shares of the people, from 0.
    """
    chosen = [f"{cell_sql(plan)} as cell"]
    if plan.form == "ad_hoc" or asks_persons(plan):
        own = sql.name(ROW_RANK if plan.form == "prepared" else PERSON)
        chosen.append(f"{sql.name(plan.source)}.{own}")
    for column, grid in measured(plan).items():
        chosen.append(f"{value_sql(plan, column, grid)} as {sql.name(f'value_{column}')}")
    for part in histograms(plan):
        code = code_sql(plan.table, column_sql(plan, part.column), part.column)
        chosen.append(f"{code} as {sql.name(f'bin_{part.column}')}")
    met, (share, shares) = conditions(plan), people
    if shares > 1:
        met.append(f"hash({sql.name(plan.source)}.{sql.name(PERSON)}) % {shares} = {share}")
    where = " and ".join(met) or "true"
    return f"rows_used as (select {', '.join(chosen)} from {tables_sql(plan)} where {where})"


def conditions(plan: QueryPlan) -> list[str]:
    """What a row must meet: its rank, and the population."""
    source = sql.name(plan.source)
    if plan.form == "prefix":
        return [f"{source}.{sql.name(RANK)} <= {plan.vector.rows}"]
    if plan.form == "prepared":
        ranks = {GROUP_RANK: plan.vector.groups, ROW_RANK: plan.vector.rows}
        return [f"{source}.{sql.name(rank)} <= {most}" for rank, most in ranks.items()]
    population = [predicate_sql(plan, predicate) for predicate in plan.query.population]
    return [f"{source}.{sql.name(PERSON)} is not null", *population]


def tables_sql(plan: QueryPlan) -> str:
    """The table and the tables it refers to, joined N:1, so that no row is doubled."""
    names = [*plan.query.by, *measured(plan), *(part.column for part in histograms(plan))]
    if plan.form == "ad_hoc":
        names += [name for each in plan.query.population for name in columns_of(each)]
    derived = [plan.table.derived[name] for name in names if name in plan.table.derived]
    names = [name for name in names if name not in plan.table.derived]
    names += [name for expression in derived for name in arithmetic.columns_of(expression)]
    joins = ""
    for table in _referred(plan.table, {name.rpartition(".")[0] for name in names} - {""}):
        to = plan.table.references[table]
        here, there = f"{sql.name(to.via or plan.source)}.{sql.name(to.by)}", sql.name(table)
        joins += f" left join {sql.name(to.table)} as {there}"
        joins += f" on {there}.{sql.name(to.key)} = {here}"
    return sql.name(plan.source) + joins


def _referred(table: StoredTable, wanted: set[str]) -> list[str]:
    """The tables wanted and those on the way to them, each after the one that refers to it."""
    ordered: list[str] = []
    for name in sorted(wanted):
        way = [name]
        while via := table.references[way[-1]].via:
            way.append(via)
        ordered += [each for each in reversed(way) if each not in ordered]
    return ordered


def cell_sql(plan: QueryPlan) -> str:
    """Number of a row's cell in grid order."""
    terms: list[str] = []
    stride = 1
    for key, labels in reversed(list(zip(plan.query.by, plan.shape, strict=True))):
        code = code_sql(plan.table, column_sql(plan, key), key)
        terms.insert(0, code if stride == 1 else f"cast({code} as integer) * {stride}")
        stride *= labels
    return " + ".join(terms) or "0"


def code_sql(table: StoredTable, stored: str, key: str) -> str:
    """Number of a row's label: the stored code, or the public bin it falls in."""
    column = table.column(key)
    labels = table.labels(key)
    code = stored
    if isinstance(column.domain, Bounds):
        step = column.domain.step
        cases = " ".join(
            f"when {stored} < {math.ceil(edge / step - ROUNDING)} then {place}"
            for place, edge in enumerate(column.domain.edges)
        )
        last = len(column.domain.edges)
        code = f"case when {stored} is null then null {cases} else {last} end"
    return f"coalesce({code}, {len(labels) - 1})" if column.optional else code


def predicate_sql(plan: QueryPlan, predicate: Predicate) -> str:
    """A condition on stored integers; it cannot fail, whatever the data."""
    if isinstance(predicate, AnyOf):
        joined = [
            " and ".join(predicate_sql(plan, each) for each in alternative)
            for alternative in predicate.alternatives
        ]
        return f"({' or '.join(f'({each})' for each in joined)})"
    stored = column_sql(plan, predicate.column)
    if isinstance(predicate, Same):
        return f"{stored} = {column_sql(plan, predicate.other)}"
    if isinstance(predicate, Missing):
        return f"{stored} is {'not ' if predicate.negated else ''}null"
    domain = plan.table.column(predicate.column).domain
    if isinstance(predicate, In):
        if not isinstance(domain, Categories):
            raise TypeError(f"column '{predicate.column}' must have categories")
        codes = sorted(domain.values.index(label) for label in predicate.labels)
        return f"{stored} in ({', '.join(map(str, codes))})"
    if not isinstance(domain, Bounds):
        raise TypeError(f"column '{predicate.column}' must have bounds")
    ends = []
    if predicate.low is not None:
        ends.append(f"{stored} >= {math.ceil(predicate.low / domain.step - ROUNDING)}")
    if predicate.high is not None:
        ends.append(f"{stored} <= {math.floor(predicate.high / domain.step + ROUNDING)}")
    return " and ".join(ends)


def value_sql(plan: QueryPlan, column: str, grid: Grid) -> str:
    """A measured value; clipped only where the query's bounds are narrower than the domain."""
    stored, own = column_sql(plan, column), plan.table.grid(column)
    if (grid.low, grid.high) == (own.low, own.high):
        return stored
    return clipped(stored, grid.low, grid.high)


def column_sql(plan: QueryPlan, name: str) -> str:
    """A column of the source or of a table it refers to, quoted; or the sum it is worked out by."""
    if name in plan.table.derived:
        expression = plan.table.derived[name]
        worked_out = arithmetic.worked_out(
            expression, plan.table.grid, lambda own: column_sql(plan, own)
        )
        return worked_out.sql
    table, _, own = name.rpartition(".")
    return f"{sql.name(table or plan.source)}.{sql.name(own)}"


def clipped(value: str, low: int, high: int) -> str:
    """A value within bounds; `case` costs a sixth of least() and greatest() inside a sum."""
    return (
        f"case when {value} < {low} then {low} when {value} > {high} then {high} else {value} end"
    )


def measured(plan: QueryPlan) -> dict[str, Grid]:
    """Measured columns and the grids their values are clipped to."""
    return {part.column: part.grid for part in plan.vector.parts if part.grid is not None}


def histograms(plan: QueryPlan) -> list[Part]:
    """The parts that count rows per bin."""
    return [part for part in plan.vector.parts if part.bins]


def asks_persons(plan: QueryPlan) -> bool:
    """Whether persons are counted."""
    return any(part.kind == "persons" for part in plan.vector.parts)
