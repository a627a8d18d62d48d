"""CTGAN: a generative network trained inside each force on cell numbers.

Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019, Modeling Tabular Data using Conditional
GAN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from minimisation import Forces, Payload, Premises, Release, UseCase
from synthetic import rows, sdv_engine
from synthetic.conditions import fixed_cells
from synthetic.networks import Lesson, check_lesson, check_size, taught


@dataclass(frozen=True, kw_only=True)
class TrainNetwork:
    """Trains CTGAN on a force's members and samples as many rows; the network is dropped."""

    lesson: Lesson
    """How it is trained."""
    name: str = "train-network"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Synthetic rows inside the public domains, and whether the time ran out."""
        return rows.promise(use_case, timed=True)

    def run(self, premises: Premises) -> pa.Table:
        """Train and sample.

        Raises:
            MissingEngineError: if SDV or PyTorch is not installed at the force.
        """
        return taught(premises, "CTGAN", self.lesson)


@dataclass(frozen=True, kw_only=True)
class GenerativeNetwork:
    """Synthetic rows from SDV's CTGAN, trained inside each force on its own members."""

    epochs: int = 100
    """Passes over the data; more of them cost time and remember more."""
    fewest: int = 200
    """Forces with fewer rows than this send independent columns, and the release says so."""
    seconds: float = 20.0
    """Training time in each force; no pass begins after it, and the release names the force. A run
    that it cuts short depends on the machine's speed, so the same seed need not repeat it."""
    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str = "generative-network"
    """Name in plans and reports."""
    summary: str = "Synthetic rows sampled from a network (CTGAN) trained inside each force."
    """What leaves each force."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    def __post_init__(self) -> None:
        """Refuse training that is none.

        Raises:
            ValueError: naming the rule.
        """
        check_lesson(self.epochs, self.fewest, self.seconds)

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
        lesson = Lesson(
            seed=int(rng.integers(2**63)),
            epochs=self.epochs,
            fewest=self.fewest,
            seconds=self.seconds,
            given=tuple(self.given.items()),
        )
        return rows.release_of(
            forces,
            TrainNetwork(lesson=lesson),
            rng,
            fewest=self.fewest,
            seconds=self.seconds,
            given=self.given,
        )
