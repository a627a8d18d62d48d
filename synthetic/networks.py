"""What CTGAN and TVAE share: the option, its step, cells as inputs, and samples as rows.

Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019, Modeling Tabular Data using Conditional
GAN. A saved network can rebuild its table of training labels, so none ever leaves: it is trained,
sampled and dropped within one step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import Forces, NotApplicableError, Payload, Premises, Release, UseCase
from synthetic import rows, sdv_engine, sdv_networks
from synthetic.conditions import fitting, fixed_cells, to_draw
from synthetic.margins import Cells
from synthetic.sdv_networks import Network

MOST_LABELS = 30
"""A numeric column with no more cells than this is learnt as labels, which keeps its spikes."""

MOST_CELLS = 5_000
"""Cells of all columns together, each of which is an input and an output of the network."""


@dataclass(frozen=True, kw_only=True)
class TrainNetwork:
    """Trains a network on a force's members and samples as many rows; the network is dropped."""

    network: Network
    """Which one."""
    seed: int
    """Seed of training and sampling; every force spawns its own generator from it."""
    epochs: int
    """Passes over the data."""
    fewest: int
    """Below this many rows nothing is learnt: columns are drawn independently."""
    seconds: float
    """No further pass begins after this long."""
    given: tuple[tuple[str, str | float], ...] = ()
    """Columns and the values that every row must have."""
    name: str
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Synthetic rows inside the public domains, and whether the time ran out."""
        return rows.promise(use_case, timed=True)

    def run(self, premises: Premises) -> pa.Table:
        """Train and sample.

        Raises:
            MissingEngineError: if SDV or PyTorch is not installed at the force.
        """
        cells = rows.cells_of(premises.use_case)
        codes = rows.member_codes(premises, cells)
        rng = premises.rng(self.seed)
        size, given = len(codes[0]), dict(self.given)
        if size < self.fewest:
            drawn = rows.independent_rows(premises.use_case, cells, codes, rng, given)
            return rows.with_stopped(drawn, stopped=False)
        labels = [not each.column.numeric or each.size <= MOST_LABELS for each in cells]
        training = sdv_networks.Training(
            network=self.network,
            seed=int(rng.integers(2**32)),
            epochs=self.epochs,
            seconds=self.seconds,
        )
        fixed = fixed_cells(cells, given)
        made, stopped = sdv_networks.trained(codes, labels, to_draw(size, fixed), training)
        kept = fitting(made, fixed, size)
        table = rows.table_of(premises.use_case, cells, kept, rng, given)
        return rows.with_stopped(table, stopped=stopped)


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """Synthetic rows from a network of SDV's, trained inside each force on its own members."""

    epochs: int
    """Passes over the data; more of them cost time and remember more."""
    fewest: int = 200
    """Forces with fewer rows than this send independent columns, and the release says so."""
    seconds: float = 20.0
    """Training time in each force; no pass begins after it, and the release names the force. A run
    that it cuts short depends on the machine's speed, so the same seed need not repeat it."""
    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str
    """Name in plans and reports."""
    summary: str
    """What leaves each force."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    network: ClassVar[Network]
    """Which network is trained."""
    step: ClassVar[str]
    """Name by which a force approves the training."""

    def __post_init__(self) -> None:
        """Refuse training that is none.

        Raises:
            ValueError: naming the rule.
        """
        if self.epochs < 1:
            raise ValueError(f"epochs ({self.epochs}) must be at least 1")
        if self.fewest < 2:  # noqa: PLR2004 - one person is no training set
            raise ValueError(f"fewest ({self.fewest}) must be at least 2")
        rows.check_seconds(self.seconds)

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Train and sample in every force.

        Raises:
            MissingEngineError: if SDV is not installed.
            NotApplicableError: if the question needs a direct identifier, or too many labels.
            PolicyError: if a force refused or failed.
        """
        sdv_engine.require()
        cells = rows.cells_of(use_case)
        check_size(cells)
        fixed_cells(cells, self.given)
        step = TrainNetwork(
            network=self.network,
            seed=int(rng.integers(2**63)),
            epochs=self.epochs,
            fewest=self.fewest,
            seconds=self.seconds,
            given=tuple(self.given.items()),
            name=self.step,
        )
        return rows.release_of(
            forces, step, rng, fewest=self.fewest, seconds=self.seconds, given=self.given
        )


def check_size(cells: Sequence[Cells]) -> None:
    """Refuse a table whose single pass would take longer than any time budget.

    Raises:
        NotApplicableError: naming the rule.
    """
    size = sum(each.size for each in cells)
    if size > MOST_CELLS:
        msg = f"cells of all columns together ({size}) must be at most {MOST_CELLS} for a network"
        raise NotApplicableError(f"{msg}; narrow the question or take independent-columns")
