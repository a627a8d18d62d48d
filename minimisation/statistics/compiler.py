"""Compiles a planned query to SQL on stored integers: one step, one function, one CTE.

Aggregates are integers throughout. Where every value is inside its bounds anyway, nothing is
clipped per row; ranges are proved beforehand, so that no sum can leave what it is held in.
"""

import math

from minimisation.contract.domains import Bounds, Categories
from minimisation.forces import sql
from minimisation.statistics import arithmetic
from minimisation.statistics.bounding import CELL_BITS, LIMIT
from minimisation.statistics.catalogue import GROUP_RANK, PERSON, RANK, ROW_RANK, StoredTable
from minimisation.statistics.parts import Grid, Part
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.predicates import In, Missing, Predicate

ROUNDING = 1e-9
"""Slack in steps when a condition's end is brought to whole steps: 0.3 is three steps of 0.1."""


def compile_query(plan: QueryPlan) -> str:
    """SQL with a `cell` number in grid order and one BIGINT per part; cells without rows absent."""
    if plan.form == "ad_hoc":
        steps = [rows_step(plan), totals_step(plan)]
        source = "totals"
        if plan.vector.groups < plan.cells:
            steps += [placed_step(plan), thresholds_step(plan), kept_step()]
            source = "kept"
        steps += [scaled_step(plan, source), bounded_step(plan), summed_step(plan)]
    else:
        steps = [rows_step(plan), cells_step(plan), weighted_step(plan)]
    return _with(steps, held_sql(plan))


def rows_step(plan: QueryPlan) -> str:
    """The permitted rows of the population: the cell each falls in and its measured values."""
    chosen = [f"{cell_sql(plan)} as cell"]
    if plan.form == "ad_hoc" or _has(plan, "persons"):
        own = sql.name(ROW_RANK if plan.form == "prepared" else PERSON)
        chosen.append(f"{sql.name(plan.source)}.{own}")
    for column, grid in measured(plan).items():
        chosen.append(f"{value_sql(plan, column, grid)} as {sql.name(f'value_{column}')}")
    for part in histograms(plan):
        code = code_sql(plan.table, column_sql(plan, part.column), part.column)
        chosen.append(f"{code} as {sql.name(f'bin_{part.column}')}")
    where = " and ".join(conditions(plan)) or "true"
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
        names += [predicate.column for predicate in plan.query.population]
    derived = [plan.table.derived[name] for name in names if name in plan.table.derived]
    names = [name for name in names if name not in plan.table.derived]
    names += [name for expression in derived for name in arithmetic.columns_of(expression)]
    joins = ""
    for table in sorted({name.rpartition(".")[0] for name in names} - {""}):
        to = plan.table.references[table]
        here, there = f"{sql.name(plan.source)}.{sql.name(to.by)}", sql.name(table)
        joins += f" left join {sql.name(to.table)} as {there}"
        joins += f" on {there}.{sql.name(to.key)} = {here}"
    return sql.name(plan.source) + joins


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
    stored = column_sql(plan, predicate.column)
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


def cells_step(plan: QueryPlan) -> str:
    """Totals per cell, from rows whose number per person is bounded already."""
    chosen = ["count(*) as rows_here", *_totals(plan)]
    if _has(plan, "persons"):
        own = {
            "prepared": f"count(*) filter ({sql.name(ROW_RANK)} = 1)",
            "prefix": f"count(distinct {sql.name(PERSON)})",
        }
        chosen.append(f"{own[plan.form]} as persons_here")
    return f"cells as (select cell, {', '.join(chosen)} from rows_used group by cell)"


def totals_step(plan: QueryPlan) -> str:
    """Totals per person and cell."""
    chosen = ["person", "cell", "count(*) as rows_here", *_totals(plan)]
    return f"totals as (select {', '.join(chosen)} from rows_used group by person, cell)"


def placed_step(plan: QueryPlan) -> str:
    """A total order of each person's cells: a hash of person and cell, then the cell's number."""
    place = f"cast(hash(person, cell, {plan.cells}) >> {64 - CELL_BITS} as bigint) << {CELL_BITS}"
    return f"placed as (select *, ({place}) + cell as place from totals where cell is not null)"


def thresholds_step(plan: QueryPlan) -> str:
    """The last place that each person keeps."""
    last = f"list_max(min(place, {plan.vector.groups})) as last"
    return f"thresholds as (select person, {last} from placed group by person)"


def kept_step() -> str:
    """Each person's first g cells."""
    join = "thresholds.person = placed.person and placed.place <= thresholds.last"
    return f"kept as (select placed.* from placed join thresholds on {join})"


def scaled_step(plan: QueryPlan, source: str) -> str:
    """Each person's parts in each kept cell; of more than r rows, r times their own average.

    A plain sum is not scaled: clipping it leaves more of it.
    """
    chosen = []
    for part in plan.vector.parts:
        if part.bins:
            chosen += _shared_bins(part, plan.vector.rows)
            continue
        total = "1" if part.kind == "persons" else _part_total(part)
        if part.kind in ("centred", "squared"):
            known, rows = sql.name(f"known_{part.column}"), plan.vector.rows
            total = f"case when {known} > {rows} then {total} * {rows} // {known} else {total} end"
        chosen.append(f"{total} as {sql.name(part.name)}")
    return f"scaled as (select cell, {', '.join(chosen)} from {source})"


