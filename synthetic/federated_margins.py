"""Federated synthesis: one table fitted to private margins added up over forces.

The idea of FLAIM (Maddock, Cormode and Maple 2024): dependence between columns is the same
measurement in every force, so the noisy counts are added before a model is fitted. Each force's
own single columns tie the table to the force, so that forces keep their own frequencies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import (
    Forces,
    Payload,
    Premises,
    PrivacyLoss,
    Release,
    UseCase,
    private_mechanism,
)
from minimisation.contract.usecase import FORCE
from minimisation.statistics.noise import rho_of
from synthetic import counting, mbi_engine, measured, modelled, mst, rows
from synthetic.budget import check_gaussian, loss_of, noise_scale
from synthetic.conditions import Given, fixed_cells
from synthetic.counting import Clique
from synthetic.margins import Cells
from synthetic.measured import Measured
from synthetic.private_rows import PrivateRows

COLUMNS = 0.7
"""Share of the first step's rho for single columns; the scores of pairs take the rest."""


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class MeasureColumns:
    """Noisy one-way margins, and a noisy score of every pair: how far from independent it is."""

    epsilon: float
    """Privacy loss in each force."""
    delta: float
    """Its failure probability, above 0."""
    name: str = "measure-columns"
    """Name by which a force approves it."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_gaussian(self.epsilon, self.delta)

    def sends(self, use_case: UseCase) -> Payload:
        """Measured margins of single columns; a pair has one row, its score."""
        cells = rows.cells_of(use_case)
        scores = len(counting.pairs(cells))
        return measured.promise(measured.size(cells, counting.singles(cells)) + scores)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once."""
        what = "discrete Gaussian noise on single columns and scores of pairs"
        return loss_of(use_case, self.epsilon, self.delta, what)

    def run(self, premises: Premises) -> pa.Table:
        """Count once, add noise to the columns, then score the pairs against them, with noise.

        Raises:
            NotApplicableError: if there are too few or too many columns.
        """
        cells = rows.cells_of(premises.use_case)
        exact = counting.singles_and_pairs(premises, cells)
        most = counting.rows_per_unit(premises.use_case)
        rho = rho_of(self.epsilon, self.delta)
        noisy = mst.measured_singles(cells, exact, rho * COLUMNS, most)
        scores = mst.tree_scores(cells, exact, noisy)
        noisy += measured.measure(
            {pair: np.array([score], dtype=np.int64) for pair, score in scores.items()},
            noise_scale(rho * (1 - COLUMNS), len(scores), most),
        )
        return measured.to_table(noisy)


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class MeasurePairs:
    """Noisy margins of given pairs of columns."""

    pairs: tuple[Clique, ...]
    """Which pairs; chosen from figures that were already released."""
    epsilon: float
    """Privacy loss in each force."""
    delta: float
    """Its failure probability, above 0."""
    name: str = "measure-pairs"
    """Name by which a force approves it."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget, or no pair.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_gaussian(self.epsilon, self.delta)
        if not self.pairs:
            raise ValueError("pairs () must name at least one pair of columns")

    def sends(self, use_case: UseCase) -> Payload:
        """Measured margins of the pairs."""
        return measured.promise(measured.size(rows.cells_of(use_case), self.pairs))

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once."""
        what = f"discrete Gaussian noise on {len(self.pairs)} pairs of columns"
        return loss_of(use_case, self.epsilon, self.delta, what)

    def run(self, premises: Premises) -> pa.Table:
        """Count, then add noise."""
        cells = rows.cells_of(premises.use_case)
        counts = counting.count(premises, cells, self.pairs)
        scale = noise_scale(
            rho_of(self.epsilon, self.delta),
            len(self.pairs),
            counting.rows_per_unit(premises.use_case),
        )
        exact = dict(zip(self.pairs, counts, strict=True))
        return measured.to_table(measured.measure(exact, scale))


