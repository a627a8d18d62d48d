"""Persons and their events as one linked table: what belongs to the person, and invented keys.

A release stays one table. `synthetic person` says which rows are one invented person's; columns of
the person are alike in all of them. The keys are counted up, so that none can be one of the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import (
    BinaryOutcome,
    Forces,
    NotApplicableError,
    Premises,
    Release,
    UseCase,
)
from minimisation.contract.constraints import Constraint
from minimisation.contract.sources import Field, YearsSince
from minimisation.contract.usecase import FORCE
from minimisation.forces import sql
from minimisation.groups import LINK
from synthetic import rows
from synthetic.constraints import Flags, broken, hold
from synthetic.margins import Cells, Codes, Margin

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Linked:
    """The cells of a question's columns, told apart by whom they describe."""

    cells: tuple[Cells, ...]
    """All needed columns, in declaration order."""
    persons: tuple[int, ...]
    """Positions of those that describe a person, alike in all their rows."""

    @property
    def events(self) -> tuple[int, ...]:
        """Positions of those that describe one event."""
        return tuple(place for place in range(len(self.cells)) if place not in self.persons)


def linked(use_case: UseCase, named: Sequence[str] = ()) -> Linked:
    """Which columns of a question describe the person.

    Args:
        use_case: asks about events of persons.
        named: columns that do; empty: those that are read from the person's own record.

    Raises:
        NotApplicableError: if rows are not events, or nothing says whose they are.
        ValueError: if a name is no needed column.
    """
    if use_case.unit != "person":
        msg = f"unit ({use_case.unit}) must be person: nothing says which rows are one person's"
        raise NotApplicableError(msg)
    if use_case.table == "person" or isinstance(use_case.question, BinaryOutcome):
        msg = "table must hold events of persons: here every person has one row"
        raise NotApplicableError(f"{msg}; take gaussian-copula or private-tree")
    cells = rows.cells_of(use_case)
    names = [each.column.name for each in cells]
    for name in named:
        if name not in names:
            raise ValueError(f"person_columns ({name}) must be among: {', '.join(names)}")
    own = named or [each.column.name for each in cells if _of_person(each)]
    return Linked(cells=cells, persons=tuple(names.index(name) for name in names if name in own))


def _of_person(cells: Cells) -> bool:
    source = cells.column.source
    return isinstance(source, Field | YearsSince) and source.column.startswith("person.")


@dataclass(frozen=True, kw_only=True)
class Members:
    """A force's people and their events as cell numbers."""

    persons: list[Codes]
    """Cell of every one of n persons, column by column; a known value goes before a missing one."""
    events: list[Codes]
    """Cell of every one of m events, column by column."""
    owner: Places
    """Position of the person of every event, rising, shape (m,)."""

    @property
    def size(self) -> int:
        """Number of persons."""
        return int(self.owner[-1]) + 1 if len(self.owner) else 0


def members(premises: Premises, layout: Linked) -> Members:
    """Read a force's people and events; who they are is left behind here."""
    chosen = ", ".join(sql.name(each.column.name) for each in layout.cells)
    table = premises.query(
        f"select unit, {chosen} from people where unit is not null order by unit"
    )
    first, owner = np.unique(table["unit"].to_numpy(), return_index=True, return_inverse=True)[1:]
    codes = [each.codes(table.column(each.column.name)) for each in layout.cells]
    held = [codes[place] for place in layout.persons]
    return Members(
        # the cell of a missing value is the last one
        persons=[np.minimum.reduceat(each, first) if len(first) else each for each in held],
        events=[codes[place] for place in layout.events],
        owner=owner.astype(np.int64),
    )


def apart(layout: Linked, seen: Members, rng: np.random.Generator) -> Members:
    """As many persons, with columns, number of events and events drawn independently."""
    if not seen.size:
        return seen
    numbers = np.bincount(seen.owner)
    owner = np.repeat(np.arange(seen.size), rng.choice(numbers, size=seen.size))
    drawn = [
        [
            Margin.of(layout.cells[place], code).codes(size, rng)
            for place, code in zip(places, codes, strict=True)
        ]
        for places, codes, size in (
            (layout.persons, seen.persons, seen.size),
            (layout.events, seen.events, len(owner)),
        )
    ]
    return Members(persons=drawn[0], events=drawn[1], owner=owner)


def table_of(
    use_case: UseCase, layout: Linked, made: Members, rng: np.random.Generator
) -> pa.Table:
    """One row for every event, with the columns of its person and the person's invented key."""
    values: dict[str, pa.Array] = {}
    for place, code in zip(layout.persons, made.persons, strict=True):
        each = layout.cells[place]
        # a value is drawn within its cell once for a person, not once for every event
        values[each.column.name] = each.values(code, rng).take(pa.array(made.owner))
    for place, code in zip(layout.events, made.events, strict=True):
        values[layout.cells[place].column.name] = layout.cells[place].values(code, rng)
    schema = rows.promise(use_case).schema
    table = pa.table([values[name] for name in schema.names], schema=schema)
    return table.append_column(LINK, keys(made.owner))


def keys(owner: Places) -> pa.Array:
    """The invented key of the person of every event."""
    return pa.array([f"SYNTHETIC-{number:06d}" for number in owner.tolist()], pa.string())


def released(
    forces: Forces,
    layout: Linked,
    table: pa.Table,
    rng: np.random.Generator,
    *remarks: str,
) -> Release:
    """The release of a linked table, held to the constraints without tearing a person apart."""
    kept, said = _held(forces.use_case, layout, table, rng)
    return rows.released(forces, kept, rng, *remarks, *said)


def _held(
    use_case: UseCase, layout: Linked, table: pa.Table, rng: np.random.Generator
) -> tuple[pa.Table, tuple[str, ...]]:
    """Rows inside every constraint: persons are put right first, then events, the rest left out."""
    own = {layout.cells[place].column.name for place in layout.persons}
    known = use_case.constraints
    wrong = _any_broken(table, known)
    if not wrong.any():
        return table, ()
    kept = _persons_right(use_case, table, [each for each in known if each.columns <= own], rng)
    kept = hold(kept, use_case, [each for each in known if each.column not in own], rng)
    kept = kept.filter(pa.array(~_any_broken(kept, known)))
    remark = f"{int(wrong.sum())} rows broke a declared constraint: they were put right"
    lost = table.num_rows - kept.num_rows
    return kept, (remark + (f", or left out ({lost})." if lost else "."),)


def _persons_right(
    use_case: UseCase, table: pa.Table, constraints: Sequence[Constraint], rng: np.random.Generator
) -> pa.Table:
    """Every person's columns put right once; a person whom nothing puts right is left out."""
    person = pc.binary_join_element_wise(table[FORCE], table[LINK], " ").to_numpy()
    first, owner = np.unique(person.astype(str), return_index=True, return_inverse=True)[1:]
    heads = table.take(pa.array(first)).append_column("place", pa.array(np.arange(len(first))))
    heads = hold(heads, use_case, constraints, rng)
    lookup = np.full(len(first), -1)
    lookup[heads["place"].to_numpy()] = np.arange(heads.num_rows)
    kept = table.filter(pa.array(lookup[owner] >= 0))
    places = pa.array(lookup[owner][lookup[owner] >= 0])
    for name in {name for each in constraints for name in each.columns}:
        kept = kept.set_column(kept.column_names.index(name), name, heads[name].take(places))
    return kept


def _any_broken(table: pa.Table, constraints: Sequence[Constraint]) -> Flags:
    wrong = np.zeros(table.num_rows, dtype=bool)
    for constraint in constraints:
        wrong |= broken(table, constraint)
    return wrong
