"""Marginal counts of a force's people, computed in DuckDB with a bound on what one person adds.

One statement codes every column into its public cells and drops rows outside the domain; one
grouping-sets query counts all margins of it, so that the work grows with rows once and with cells
after that.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np

from minimisation import NotApplicableError, Premises, UseCase
from synthetic.margins import Cells, Codes

Clique: TypeAlias = tuple[int, ...]
"""Positions of columns: one column is counted over its fine cells, several over their coarse."""

MOST_COLUMNS = 60
"""Columns that one grouping-sets query can tell apart."""


def shape_of(cells: Sequence[Cells], clique: Clique) -> tuple[int, ...]:
    """Number of cells along each axis of a clique's table of counts."""
    if len(clique) == 1:
        return (cells[clique[0]].declared,)
    return tuple(int(cells[place].coarse[-1]) + 1 for place in clique)


def singles(cells: Sequence[Cells]) -> list[Clique]:
    """Every column by itself."""
    return [(place,) for place in range(len(cells))]


def pairs(cells: Sequence[Cells]) -> list[Clique]:
    """Every pair of columns."""
    return list(combinations(range(len(cells)), 2))


def rows_per_unit(use_case: UseCase) -> int:
    """Most rows that one person may add: the declared groups × rows; 1 where the unit is a row."""
    if use_case.unit == "record":
        return 1
    bound = use_case.contribution
    return bound.groups * bound.rows


def check_width(cells: Sequence[Cells]) -> None:
    """Refuse a table that cannot be modelled by margins of pairs.

    Raises:
        NotApplicableError: naming the rule.
    """
    if not 1 < len(cells) <= MOST_COLUMNS:
        msg = f"columns ({len(cells)}) must be 2 to {MOST_COLUMNS} for a model of pairs"
        raise NotApplicableError(f"{msg}; narrow the question or take independent-columns")


def coded_sql(cells: Sequence[Cells], most: int) -> str:
    """SQL for the coded rows of `people`, at most `most` of each unit; fine `f` and coarse `k`.

    Which rows of a person stay depends on that person's rows alone.
    """
    fine = ", ".join(f"{each.code_sql} as f{place}" for place, each in enumerate(cells))
    known = " and ".join(f"f{place} is not null" for place in range(len(cells)))
    all_fine = ", ".join(f"f{place}" for place in range(len(cells)))
    coarse = ", ".join(_coarse_sql(each, place) for place, each in enumerate(cells))
    ranked = f"row_number() over (partition by unit order by hash({all_fine}), {all_fine})"
    return (
        f"with fine as (select unit, {fine} from people), "
        f"known as (select * from fine where {known} and unit is not null), "
        "most as (select coalesce(max(held), 0) as held "
        "from (select count(*) as held from known group by unit)), "
        f"bounded as (select * from known where (select held from most) <= {most} "
        f"union all select * exclude (place) from (select *, {ranked} as place from known "
        f"where (select held from most) > {most}) where place <= {most}), "
        f"coded as (select {all_fine}, {coarse} from bounded)"
    )


def _coarse_sql(cells: Cells, place: int) -> str:
    ends = np.flatnonzero(np.diff(cells.coarse)) + 1
    if len(ends) == len(cells.coarse) - 1:
        return f"f{place} as k{place}"
    steps = " + ".join(f"(f{place} >= {end})::usmallint" for end in ends) or "0"
    return f"({steps})::usmallint as k{place}"


def count(premises: Premises, cells: Sequence[Cells], cliques: Sequence[Clique]) -> list[Codes]:
    """Exact counts of every clique, flat in row-major order of `shape_of`.

    A person adds at most `rows_per_unit` to the cells of each clique.
    """
    coded = coded_sql(cells, rows_per_unit(premises.use_case))
    totals = [np.zeros(shape_of(cells, clique), dtype=np.int64) for clique in cliques]
    for prefix in ("f", "k"):
        wanted = {
            clique: totals[index]
            for index, clique in enumerate(cliques)
            if (len(clique) == 1) == (prefix == "f")
        }
        if wanted:
            _fill(premises, coded, prefix, len(cells), wanted)
    return [total.ravel() for total in totals]


def _fill(
    premises: Premises, coded: str, prefix: str, width: int, wanted: dict[Clique, Codes]
) -> None:
    names = [f"{prefix}{place}" for place in range(width)]
    sets = ", ".join(f"({', '.join(names[place] for place in clique)})" for clique in wanted)
    used = sorted({place for clique in wanted for place in clique})
    kept = ", ".join(names[place] for place in used)
    found = premises.query(
        f"{coded} select {kept}, grouping({kept}) as mask, count(*) as people "
        f"from coded group by grouping sets ({sets})"
    )
    mask = found.column("mask").to_numpy()
    people = found.column("people").to_numpy()
    for clique, total in wanted.items():
        own = mask == sum(1 << (len(used) - 1 - used.index(p)) for p in used if p not in clique)
        axes = [found.column(names[place]).to_numpy()[own].astype(np.int64) for place in clique]
        total[tuple(axes)] = people[own]
