"""Bounds what one person adds to a vector of integers: one SQL step, one function, one CTE.

Filter to the declared cells → totals per person and cell → at most g cells per person → totals
clipped → sums over people. Bounds apply to the final cells, after every relabelling. Which cells
of a person are kept, and what they hold, depends on that person's own rows alone, so that removing
one person changes nobody else's. No float is ever summed.
"""

from collections.abc import Sequence

from minimisation import groups
from minimisation.contract.domains import Bounds
from minimisation.contract.usecase import UseCase
from minimisation.forces import sql
from minimisation.statistics.parts import Grid, Part, Plan

LIMIT = 2**62
"""Sums are held within ±LIMIT, so that noise can be added without overflow."""

CELL_BITS = 31
"""Bits of a cell's number in its place within a person; the hash goes above them."""


def vector_sql(use_case: UseCase, plan: Plan, key: str) -> str:
    """Bounded, weighted integer sums per non-empty cell of the relation `people`.

    Args:
        use_case: declares the columns.
        plan: keys, bounds and parts.
        key: keys the hash by which cells of a person are chosen; not the force's secret itself.

    Returns:
        SQL with columns `cell` (number in grid order) and one BIGINT per part.
    """
    steps = [domain_step(use_case, place, name) for place, name in enumerate(plan.keys)]
    steps += [
        labelled_step(use_case, plan, key),
        coded_step(use_case, plan),
        totals_step(plan),
    ]
    cells = 1
    for name in plan.keys:
        cells *= len(groups.key_labels(use_case, name))
    kept = "totals"
    if plan.groups < cells:
        steps += [placed_step(key), thresholds_step(plan), kept_step()]
        kept = "kept"
    steps.append(bounded_step(plan, kept))
    return f"with {', '.join(steps)} {sums_sql(plan)}"


def domain_step(use_case: UseCase, place: int, key: str) -> str:
    """The declared labels of a key and their numbers."""
    labels = groups.key_labels(use_case, key)
    rows = ", ".join(f"({code}, {sql.text(label)})" for code, label in enumerate(labels))
    return f"domain_{place}(code, label) as (values {rows})"


def labelled_step(use_case: UseCase, plan: Plan, key: str) -> str:
    """Each row's labels, its values as whole numbers, and a keyed hash of the whole row."""
    chosen = ["unit", f"{_row_hash(use_case, key)} as salt"]
    chosen += [
        f"{groups.key_sql(use_case, name)} as label_{place}" for place, name in enumerate(plan.keys)
    ]
    for name, grid in _measured(plan.parts).items():
        chosen.append(f"{fixed_point(use_case, name, grid)} as {sql.name(f'fixed_{name}')}")
    return f"labelled as (select {', '.join(chosen)} from people where unit is not null)"


def fixed_point(use_case: UseCase, column: str, grid: Grid) -> str:
    """A value as a whole multiple of its step; NaN is missing, values out of bounds are clipped."""
    bounds = use_case.column(column).domain
    if not isinstance(bounds, Bounds):
        raise TypeError(f"column '{column}' must have bounds")
    value = f"cast({sql.name(column)} as double)"
    inside = f"case when {value} is null or isnan({value}) then null"
    inside += f" when {value} <= {bounds.low!r} then {float(grid.low)!r}"
    inside += f" when {value} >= {bounds.high!r} then {float(grid.high)!r}"
    inside += f" else round({value} / {bounds.step!r}) end"
    return f"cast({inside} as bigint)"


def coded_step(use_case: UseCase, plan: Plan) -> str:
    """Rows inside the declared grid, with the number of their cell; other rows end here."""
    stride = 1
    terms: list[str] = []
    for place, name in reversed(list(enumerate(plan.keys))):
        terms.insert(0, f"domain_{place}.code * {stride}")
        stride *= len(groups.key_labels(use_case, name))
    joins = "".join(
        f" join domain_{place} on domain_{place}.label = labelled.label_{place}"
        for place in range(len(plan.keys))
    )
    values = "".join(f", {sql.name(f'fixed_{name}')}" for name in _measured(plan.parts))
    cell = " + ".join(terms) or "0"
    return (
        f"coded as (select unit, salt, cast({cell} as bigint) as cell{values} from labelled{joins})"
    )


