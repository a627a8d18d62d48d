"""What a force counts of its own people and a release's rows about it; all of it adds up.

One measure reads the rows once. Whatever needs the released rows alone is left to `findings`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Bounds, Column, Microdata, Scene, UseCase
from minimisation.contract.usecase import FORCE
from minimisation.forces import sql
from sandbox.measures_synthetic import cell_counts, propensity, records
from sandbox.measures_synthetic.slopes import Regression
from synthetic.counting import Clique
from synthetic.margins import Cells, Codes

MEMBERS, HELD_OUT = 0, 1
"""Sides: people whom the option saw, and people whom no option saw."""

SCHEMA = pa.schema(
    [("what", pa.string()), ("side", pa.int32()), ("cell", pa.int64()), ("value", pa.float64())]
)
"""One row per figure that is not 0: what it is, of whom, where in its array, and how much."""

Figures = Mapping[tuple[str, int], np.ndarray]
"""(what, side) → a flat array."""


@dataclass(frozen=True, kw_only=True)
class RowsAgainstPeople:
    """Counts of people by cell, sums of a regression, and matches with the released rows."""

    columns: tuple[str, ...]
    """Columns that are compared."""
    plain: bool
    """Whether released values are as exact as the recorded ones, so that rows can be equal."""
    name: str = "rows-against-people"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """`SCHEMA`."""
        return SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's people."""
        cells = cells_of(scene.use_case, self.columns)
        chosen = ", ".join(sql.name(name) for name in self.columns)
        sides = [side.project(chosen).to_arrow_table() for side in (scene.members, scene.held_out)]
        coded = [codes_of(cells, table) for table in sides]
        found: dict[tuple[str, int], np.ndarray] = {}
        regression = Regression.of(scene.use_case, self.columns)
        for side, table in enumerate(sides):
            counts = cell_counts.counted(cells, coded[side])
            found |= {(named(clique), side): each for clique, each in counts.items()}
            if regression is not None:
                found["sums", side] = regression.sums(table)
        if isinstance(scene.artefact, Microdata) and coded[MEMBERS][0].size:
            found |= dict(self._about_released(scene, cells, coded, scene.artefact.table))
        return to_table(found)

    def _about_released(
        self, scene: Scene, cells: Sequence[Cells], coded: list[list[Codes]], released: pa.Table
    ) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
        own = released
        if FORCE in released.column_names:
            own = released.filter(pc.equal(released.column(FORCE), scene.force))
        rng = scene.rng()
        made = codes_of(cells, plain_rows(scene.use_case, self.columns, own, rng))
        if not len(made[0]):
            return
        people = coded[MEMBERS]
        yield ("propensity", MEMBERS), _propensity(people, made, rng)
        if not self.plain:
            return
        stacked = [np.concatenate(each) for each in zip(*coded, made, strict=True)]
        ends = np.cumsum([len(side[0]) for side in coded])
        known = {each.name for each in scene.use_case.quasi_identifiers}
        quasi = [place for place, name in enumerate(self.columns) if name in known]
        for what, places, once in (("unique", range(len(cells)), False), ("apparent", quasi, True)):
            if len(places):
                sides = np.split(records.keys(stacked, places), ends)
                yield (what, MEMBERS), np.array(records.repeated(*sides, once=once))
        nearest = records.nearer_to_members(cells, people, coded[HELD_OUT], made, rng)
        yield ("nearest", MEMBERS), np.array(nearest)


def _propensity(people: list[Codes], made: list[Codes], rng: np.random.Generator) -> np.ndarray:
    """Squared errors of the tree, of a tree on shuffled flags, and how many rows they are of."""
    both = [np.concatenate(pair) for pair in zip(people, made, strict=True)]
    flags = np.repeat([False, True], [len(people[0]), len(made[0])])
    share = flags.mean()
    errors = [
        float(((propensity.chances(both, each) - share) ** 2).sum())
        for each in (flags, rng.permutation(flags))
    ]
    return np.array([*errors, len(flags)])


def cells_of(use_case: UseCase, columns: Sequence[str]) -> list[Cells]:
    """Public cells of the columns."""
    return [Cells(column=use_case.column(name)) for name in columns]


def codes_of(cells: Sequence[Cells], table: pa.Table) -> list[Codes]:
    """Cell numbers of n plain rows: one (n,) array per column."""
    return [each.codes(table.column(each.column.name)) for each in cells]


def generalised(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether any column holds sets or intervals instead of values."""
    types = [table.schema.field(name).type for name in columns]
    return any(pa.types.is_nested(each) for each in types)


def plain_rows(
    use_case: UseCase, columns: Sequence[str], released: pa.Table, rng: np.random.Generator
) -> pa.Table:
    """Released rows with one value drawn evenly from every set and every interval."""
    return pa.table(
        {
            name: _plain(use_case.column(name), released.column(name).combine_chunks(), rng)
            for name in columns
        }
    )


def _plain(column: Column, values: pa.Array, rng: np.random.Generator) -> pa.Array:
    if pa.types.is_struct(values.type):
        low, high = (
            pc.fill_null(pc.cast(pc.struct_field(values, end), pa.float64()), np.nan).to_numpy()
            for end in ("low", "high")
        )
        step = column.domain.step if isinstance(column.domain, Bounds) else 1.0
        steps = np.floor(rng.random(len(low)) * (np.round((high - low) / step) + 1))
        drawn = low + steps * step
        return pa.array(drawn, pa.float64(), mask=np.isnan(drawn))
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        sets = values.to_pylist()
        drawn = [each[int(rng.integers(len(each)))] if each else None for each in sets]
        return pa.array(drawn, pa.string())
    return values


def named(clique: Clique) -> str:
    """Name of a clique's counts."""
    return " ".join(map(str, clique))


def to_table(figures: Figures) -> pa.Table:
    """Figures as rows of `SCHEMA`, zeros left out."""
    parts = []
    for (what, side), each in figures.items():
        flat = np.asarray(each, dtype=np.float64).ravel()
        held = np.flatnonzero(flat)
        parts.append((what, side, held, flat[held]))
    sizes = [len(held) for _, _, held, _ in parts]
    return pa.table(
        [
            np.repeat(np.array([what for what, *_ in parts], dtype=object), sizes),
            np.repeat(np.array([side for _, side, *_ in parts], dtype=np.int32), sizes),
            np.concatenate([held for *_, held, _ in parts]).astype(np.int64),
            np.concatenate([value for *_, value in parts]),
        ],
        schema=SCHEMA,
    )


def added_up(tables: Iterable[pa.Table], sizes: Mapping[str, int]) -> Figures:
    """Flat arrays of all forces, added up; what no force counted is 0.

    Args:
        tables: what the forces returned.
        sizes: what → length of its array.
    """
    total = {(what, side): np.zeros(size) for what, size in sizes.items() for side in (0, 1)}
    whole = pa.concat_tables(tables).combine_chunks().sort_by([("what", "ascending")])
    whats = np.asarray(whole.column("what").to_pylist(), dtype=object)
    sides = whole.column("side").to_numpy()
    cells, values = whole.column("cell").to_numpy(), whole.column("value").to_numpy()
    ends = [*np.flatnonzero(whats[1:] != whats[:-1]) + 1, len(whats)] if len(whats) else []
    for start, end in zip([0, *ends[:-1]], ends, strict=False):
        for side in (MEMBERS, HELD_OUT):
            own = np.flatnonzero(sides[start:end] == side) + start
            np.add.at(total[whats[start], side], cells[own], values[own])
    return total
