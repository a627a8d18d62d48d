"""What one person adds, worked out anew: totals per person and cell, clipped, in at most g cells.

Which cells a person keeps is decided by a total order (hash of person and cell, then the cell's
number) on that person's own cells. Where a contribution fits one 64-bit integer together with its
place in that order, the g smallest integers of a person are all there is to it; wider ones, such as
histograms, are joined to the place of the last cell kept. Where cells are so many that a person
seldom has two rows in one, a person's first rows are looked at before anything is totalled
(`first_rows.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from minimisation.forces import sql
from minimisation.statistics.bounding import CELL_BITS
from minimisation.statistics.parts import Part
from minimisation.statistics.planner import QueryPlan
from minimisation.statistics.population import clipped
from minimisation.statistics.totals import entries, known_values, part_total, totals

HASH_BITS = 24
"""Fewest bits of the hash in a packed place; cells of a person that tie go by their number."""

WORD = 63
"""Bits of a non-negative 64-bit integer."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A contribution in one integer: hash, cell, then each entry as its distance from its low."""

    cells: int
    """Number of cells of the grid."""
    ranges: tuple[tuple[str, int, int], ...]
    """Each entry's quoted name, lowest and highest value."""

    @property
    def cell_bits(self) -> int:
        """Bits of a cell's number."""
        return (self.cells - 1).bit_length()

    @property
    def value_bits(self) -> int:
        """Bits of all entries together."""
        return sum((high - low).bit_length() for _, low, high in self.ranges)

    @property
    def hash_bits(self) -> int:
        """Bits that are left for the hash."""
        return min(WORD - self.cell_bits - self.value_bits, 32)

    def fields(self) -> Iterator[tuple[str, int, int, int]]:
        """Each entry's name, low, width in bits, and bits below it."""
        below = 0
        for name, low, high in self.ranges:
            width = (high - low).bit_length()
            yield name, low, width, below
            below += width


def contribution_steps(plan: QueryPlan) -> tuple[list[str], str]:
    """The steps from rows to each person's bounded entries in kept cells, and the last one's name.

    Starts from `rows_used`.
    """
    steps = [totals_step(plan), scaled_step(plan), bounded_step(plan)]
    if plan.vector.groups >= plan.cells:
        return steps, "bounded"
    packed = packing(plan)
    if packed is not None:
        return [*steps, packed_step(packed), smallest_step(plan), unpacked_step(packed)], "kept"
    return [*steps, placed_step(plan), thresholds_step(plan), kept_step()], "kept"


def totals_step(plan: QueryPlan, source: str = "rows_used") -> str:
    """Totals per person and cell."""
    chosen = ["person", "cell", "count(*) as rows_here", *totals(plan)]
    return f"totals as (select {', '.join(chosen)} from {source} group by person, cell)"


def scaled_step(plan: QueryPlan, prefix: str = "") -> str:
    """Each person's parts in each cell; of more than r rows, r times their own average.

    A plain sum is not scaled: clipping it leaves more of it.
    """
    chosen = []
    for part in plan.vector.parts:
        if part.bins:
            chosen += shared_bins(part, plan.vector.rows)
            continue
        total = "1" if part.kind == "persons" else part_total(plan, part)
        if part.kind in ("centred", "squared"):
            known, rows = known_values(plan, part), plan.vector.rows
            total = f"case when {known} > {rows} then {total} * {rows} // {known} else {total} end"
        chosen.append(f"{total} as {entries(part)[0]}")
    return f"{prefix}scaled as (select person, cell, {', '.join(chosen)} from {prefix}totals)"


def bounded_step(plan: QueryPlan, prefix: str = "") -> str:
    """What each person adds to each cell, within ±most."""
    chosen = [f"{clipped(name, low, high)} as {name}" for name, low, high in ranges(plan)]
    return f"{prefix}bounded as (select person, cell, {', '.join(chosen)} from {prefix}scaled)"


def ranges(plan: QueryPlan) -> tuple[tuple[str, int, int], ...]:
    """Each entry's quoted name, and the lowest and highest that one person adds to one cell."""
    found = []
    for part in plan.vector.parts:
        low, high = -part.most, part.most
        if part.kind in ("rows", "persons", "count", "bins"):
            low = 0
        elif part.kind == "sum" and part.grid is not None:
            # a person with fewer than r rows may total less than r·low, so 0 is always inside
            low = min(0, plan.vector.rows * part.grid.low)
            high = max(0, plan.vector.rows * part.grid.high)
        found += [(name, low, high) for name in entries(part)]
    return tuple(found)


def packing(plan: QueryPlan) -> Packed | None:
    """How contributions are packed, if they fit."""
    packed = Packed(cells=plan.cells, ranges=ranges(plan))
    return packed if packed.hash_bits >= HASH_BITS else None


def packed_step(packed: Packed, prefix: str = "") -> str:
    """Each contribution as one integer that is ordered by hash, then cell; unknown cells end here.

    Every term fits its own bits, so that the sum cannot overflow.
    """
    cells, values = packed.cell_bits, packed.value_bits
    hashed = f"hash(person, cell, {packed.cells}) >> {64 - packed.hash_bits}"
    terms = [
        f"(cast({hashed} as bigint) << {cells + values})",
        f"(cast(cell as bigint) << {values})",
        *(
            f"(cast({name} - ({low}) as bigint) << {below})"
            for name, low, width, below in packed.fields()
            if width
        ),
    ]
    where = f"cell between 0 and {packed.cells - 1}"
    chosen = f"person, {' + '.join(terms)} as packed"
    return f"{prefix}packed as (select {chosen} from {prefix}bounded where {where})"


def smallest_step(plan: QueryPlan) -> str:
    """Each person's first g cells."""
    smallest = f"min(packed, {plan.vector.groups})"
    return f"smallest as (select {smallest} as first_cells from packed group by person)"


def unpacked_step(packed: Packed, source: str = "smallest") -> str:
    """The kept contributions, one row each."""
    cell = f"(packed >> {packed.value_bits}) & {2**packed.cell_bits - 1} as cell"
    chosen = [
        f"((packed >> {below}) & {2**width - 1}) + ({low}) as {name}"
        for name, low, width, below in packed.fields()
    ]
    each = f"select unnest(first_cells) as packed from {source}"
    return f"kept as (select {cell}, {', '.join(chosen)} from ({each}) as each_cell)"


def placed_step(plan: QueryPlan) -> str:
    """A total order of each person's cells: a hash of person and cell, then the cell's number."""
    place = f"cast(hash(person, cell, {plan.cells}) >> {64 - CELL_BITS} as bigint) << {CELL_BITS}"
    return f"placed as (select *, ({place}) + cell as place from bounded where cell is not null)"


def thresholds_step(plan: QueryPlan) -> str:
    """The last place that each person keeps."""
    last = f"list_max(min(place, {plan.vector.groups})) as last"
    return f"thresholds as (select person, {last} from placed group by person)"


def kept_step() -> str:
    """Each person's first g cells."""
    join = "thresholds.person = placed.person and placed.place <= thresholds.last"
    return f"kept as (select placed.* from placed join thresholds on {join})"


def shared_bins(part: Part, rows: int) -> list[str]:
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
