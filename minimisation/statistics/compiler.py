"""Compiles a planned query to SQL on stored integers: one step, one function, one CTE.

Aggregates are integers throughout. Where every value is inside its bounds anyway, nothing is
clipped per row; ranges are proved beforehand, so that no sum can leave what it is held in.
"""

from minimisation.forces import sql
from minimisation.statistics.bounding import LIMIT
from minimisation.statistics.catalogue import PERSON, ROW_RANK
from minimisation.statistics.contributions import contribution_steps
from minimisation.statistics.first_rows import first_rows_steps, packed_rows
from minimisation.statistics.parts import Part
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.population import asks_persons, clipped, rows_step
from minimisation.statistics.totals import entries, part_total, totals


def compile_query(
    plan: QueryPlan, *, rows_first: bool = True, people: tuple[int, int] = (0, 1)
) -> str:
    """SQL with a `cell` number in grid order and one BIGINT per part; cells without rows absent.

    Args:
        plan: the query.
        rows_first: whether the ad hoc form may look at rows before totals, where that pays; the
            sums are the same.
        people: of the ad hoc form, which of how many shares of the people, from 0; the sums of all
            shares add up to those of (0, 1), everybody.
    """
    rows = rows_step(plan, people)
    if plan.form != "ad_hoc":
        steps = [rows, cells_step(plan), weighted_step(plan)]
    elif rows_first and (packed := packed_rows(plan)) is not None:
        # read twice: holding every row would cost more than reading again
        rows = rows.replace("as (", "as not materialized (", 1)
        bounded, source = first_rows_steps(plan, packed)
        steps = [rows, *bounded, summed_step(plan, source)]
    else:
        bounded, source = contribution_steps(plan)
        steps = [rows, *bounded, summed_step(plan, source)]
    joined = ",\n".join(steps)
    return f"with {joined}\n{held_sql(plan)}"


def cells_step(plan: QueryPlan) -> str:
    """Totals per cell, from rows whose number per person is bounded already."""
    chosen = ["count(*) as rows_here", *totals(plan)]
    if asks_persons(plan):
        own = {
            "prepared": f"count(*) filter ({sql.name(ROW_RANK)} = 1)",
            "prefix": f"count(distinct {sql.name(PERSON)})",
        }
        chosen.append(f"{own[plan.form]} as persons_here")
    return f"cells as (select cell, {', '.join(chosen)} from rows_used group by cell)"


def weighted_step(plan: QueryPlan) -> str:
    """Weighted parts per cell, from totals of rows whose number per person is bounded already."""
    chosen = [
        f"{_times(part, name if part.bins else part_total(plan, part))} as {name}"
        for part in plan.vector.parts
        for name in entries(part)
    ]
    return f"weighted as (select cell, {', '.join(chosen)} from cells)"


def summed_step(plan: QueryPlan, source: str) -> str:
    """Weighted sums over people per cell."""
    chosen = [
        f"{_times(part, f'sum({name})')} as {name}"
        for part in plan.vector.parts
        for name in entries(part)
    ]
    return f"weighted as (select cell, {', '.join(chosen)} from {source} group by cell)"


def held_sql(plan: QueryPlan) -> str:
    """The vector, held within ±2^62; an unknown cell ends here."""
    chosen = [
        f"cast({clipped(name, -LIMIT, LIMIT)} as bigint) as {name}"
        for name in (name for part in plan.vector.parts for name in entries(part))
    ]
    return f"select cell, {', '.join(chosen)} from weighted where cell is not null"


def _times(part: Part, total: str) -> str:
    return f"cast({total} as hugeint) * {part.weight}"