@dataclass(frozen=True, kw_only=True)
class FederatedMargins(PrivateRows):
    """One synthetic table fitted to the sum of all forces' private margins."""

    seconds: float = 120.0
    """Time for the fit; the release says so where it ran out."""
    name: str = "federated-margins"

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Noisy counts of single columns and of a common tree of pairs, added up over forces "
            f"before rows are drawn (epsilon {self.epsilon:g})."
        )

    def step(self) -> MeasureColumns:
        """What every force is asked first; half the budget is left for the tree's pairs."""
        return MeasureColumns(epsilon=self.epsilon / 2, delta=self.delta / 2)

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Ask for columns and scores, choose one tree, ask for its pairs, fit and draw one table.

        The noise is the operating system's; `rng` draws rows only.

        Raises:
            MissingEngineError: if mbi is not installed.
            NotApplicableError: if the question needs too few or too many columns.
            PolicyError: if a force refused or failed.
            BudgetExceededError: if a force's budget does not cover epsilon.
        """
        cells = modelled.prepared(use_case, self.given)
        first = forces.ask(self.step()).complete()
        known = {force: measured.from_table(table) for force, table in first.items()}
        tree = common_tree(len(cells), list(known.values()))
        step = MeasurePairs(pairs=tree, epsilon=self.epsilon / 2, delta=self.delta / 2)
        second = forces.ask(step).complete()
        pairs = measured.added_up([measured.from_table(table) for table in second.values()])
        table, stopped = one_table(use_case, known, pairs, self.effort, rng, given=self.given)
        late = rows.time_remarks(["the fit to all forces' counts"] * stopped, self.seconds)
        alike = "How columns go together is the same in every force's rows."
        said = (*late, alike, *modelled.remarks(use_case))
        return rows.released(forces, table, rng, *said, given=self.given)


def common_tree(width: int, known: Sequence[Sequence[Measured]]) -> tuple[Clique, ...]:
    """Maximum spanning tree of the forces' noisy scores, added up; needs no data."""
    scores = {m.clique: float(m.people[0]) for m in measured.added_up(known) if len(m.clique) > 1}
    group = list(range(width))
    tree: list[Clique] = []
    for pair in sorted(scores, key=lambda pair: -scores[pair]):
        old, new = group[pair[1]], group[pair[0]]
        if old != new:
            tree.append(pair)
            group = [new if each == old else each for each in group]
    return tuple(tree)


def one_table(  # noqa: PLR0913 - what was measured, and how rows are drawn
    use_case: UseCase,
    known: Mapping[str, Sequence[Measured]],
    pairs: Sequence[Measured],
    effort: modelled.Effort,
    rng: np.random.Generator,
    *,
    given: Given | None = None,
) -> tuple[pa.Table, bool]:
    """Rows of a model in which the force is one more column, joined to each of the others.

    Returns:
        The rows, and whether the fit ran out of time.
    """
    cells = rows.cells_of(use_case)
    singles = {force: [m for m in noisy if len(m.clique) == 1] for force, noisy in known.items()}
    total = sum(measured.total(noisy) for noisy in singles.values())
    sizes = [*(int(each.coarse[-1]) + 1 for each in cells), len(known)]
    noisy = [*_by_force(cells, list(singles.values())), *pairs]
    model = mbi_engine.fit(sizes, noisy, total, steps=effort.steps, seconds=effort.seconds)
    fine = measured.merged(measured.added_up(list(singles.values())))
    fixed = fixed_cells(cells, given or {})
    *codes, force = modelled.codes_of(model.tree, cells, fine, round(total), rng, fixed=fixed)
    table = rows.table_of(use_case, cells, codes, rng, given)
    names = pa.array(np.array(list(known), dtype=object)[force], pa.string())
    return table.add_column(0, FORCE, names), model.stopped


def _by_force(cells: Sequence[Cells], forces: Sequence[Sequence[Measured]]) -> list[Measured]:
    """Every column against the force: the forces' own margins side by side."""
    tables = []
    for place, each in enumerate(cells):
        own = [measured.on_coarse(each, noisy[place]) for noisy in forces]
        people = np.column_stack([m.people for m in own]).ravel()
        tables.append(Measured(clique=(place, len(cells)), people=people, scale=own[0].scale))
    return tables