def totals_step(plan: Plan) -> str:
    """Exact totals per person and cell."""
    chosen = ["unit", "cell", "sum(salt) as salt", "count(*) as rows_here"]
    for name, grid in _measured(plan.parts).items():
        fixed = sql.name(f"fixed_{name}")
        middle = grid.low + grid.high
        chosen.append(f"count({fixed}) as {sql.name(f'known_{name}')}")
        chosen.append(f"coalesce(sum({fixed}), 0) as {sql.name(f'total_{name}')}")
        centred = f"coalesce(sum(2 * {fixed} - ({middle})), 0)"
        chosen.append(f"{centred} as {sql.name(f'doubled_{name}')}")
    return f"totals as (select {', '.join(chosen)} from coded group by unit, cell)"


def placed_step(key: str) -> str:
    """A total order of each person's cells: a keyed hash, then the cell's number."""
    salted = f"{sql.text(key + '|')} || sum(salt) over (partition by unit) || '|' || cell"
    place = f"cast(md5_number_lower({salted}) >> {64 - CELL_BITS} as bigint) << {CELL_BITS}"
    return f"placed as (select *, ({place}) + cell as place from totals)"


def thresholds_step(plan: Plan) -> str:
    """The last place that each person keeps."""
    smallest = f"min(place, {plan.groups})"
    return f"thresholds as (select unit, list_max({smallest}) as last from placed group by unit)"


def kept_step() -> str:
    """Each person's first g cells."""
    join = "join thresholds on thresholds.unit = placed.unit and placed.place <= thresholds.last"
    return f"kept as (select placed.* from placed {join})"


def bounded_step(plan: Plan, source: str) -> str:
    """What each person adds to each kept cell, within ±most."""
    chosen = [f"{_contribution(plan, part)} as {sql.name(part.name)}" for part in plan.parts]
    return f"bounded as (select cell, {', '.join(chosen)} from {source})"


def sums_sql(plan: Plan) -> str:
    """Weighted sums per cell."""
    chosen = []
    for part in plan.parts:
        total = f"sum({part.weight} * cast({sql.name(part.name)} as hugeint))"
        chosen.append(f"cast({_clipped(total, -LIMIT, LIMIT)} as bigint) as {sql.name(part.name)}")
    return f"select cell, {', '.join(chosen)} from bounded group by cell order by cell"


def _contribution(plan: Plan, part: Part) -> str:
    if part.kind == "persons":
        return "1"
    if part.kind == "rows":
        return _clipped("rows_here", 0, plan.rows)
    known = sql.name(f"known_{part.column}")
    if part.kind == "count":
        return _clipped(known, 0, plan.rows)
    if part.grid is None:
        raise TypeError(f"part '{part.name}' must have a grid")
    if part.kind == "sum":
        # a person with fewer than r rows may total less than r·low, so 0 is always inside
        low, high = min(0, plan.rows * part.grid.low), max(0, plan.rows * part.grid.high)
        return _clipped(sql.name(f"total_{part.column}"), low, high)
    count = known if f"count_{part.column}" in {p.name for p in plan.parts} else "rows_here"
    doubled = sql.name(f"doubled_{part.column}")
    # more than r rows count as r rows of the person's own average, so that a mean is not skewed
    scaled = f"case when {count} > {plan.rows} then {doubled} * {plan.rows} // {count}"
    return _clipped(f"({scaled} else {doubled} end)", -part.most, part.most)


def _clipped(value: str, low: int, high: int) -> str:
    # `case`, because least() and greatest() inside an aggregate cost six times as much
    return (
        f"case when {value} < {low} then {low} when {value} > {high} then {high} else {value} end"
    )


def _measured(parts: Sequence[Part]) -> dict[str, Grid]:
    return {part.column: part.grid for part in parts if part.grid is not None}


def _row_hash(use_case: UseCase, key: str) -> str:
    # `unit` is left out: its numbers shift when another person is removed
    columns = ", ".join(sql.name(column.name) for column in use_case.columns)
    return f"md5_number_lower(concat_ws('|', {sql.text(key)}, {columns}))"
