"""Exact integer totals of rows, and the parts of a query that they give before any clipping."""

from minimisation.forces import sql
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.parts import Part
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.population import histograms, measured

MOST_ROWS = 2**31
"""More rows than one person may have; nothing is prepared of such a table."""


def totals(plan: QueryPlan) -> list[str]:
    """Aggregates over rows: known values, sums, sums of squares, rows per bin."""
    chosen = []
    squared = {part.column for part in plan.vector.parts if part.kind == "squared"}
    for column, grid in measured(plan).items():
        value = sql.name(f"value_{column}")
        if not _always_known(plan.table, column):
            chosen.append(f"count({value}) as {sql.name(f'known_{column}')}")
        total = _narrow(f"coalesce(sum({value}), 0)", plan, grid.largest)
        chosen.append(f"{total} as {sql.name(f'total_{column}')}")
        if column in squared:
            square = f"coalesce(sum(cast({value} as bigint) * {value}), 0)"
            square = _narrow(square, plan, grid.largest**2)
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


def row_totals(plan: QueryPlan) -> list[str]:
    """What `totals` gives for a single row."""
    chosen = []
    squared = {part.column for part in plan.vector.parts if part.kind == "squared"}
    for column, grid in measured(plan).items():
        value = sql.name(f"value_{column}")
        if not _always_known(plan.table, column):
            known = f"case when {value} is null then 0 else 1 end"
            chosen.append(f"{known} as {sql.name(f'known_{column}')}")
        chosen.append(
            f"cast(coalesce({value}, 0) as {_kind(plan, grid.largest)})"
            f" as {sql.name(f'total_{column}')}"
        )
        if column in squared:
            square = f"coalesce(cast({value} as bigint) * {value}, 0)"
            kind = _kind(plan, grid.largest**2)
            chosen.append(f"cast({square} as {kind}) as {sql.name(f'squares_{column}')}")
    for part in histograms(plan):
        code = sql.name(f"bin_{part.column}")
        chosen += [
            f"case when {code} between 0 and {place} then 1 else 0 end"
            f" as {sql.name(f'upto_{part.name}_{place}')}"
            for place in range(part.bins)
        ]
    return chosen


def part_total(plan: QueryPlan, part: Part) -> str:
    """A part from the totals of a cell, or of a person in a cell."""
    if part.kind in ("rows", "persons"):
        return f"{part.kind}_here"
    known = known_values(plan, part)
    total, squares = (sql.name(f"{prefix}_{part.column}") for prefix in ("total", "squares"))
    if part.kind == "count":
        return known
    if part.kind == "sum" or part.grid is None:
        return total
    middle = part.grid.low + part.grid.high
    if part.kind == "centred":
        return f"(2 * {total} - ({middle}) * {known})"
    return f"(4 * {squares} - ({4 * middle}) * {total} + ({middle**2}) * {known})"


def known_values(plan: QueryPlan, part: Part) -> str:
    """Number of rows in which a part's column has a value."""
    known = f"known_{part.column}"
    return "rows_here" if _always_known(plan.table, part.column) else sql.name(known)


def entries(part: Part) -> list[str]:
    """Quoted columns of a part: one per bin of a histogram, otherwise one."""
    if not part.bins:
        return [sql.name(part.name)]
    return [sql.name(f"{part.name}_{place}") for place in range(part.bins)]


def _always_known(table: StoredTable, column: str) -> bool:
    """Whether no row can lack a value: a row may refer to nothing, and operands may be missing."""
    return "." not in column and not table.column(column).optional


def _narrow(total: str, plan: QueryPlan, largest: int) -> str:
    """A sum over one person's rows in 64 bits if nothing made of it can leave them; else in 128."""
    # DuckDB's own sums have 128 bits
    fits = plan.form == "ad_hoc" and _kind(plan, largest) == "bigint"
    return f"cast({total} as bigint)" if fits else total


def _kind(plan: QueryPlan, largest: int) -> str:
    # centring takes up to eight times a total, scaling r times that
    return "bigint" if MOST_ROWS * largest * 8 * plan.vector.rows < 2**62 else "hugeint"
