"""Sequential CART: each column drawn from a tree on the columns before it, leaf by leaf.

Reiter 2005, Using CART to generate partially synthetic public use microdata; Nowok, Raab and
Dibben 2016, synthpop. A leaf hands out cells of the real people in it, so leaves are kept large,
and no guarantee is claimed: an unusual person may be most of a leaf.
"""

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import (
    BinaryOutcome,
    Forces,
    MissingEngineError,
    Payload,
    Premises,
    Release,
    UseCase,
)
from synthetic import rows
from synthetic.conditions import Fixed, fitting, fixed_cells
from synthetic.margins import Cells, Codes

Features = npt.NDArray[np.float32]

_one_at_a_time = Lock()
"""Warning filters belong to the whole process: forces that run in threads take turns."""

ORDERED = 12
"""A label column with more labels than this enters a tree as ranks, not as one column each."""


@dataclass(frozen=True, kw_only=True)
class FitTrees:
    """Fits one tree per column to a force's members and draws as many rows; trees are discarded."""

    seed: int
    """Seed of the trees and the draws; every force spawns its own generator from it."""
    smallest_leaf: int
    """Fewest people in a leaf."""
    seconds: float
    """No further tree is begun after this long."""
    given: tuple[tuple[str, str | float], ...] = ()
    """Columns and the values that every row must have."""
    name: str = "fit-trees"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Synthetic rows inside the public domains, and whether the time ran out."""
        return rows.promise(use_case, timed=True)

    def run(self, premises: Premises) -> pa.Table:
        """Fit and draw, column by column.

        Raises:
            MissingEngineError: if scikit-learn is not installed at the force.
        """
        cells = rows.cells_of(premises.use_case)
        codes = rows.member_codes(premises, cells)
        rng = premises.rng(self.seed)
        given = dict(self.given)
        if len(codes[0]) < 2 * self.smallest_leaf:
            alone = rows.independent_rows(premises.use_case, cells, codes, rng, given)
            return rows.with_stopped(alone, stopped=False)
        fixed = fixed_cells(cells, given)
        if not len(fitting(codes, fixed, 1)[0]):
            return rows.promise(premises.use_case, timed=True).schema.empty_table()
        order = order_of(premises.use_case, cells, fixed)
        grower = Grower(smallest_leaf=self.smallest_leaf, seconds=self.seconds)
        drawn = sequential(cells, codes, order, grower, rng, fixed=fixed)
        table = rows.table_of(premises.use_case, cells, drawn, rng, given)
        return rows.with_stopped(table, stopped=grower.stopped)


@dataclass(kw_only=True)
class Grower:
    """How trees are grown, and the clock they are grown by."""

    smallest_leaf: int
    """Fewest people in a leaf."""
    seconds: float = math.inf
    """Time for all trees; columns that come later are drawn independently."""
    stopped: bool = False
    """Whether a column came later."""
    started: float = field(default_factory=time.monotonic)
    """When the first tree was begun."""

    def late(self) -> bool:
        """Whether the time has run out; remembered once it has been noticed."""
        self.stopped = self.stopped or time.monotonic() >= self.started + self.seconds
        return self.stopped


def order_of(use_case: UseCase, cells: Sequence[Cells], fixed: Fixed | None = None) -> list[int]:
    """Places of the columns in the order of drawing: few cells first, the outcome last.

    Fixed columns come before all others, so that each of these is drawn given them.
    A rare outcome has too few people for later trees to split on; its own tree, grown on all
    other columns, is what keeps it predictable.
    """
    question = use_case.question
    target = question.target if isinstance(question, BinaryOutcome) else None
    return sorted(
        range(len(cells)),
        key=lambda place: (
            place not in (fixed or {}),
            cells[place].column.name == target,
            cells[place].size,
        ),
    )


def sequential(  # noqa: PLR0913 - rows, and how they are drawn
    cells: Sequence[Cells],
    codes: Sequence[Codes],
    order: Sequence[int],
    grower: Grower,
    rng: np.random.Generator,
    *,
    fixed: Fixed | None = None,
) -> list[Codes]:
    """Cell numbers of as many synthetic rows as real ones, one (n,) array per column."""
    real: list[Features] = []
    made: list[Features] = []
    drawn: dict[int, Codes] = {}
    for place in order:
        if place in (fixed or {}):
            drawn[place] = np.full(len(codes[place]), (fixed or {})[place])
        elif real and not grower.late():
            drawn[place] = _from_leaves(
                np.hstack(real), codes[place], np.hstack(made), grower.smallest_leaf, rng
            )
        else:
            drawn[place] = rng.choice(codes[place], size=len(codes[place]))
        real.append(_features(cells[place], codes[place]))
        made.append(_features(cells[place], drawn[place]))
    return [drawn[place] for place in range(len(cells))]


def _from_leaves(
    real: Features, target: Codes, made: Features, smallest_leaf: int, rng: np.random.Generator
) -> Codes:
    try:
        from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415 - loaded only where used
    except ImportError:
        raise MissingEngineError(
            "scikit-learn must be installed: pip install minimisation-sandbox"
        ) from None
    tree = DecisionTreeClassifier(
        min_samples_leaf=smallest_leaf,
        min_impurity_decrease=1e-8,
        random_state=int(rng.integers(2**31)),
    )
    with _one_at_a_time, warnings.catch_warnings():
        # many fine cells among few people look to scikit-learn like a regression; here they are not
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        tree.fit(real, target)
    by_leaf = tree.apply(real)
    order = np.argsort(by_leaf, kind="stable")
    leaves, starts, held = np.unique(by_leaf[order], return_index=True, return_counts=True)
    place = np.searchsorted(leaves, tree.apply(made))
    picked = starts[place] + rng.integers(0, held[place])
    chosen: Codes = target[order][picked]
    return chosen


def _features(cells: Cells, codes: Codes) -> Features:
    """Columns that a tree can split on: ranks of an ordered column, or one per label."""
    if cells.column.numeric or cells.size > ORDERED:
        missing = codes == cells.size - 1
        return np.stack([np.where(missing, -1, codes), missing], axis=1).astype(np.float32)
    return np.eye(cells.size, dtype=np.float32)[codes]


@dataclass(frozen=True, kw_only=True)
class SequentialTrees:
    """Synthetic rows drawn from classification trees (CART) fitted inside each force."""

    smallest_leaf: int = 30
    """Fewest real people in a leaf. Smaller ones copy: on a census extract of 27,253 people, leaves
    of 5 repeated 42 % of the unique records, leaves of 30 24 %, a fresh sample 18 to 24 %."""
    seconds: float = 60.0
    """Time for the trees of a force; columns that come later are drawn independently, and the
    release names the force. Such a run depends on the machine's speed."""
    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str = "sequential-trees"
    """Name in plans and reports."""
    summary: str = "Synthetic rows drawn column by column from trees fitted inside each force."
    """What leaves each force."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    def __post_init__(self) -> None:
        """Refuse leaves of single people.

        Raises:
            ValueError: naming the rule.
        """
        if self.smallest_leaf < 2:  # noqa: PLR2004 - a leaf of one person is that person
            raise ValueError(f"smallest_leaf ({self.smallest_leaf}) must be at least 2")
        rows.check_seconds(self.seconds)

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Fit and draw in every force.

        Raises:
            NotApplicableError: if the question needs a direct identifier, or nobody has what is
                given.
            ValueError: if what is given is no value of a needed column.
            PolicyError: if a force refused or failed.
        """
        fixed_cells(rows.cells_of(use_case), self.given)
        step = FitTrees(
            seed=int(rng.integers(2**63)),
            smallest_leaf=self.smallest_leaf,
            seconds=self.seconds,
            given=tuple(self.given.items()),
        )
        fewest = 2 * self.smallest_leaf
        return rows.release_of(
            forces, step, rng, fewest=fewest, seconds=self.seconds, given=self.given
        )
