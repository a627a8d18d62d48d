"""What options share that draw rows of a model of privately measured margins."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from minimisation import Forces, Release, Step, UseCase
from synthetic import modelled, rows


@dataclass(frozen=True, kw_only=True)
class PrivateRows(ABC):
    """Rows of a model that is fitted, outside, to what each force measured with noise."""

    epsilon: float = 1.0
    """Privacy loss of a person in each force, over all that is asked of it."""
    delta: float = 1e-6
    """Its failure probability."""
    steps: int = 1000
    """Steps of the fit."""
    seconds: float
    """Time for the fit to each force's counts; the release names a force where it ran out."""
    given: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    """Column → the value that every row must have; the other columns are drawn accordingly."""
    name: str
    """Name in plans and reports."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        self.step()
        rows.check_seconds(self.seconds)

    @abstractmethod
    def step(self) -> Step:
        """What every force is asked first."""

    @property
    def effort(self) -> modelled.Effort:
        """How long a model is fitted outside."""
        return modelled.Effort(steps=self.steps, seconds=self.seconds)

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Ask for the measured margins, fit one model per force and draw its rows.

        The noise is the operating system's; `rng` draws rows only.

        Raises:
            MissingEngineError: if mbi is not installed.
            NotApplicableError: if the question needs too few or too many columns.
            ValueError: if what is given is no value of a needed column.
            PolicyError: if a force refused or failed.
            BudgetExceededError: if a force's budget does not cover epsilon.
        """
        modelled.prepared(use_case, self.given)
        payloads = forces.ask(self.step()).complete()
        table, late = modelled.table_of(use_case, payloads, self.effort, rng, given=self.given)
        said = (*late, *modelled.remarks(use_case))
        return rows.released(forces, table, rng, *said, given=self.given)
