"""Bounds people whose first cells hold one row each without totalling anybody's rows first.

Grouping all rows by person and cell is most of what the ad hoc form costs. Where cells are many,
a person seldom has two rows in one: the first g + 1 rows in the order of the cells (hash, then
number) then lie in as many cells, and the first g of them are all that the person adds. Whether
that is so is read off those rows; everybody else goes through the totals of `contributions.py`.
Both ways keep the same cells and the same entries, to the last integer.
"""

import math

from minimisation.contract.domains import Bounds, Categories
from minimisation.statistics.contributions import (
    Packed,
    bounded_step,
    packed_step,
    packing,
    scaled_step,
    smallest_step,
    totals_step,
    unpacked_step,
)
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.predicates import Between, In, Predicate
from minimisation.statistics.totals import row_totals

CELLS_PER_GROUP = 50
"""Cells of the grid per cell that a person may keep from which looking at rows first pays."""

LEAST_SHARE = 0.25
"""Share of the rows that a filter must be expected to leave: of few rows totals are cheap."""

MOST_GROUPS = 32
"""More cells than this of one person are not compared one by one."""

ROW = "row_"
"""Before the names of steps that bound each row as if it were its person's only one in its cell."""


def packed_rows(plan: QueryPlan) -> Packed | None:
    """How rows are packed where they are looked at before any totals; by public facts only."""
    most = plan.vector.groups
    if plan.form != "ad_hoc" or most >= plan.cells or most > MOST_GROUPS:
        return None
    pays = plan.cells >= CELLS_PER_GROUP * most and expected_share(plan) >= LEAST_SHARE
    return packing(plan) if pays else None


def expected_share(plan: QueryPlan) -> float:
    """Share of the rows that would meet the conditions if values were spread evenly."""
    return math.prod(_share(plan, each) for each in plan.query.population)


def _share(plan: QueryPlan, predicate: Predicate) -> float:
    if not isinstance(predicate, In | Between):
        return 1.0
    domain = plan.table.column(predicate.column).domain
    if isinstance(predicate, In) and isinstance(domain, Categories):
        return len(predicate.labels) / len(domain.values)
    if isinstance(predicate, Between) and isinstance(domain, Bounds):
        low = domain.low if predicate.low is None else max(predicate.low, domain.low)
        high = domain.high if predicate.high is None else min(predicate.high, domain.high)
        return max(0.0, high - low) / (domain.high - domain.low)
    return 1.0


def first_rows_steps(plan: QueryPlan, packed: Packed) -> tuple[list[str], str]:
    """As `contribution_steps`: the steps from `rows_used` to `kept`."""
    chosen = ", ".join(["person", "cell", "1 as rows_here", *row_totals(plan)])
    repeated = "select person from checked where repeated"
    everybody = "select first_cells from single union all select first_cells from smallest"
    steps = [
        f"{ROW}totals as (select {chosen} from rows_used)",
        scaled_step(plan, ROW),
        bounded_step(plan, ROW),
        packed_step(packed, ROW),
        first_rows_step(plan),
        checked_step(plan, packed),
        "single as (select first_cells from checked where not repeated)",
        f"crowded as (select * from rows_used where person in ({repeated}))",
        totals_step(plan, "crowded"),
        scaled_step(plan),
        bounded_step(plan),
        packed_step(packed),
        smallest_step(plan),
        unpacked_step(packed, f"({everybody}) as everybody"),
    ]
    return steps, "kept"


def first_rows_step(plan: QueryPlan) -> str:
    """Each person's first g + 1 rows, in the order of their cells."""
    smallest = f"min(packed, {plan.vector.groups + 1})"
    return (
        f"looked_at as (select person, {smallest} as first_rows from {ROW}packed group by person)"
    )


def checked_step(plan: QueryPlan, packed: Packed) -> str:
    """The first g rows, and whether any two of the g + 1 share a cell.

    Rows of one cell follow each other, as their hashes are equal. The row after the g-th tells
    whether the g-th is alone; where there is none, a comparison with it is null.
    """
    same = " or ".join(
        f"first_rows[{place}] >> {packed.value_bits}"
        f" = first_rows[{place + 1}] >> {packed.value_bits}"
        for place in range(1, plan.vector.groups + 1)
    )
    first = f"first_rows[1:{plan.vector.groups}] as first_cells"
    chosen = f"person, {first}, ({same}) is true as repeated"
    return f"checked as materialized (select {chosen} from looked_at)"
