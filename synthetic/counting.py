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

MOST_COLUMNS = 30
"""Columns that one grouping-sets query can tell apart, in fine and in coarse cells."""

MOST_CELLS = 100_000
"""Cells of one pair of columns, each of which needs noise and a place in the model."""


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
    largest = max(int(np.prod(shape_of(cells, pair))) for pair in pairs(cells))
    if largest > MOST_CELLS:
        msg = f"cells of a pair of columns ({largest}) must be at most {MOST_CELLS}"
        raise NotApplicableError(f"{msg}; declare fewer labels or take independent-columns")


def coded_sql(cells: Sequence[Cells], most: int | None) -> str:
    """SQL for the coded rows of `people`, with fine cells `f0, f1` and coarse ones `k0, k1`.

    Args:
        cells: the columns.
        most: rows that are kept of each unit, by that unit's rows alone; None: all.
    """
    fine = ", ".join(f"{each.code_sql} as f{place}" for place, each in enumerate(cells))
    known = " and ".join(f"f{place} is not null" for place in range(len(cells)))
    codes = ", ".join(f"f{place}" for place in range(len(cells)))
    coarse = ", ".join(f"{sql} as k{place}" for place, sql in _coarse_sql(cells).items())
    ranked = f"row_number() over (partition by unit order by hash({codes}), {codes})"
    kept = "" if most is None else f" qualify {ranked} <= {most}"
    return (
        f"with fine as (select unit, {fine} from people), "
        f"known as (select * from fine where {known} and unit is not null{kept}), "
        f"coded as (select {codes}{', ' + coarse if coarse else ''} from known)"
    )


def _coarse_sql(cells: Sequence[Cells]) -> dict[int, str]:
    """SQL for the coarse cell of every column whose coarse cells differ from its fine ones."""
    found = {}
    for place, each in enumerate(cells):
        ends = np.flatnonzero(np.diff(each.coarse)) + 1
        if len(ends) < len(each.coarse) - 1:
            steps = " + ".join(f"(f{place} >= {end})::usmallint" for end in ends) or "0"
            found[place] = f"({steps})::usmallint"
    return found


def count(
    premises: Premises,
    cells: Sequence[Cells],
    cliques: Sequence[Clique],
    most: int | None = None,
) -> list[Codes]:
    """Exact counts of every clique, flat in row-major order of `shape_of`.

    A person adds at most `most` rows to the cells of each clique; `rows_per_unit` if None.
    """
    bound = most or rows_per_unit(premises.use_case)
    coarse = _coarse_sql(cells)
    names = [
        tuple(
            f"k{place}" if len(clique) > 1 and place in coarse else f"f{place}" for place in clique
        )
        for clique in cliques
    ]
    used = sorted({name for each in names for name in each})
    sets = ", ".join(f"({', '.join(each)})" for each in names)
    found = premises.query(
        f"{coded_sql(cells, bound if _exceeds(premises, bound) else None)} "
        f"select {', '.join(used)}, grouping({', '.join(used)}) as mask, count(*) as people "
        f"from coded group by grouping sets ({sets})"
    )
    mask, people = found.column("mask").to_numpy(), found.column("people").to_numpy()
    totals = []
    for clique, each in zip(cliques, names, strict=True):
        own = mask == sum(
            1 << place for place, name in enumerate(reversed(used)) if name not in each
        )
        axes = [found.column(name).to_numpy()[own].astype(np.int64) for name in each]
        total = np.zeros(shape_of(cells, clique), dtype=np.int64)
        total[tuple(axes)] = people[own]
        totals.append(total.ravel())
    return totals


def singles_and_pairs(
    premises: Premises, cells: Sequence[Cells], most: int | None = None
) -> dict[Clique, Codes]:
    """Exact counts of all that a model of pairs may be fitted to; bounded as by `count`.

    Raises:
        NotApplicableError: if there are too few or too many columns.
    """
    check_width(cells)
    cliques = [*singles(cells), *pairs(cells)]
    return dict(zip(cliques, count(premises, cells, cliques, most), strict=True))


def _exceeds(premises: Premises, most: int) -> bool:
    """Whether any unit has more rows: only then does keeping at most so many need a sort."""
    per_unit = "select count(*) as held from people group by unit"
    counted = premises.query(f"select coalesce(max(held), 0) as held from ({per_unit})")
    return bool(counted.column("held")[0].as_py() > most)