def bounded_step(plan: QueryPlan) -> str:
    """What each person adds to each kept cell, within ±most."""
    chosen = []
    for part in plan.vector.parts:
        low, high = -part.most, part.most
        if part.kind in ("rows", "persons", "count"):
            low = 0
        elif part.kind == "sum" and part.grid is not None:
            # a person with fewer than r rows may total less than r·low, so 0 is always inside
            low = min(0, plan.vector.rows * part.grid.low)
            high = max(0, plan.vector.rows * part.grid.high)
        elif part.bins:
            low = 0
        chosen += [f"{clipped(name, low, high)} as {name}" for name in entries(part)]
    return f"bounded as (select cell, {', '.join(chosen)} from scaled)"


def summed_step(plan: QueryPlan) -> str:
    """Weighted sums over people per cell."""
    chosen = [
        f"{_times(part, f'sum({name})')} as {name}"
        for part in plan.vector.parts
        for name in entries(part)
    ]
    return f"weighted as (select cell, {', '.join(chosen)} from bounded group by cell)"


def weighted_step(plan: QueryPlan) -> str:
    """Weighted parts per cell, from totals of rows whose number per person is bounded already."""
    chosen = [
        f"{_times(part, name if part.bins else _part_total(part))} as {name}"
        for part in plan.vector.parts
        for name in entries(part)
    ]
    return f"weighted as (select cell, {', '.join(chosen)} from cells)"


def held_sql(plan: QueryPlan) -> str:
    """The vector, held within ±2^62; an unknown cell ends here."""
    chosen = [
        f"cast({clipped(name, -LIMIT, LIMIT)} as bigint) as {name}"
        for name in (name for part in plan.vector.parts for name in entries(part))
    ]
    return f"select cell, {', '.join(chosen)} from weighted where cell is not null"


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


def entries(part: Part) -> list[str]:
    """Quoted columns of a part: one per bin of a histogram, otherwise one."""
    if not part.bins:
        return [sql.name(part.name)]
    return [sql.name(f"{part.name}_{place}") for place in range(part.bins)]


def _has(plan: QueryPlan, kind: str) -> bool:
    return any(part.kind == kind for part in plan.vector.parts)


def _totals(plan: QueryPlan) -> list[str]:
    chosen = []
    squared = {part.column for part in plan.vector.parts if part.kind == "squared"}
    for column in measured(plan):
        value = sql.name(f"value_{column}")
        chosen.append(f"count({value}) as {sql.name(f'known_{column}')}")
        chosen.append(f"coalesce(sum({value}), 0) as {sql.name(f'total_{column}')}")
        if column in squared:
            square = f"coalesce(sum(cast({value} as bigint) * {value}), 0)"
            chosen.append(f"{square} as {sql.name(f'squares_{column}')}")
    for part in histograms(plan):
        code = sql.name(f"bin_{part.column}")
        # the ad hoc form shares a person's rows out by cumulative counts
        upto, prefix = ("between 0 and", "upto_") if plan.form == "ad_hoc" else ("=", "")
        chosen += [
            f"count(*) filter ({code} {upto} {place}) as {sql.name(f'{prefix}{part.name}_{place}')}"
            for place in range(part.bins)
        ]
    return chosen


def _shared_bins(part: Part, rows: int) -> list[str]:
    """A person's rows per bin; of more than r rows, r that are shared out like their own.

    Cumulative counts are scaled and rounded down, so that the shares add up to r exactly.
    """
    upto = [sql.name(f"upto_{part.name}_{place}") for place in range(part.bins)]
    total = upto[-1]
    chosen = []
    for lower, upper, name in zip(["0", *upto], upto, entries(part), strict=False):
        share = f"{upper} * {rows} // {total} - {lower} * {rows} // {total}"
        chosen.append(
            f"case when {total} > {rows} then {share} else {upper} - {lower} end as {name}"
        )
    return chosen


def _part_total(part: Part) -> str:
    """A part from the totals of a cell or of a person in a cell, before any clipping."""
    if part.kind in ("rows", "persons"):
        return f"{part.kind}_here"
    known, total, squares = (
        sql.name(f"{prefix}_{part.column}") for prefix in ("known", "total", "squares")
    )
    if part.kind == "count":
        return known
    if part.kind == "sum" or part.grid is None:
        return total
    middle = part.grid.low + part.grid.high
    if part.kind == "centred":
        return f"(2 * {total} - ({middle}) * {known})"
    return f"(4 * {squares} - ({4 * middle}) * {total} + ({middle**2}) * {known})"


def _times(part: Part, total: str) -> str:
    return f"cast({total} as hugeint) * {part.weight}"


def _with(steps: list[str], last: str) -> str:
    joined = ",\n".join(steps)
    return f"with {joined}\n{last}"
