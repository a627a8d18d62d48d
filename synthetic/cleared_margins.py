"""Synthesis from cleared aggregates: rows from rounded counts of pairs, along a tree.

Every force sends what a disclosure-control desk would clear for print: counts of pairs of columns,
rounded, small ones dropped. The tree of the most informative pairs (Chow and Liu 1968) needs no
fitting: a tree's margins determine its distribution, which iterative proportional fitting would
reach in one pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from minimisation import Forces, Payload, Premises, Release, UseCase
from synthetic import counting, measured, modelled, rows
from synthetic.conditions import Given, fixed_cells
from synthetic.counting import Clique
from synthetic.junction import JunctionTree
from synthetic.margins import Cells, Codes, Shares
from synthetic.measured import Measured

ALL_ROWS = 2**31
"""No bound on a person's rows: cleared counts claim no guarantee that would need one."""

NEVER = 1e-15
"""Probability of a cell that was cleared as 0, below what counts as possible at all."""


@dataclass(frozen=True, kw_only=True)
class ClearMargins:
    """Counts of all single columns and pairs, rounded to a base, small ones dropped to 0."""

    base: int
    """Counts are rounded to the nearest multiple of this."""
    fewest: int
    """Counts below this are dropped."""
    name: str = "clear-margins"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Margins of all single columns and pairs."""
        cells = rows.cells_of(use_case)
        cliques = [*counting.singles(cells), *counting.pairs(cells)]
        return measured.promise(measured.size(cells, cliques))

    def run(self, premises: Premises) -> pa.Table:
        """Count, drop, round.

        Raises:
            NotApplicableError: if there are too few or too many columns.
        """
        cells = rows.cells_of(premises.use_case)
        counts = counting.singles_and_pairs(premises, cells, most=ALL_ROWS)
        return measured.to_table(
            [
                Measured(
                    clique=clique,
                    people=cleared(people, self.base, self.fewest),
                    scale=self.base / float(np.sqrt(12)),
                )
                for clique, people in counts.items()
            ]
        )


def cleared(people: Codes, base: int, fewest: int) -> Codes:
    """Counts with those below `fewest` dropped, the others at the nearest multiple of `base`."""
    rounded = (people + base // 2) // base * base
    return np.where(people < fewest, 0, rounded)


@dataclass(frozen=True, kw_only=True)
class ClearedMargins:
    """Synthetic rows from counts of pairs that are rounded for release, force by force."""

    base: int = 5
    """Counts are rounded to the nearest multiple of this."""
    fewest: int = 10
    """Counts below this are dropped."""
    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str = "cleared-margins"
    """Name in plans and reports."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    def __post_init__(self) -> None:
        """Refuse a clearing that clears nothing.

        Raises:
            ValueError: naming the rule.
        """
        if self.base < 2:  # noqa: PLR2004 - rounding to 1 is no rounding
            raise ValueError(f"base ({self.base}) must be at least 2")
        if self.fewest < self.base:
            raise ValueError(f"fewest ({self.fewest}) must be at least base ({self.base})")

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            f"Counts of single columns and pairs, rounded to {self.base} and none below "
            f"{self.fewest}, from which rows are drawn."
        )

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Ask for the cleared margins and draw each force's rows from its own.

        Raises:
            NotApplicableError: if the question needs too few or too many columns.
            PolicyError: if a force refused or failed.
        """
        cells = rows.cells_of(use_case)
        counting.check_width(cells)
        fixed_cells(cells, self.given)
        step = ClearMargins(base=self.base, fewest=self.fewest)
        tables = {
            force: _rows(use_case, cells, measured.from_table(payload), rng, self.given)
            for force, payload in forces.ask(step).complete().items()
        }
        said = f"Drawn from counts rounded to {self.base}; counts below {self.fewest} are absent."
        return rows.released(forces, rows.with_force(tables), rng, said, given=self.given)


def _rows(
    use_case: UseCase,
    cells: Sequence[Cells],
    clear: Sequence[Measured],
    rng: np.random.Generator,
    given: Given,
) -> pa.Table:
    people = {m.clique: m.people for m in clear}
    size = round(float(np.median([people[single].sum() for single in counting.singles(cells)])))
    tree, fixed = tree_of(cells, people), fixed_cells(cells, given)
    codes = modelled.codes_of(tree, cells, people, size, rng, fixed=fixed)
    return rows.table_of(use_case, cells, codes, rng, given)


def tree_of(cells: Sequence[Cells], people: Mapping[Clique, Codes]) -> JunctionTree:
    """The tree of pairs with the largest mutual information, as a distribution."""
    joint = {
        pair: measured.shares(people[pair]).reshape(counting.shape_of(cells, pair))
        for pair in counting.pairs(cells)
    }
    worth = {pair: information(table) for pair, table in joint.items()}
    reached, nodes, edges = {0}, list[Clique](), list[tuple[Clique, Clique]]()
    potentials: dict[Clique, Shares] = {}
    while len(reached) < len(cells):
        # exactly one column of the pair is in the tree already
        pair = max((p for p in joint if len(reached.intersection(p)) == 1), key=worth.__getitem__)
        table = joint[pair]
        known = next(place for place in pair if place in reached)
        if nodes:
            edges.append((next(node for node in nodes if known in node), pair))
            table = _conditional(table, pair.index(known))
        potentials[pair] = np.log(np.maximum(table, NEVER))
        nodes.append(pair)
        reached.update(pair)
    sizes = tuple(int(each.coarse[-1]) + 1 for each in cells)
    return JunctionTree(sizes=sizes, nodes=tuple(nodes), edges=tuple(edges), potentials=potentials)


def _conditional(table: Shares, known: int) -> Shares:
    """Shares of a pair's other column given the one on axis `known`.

    Where clearing left nothing, the other column's own frequencies in the pair stand in.
    """
    held = table.sum(axis=1 - known, keepdims=True)
    alone = table.sum(axis=known, keepdims=True)
    shares: Shares = np.where(held > 0, table / np.where(held > 0, held, 1.0), alone)
    return shares


def information(table: Shares) -> float:
    """Mutual information of a table of shares, in nats."""
    apart = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True)
    held = table > 0
    return float((table[held] * np.log(table[held] / apart[held])).sum())
