"""Checks a table against everything released before: does it single out a small group together?

Tables of the same people cut them into atoms: people who fall in the same cell of every table. What
the tables add up to is a linear system over the atoms, and an atom that the system determines is
known to every reader, whether by subtracting two nested populations or by a longer sum. For
releases without noise only; noisy ones are covered by their budget. Like suppression, the check
depends on the data, and a refusal says a little about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt

from minimisation.contract.errors import PolicyError
from minimisation.forces import sql
from minimisation.statistics import population
from minimisation.statistics.catalogue import PERSON
from minimisation.statistics.planner import QueryPlan

Matrix: TypeAlias = npt.NDArray[np.float64]

MOST_ATOMS = 3_000
"""Atoms beyond which the system is not solved and the table is refused."""

TOLERANCE = 1e-8
"""Entries of a null vector below this are rounding."""


@dataclass(frozen=True, kw_only=True)
class Atom:
    """People who are in the same cell of every table."""

    cells: tuple[int | None, ...]
    """Cell in each released table and then in the new one; None: not in its population."""


def singled_out(
    new: QueryPlan,
    released: Sequence[QueryPlan],
    connection: duckdb.DuckDBPyConnection,
    fewest: int = 10,
    *,
    small_shown: bool = True,
) -> tuple[Atom, ...]:
    """Groups of fewer than `fewest` people that the new table would make known.

    Args:
        new: the table that is asked for, in its ad hoc form.
        released: every table released before from the same stored table, likewise.
        connection: the force's store.
        fewest: smallest group that may be known.
        small_shown: whether cells of fewer people are shown as they are; if not, as after
            suppression, rounding or perturbation, they count as unknown unless others give them.

    Raises:
        PolicyError: if the tables cut people into more than 3,000 groups.
    """
    plans = [*released, new]
    atoms, people = _atoms(plans, connection)
    if len(atoms) > MOST_ATOMS:
        msg = f"table must cut people, with those released before, into at most {MOST_ATOMS} groups"
        raise PolicyError(f"{msg}: ask for coarser keys")
    shown = [_shown(plan, connection, 0 if small_shown else fewest) for plan in plans]
    after = _determined(_incidence(atoms, shown))
    before = _determined(_incidence(atoms, shown[:-1]))
    small = people < fewest
    return tuple(
        atom
        for atom, is_new in zip(atoms, after & ~before & small, strict=True)
        # who is in no table at all is determined by nothing
        if is_new and any(cell is not None for cell in atom.cells)
    )


def refuse_differencing(
    new: QueryPlan,
    released: Sequence[QueryPlan],
    connection: duckdb.DuckDBPyConnection,
    fewest: int = 10,
    *,
    small_shown: bool = True,
) -> None:
    """Refuse a table without noise that would single out a small group; see `singled_out`.

    Raises:
        PolicyError: naming the rule; not which group, nor how many.
    """
    if singled_out(new, released, connection, fewest, small_shown=small_shown):
        msg = f"table must not single out groups of fewer than {fewest} people, alone or together"
        raise PolicyError(f"{msg} with tables released before: ask for coarser keys or for noise")


def _atoms(
    plans: Sequence[QueryPlan], connection: duckdb.DuckDBPyConnection
) -> tuple[list[Atom], npt.NDArray[np.int64]]:
    """Every atom that occurs, and how many people it holds."""
    names, steps, joins = [], [], []
    for place, plan in enumerate(plans):
        where = " and ".join(population.conditions(plan))
        name = f"table_{place}"
        names.append(f"{name}.cell")
        own = f"{sql.name(plan.source)}.rowid as place"
        steps.append(
            f"{name} as (select {own}, {population.cell_sql(plan)} as cell"
            f" from {population.tables_sql(plan)} where {where})"
        )
        joins.append(f" left join {name} on {name}.place = everybody.place")
    table = sql.name(plans[0].source)
    everybody = f"everybody as (select rowid as place, {sql.name(PERSON)} as person from {table})"
    found = connection.execute(
        f"with {everybody}, {', '.join(steps)} select {', '.join(names)}, count(distinct person)"
        f" from everybody{''.join(joins)} group by {', '.join(names)} limit {MOST_ATOMS + 1}"
    ).fetchall()
    atoms = [Atom(cells=tuple(row[:-1])) for row in found]
    return atoms, np.array([row[-1] for row in found], dtype=np.int64)


def _shown(plan: QueryPlan, connection: duckdb.DuckDBPyConnection, fewest: int) -> list[int]:
    """Cells of a table that hold at least `fewest` people."""
    where = " and ".join(population.conditions(plan))
    person = f"{sql.name(plan.source)}.{sql.name(PERSON)}"
    found = connection.execute(
        f"select {population.cell_sql(plan)} as cell from {population.tables_sql(plan)}"
        f" where {where} group by cell"
        f" having cell is not null and count(distinct {person}) >= {fewest}"
    ).fetchall()
    return sorted(int(row[0]) for row in found)


def _incidence(atoms: Sequence[Atom], shown: Sequence[Sequence[int]]) -> Matrix:
    """Row per shown cell of each table, column per atom; 1 where the atom is in the cell."""
    rows = [
        [float(cell == atom.cells[table]) for atom in atoms]
        for table, cells in enumerate(shown)
        for cell in cells
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(atoms))


def _determined(incidence: Matrix) -> npt.NDArray[np.bool_]:
    """Whether each unknown of incidence · x = b has one value, whatever b is."""
    rows, unknowns = incidence.shape
    if rows == 0 or unknowns == 0:
        return np.zeros(unknowns, dtype=bool)
    _, singular, right = np.linalg.svd(incidence, full_matrices=True)
    rank = int((singular > singular[0] * TOLERANCE).sum())
    return np.asarray(np.abs(right[rank:]).max(axis=0, initial=0.0) < TOLERANCE)
