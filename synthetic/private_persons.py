"""Private persons with events: one record per person, measured privately, unfolded outside.

A person adds one record however many events they have, and MST or AIM (see `mst`, `aim`) measure
the records with the noise that one row needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

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
from synthetic import aim, counting, modelled, mst, persons, rows
from synthetic.person_records import EVENTS, records_of, records_sql, unfolded

Mechanism: TypeAlias = mst.MeasureTree | aim.MeasureAdaptively


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class MeasurePersons:
    """Noisy margins of one record per person."""

    mechanism: Mechanism
    """How the records are measured."""
    person_columns: tuple[str, ...]
    """Columns of the person; empty: those of the person's own record."""
    name: str = "measure-persons"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """What the mechanism sends of the records."""
        return self.mechanism.sends(self._records(use_case))

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once: a person is one record."""
        return self.mechanism.loss(self._records(use_case))

    def run(self, premises: Premises) -> pa.Table:
        """Make one record per person and measure them.

        Raises:
            NotApplicableError: if there are too few or too many columns.
            MissingEngineError: if mbi is not installed at the force and the mechanism needs it.
        """
        layout = persons.linked(premises.use_case, self.person_columns)
        people = premises.people.query(EVENTS, records_sql(premises.use_case, layout))
        records = records_of(premises.use_case, layout)
        return self.mechanism.run(replace(premises, use_case=records, people=people))

    def _records(self, use_case: UseCase) -> UseCase:
        return records_of(use_case, persons.linked(use_case, self.person_columns))


@dataclass(frozen=True, kw_only=True)
class PrivatePersons:
    """Synthetic persons with events, drawn from noisy margins of one record per person."""

    epsilon: float = 1.0
    """Privacy loss of a person in each force, whatever the number of their events."""
    delta: float = 1e-6
    """Its failure probability."""
    adaptive: bool = False
    """Whether AIM measures the records; else MST does, which takes seconds."""
    person_columns: Sequence[str] = ()
    """Columns that describe the person and are alike in all their rows; empty: those that a use
    case reads from the person's own record."""
    steps: int = 1000
    """Steps of the fit."""
    seconds: float = 60.0
    """Time for the fit to each force's counts, and for AIM's rounds in each force; the release
    names a force where it ran out."""
    name: str = "private-persons"
    """Name in plans and reports."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised; keys of persons are invented."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        self._step()
        rows.check_seconds(self.seconds)

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Noisy counts of one record per person, from which persons and their events are drawn "
            f"(epsilon {self.epsilon:g})."
        )

    def _step(self) -> MeasurePersons:
        mechanism: Mechanism = mst.MeasureTree(epsilon=self.epsilon, delta=self.delta)
        if self.adaptive:
            mechanism = aim.PrivateAdaptive(
                epsilon=self.epsilon, delta=self.delta, seconds=self.seconds
            ).step()
        return MeasurePersons(mechanism=mechanism, person_columns=tuple(self.person_columns))

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Ask for the measured margins, fit one model per force, draw records, unfold them.

        The noise is the operating system's; `rng` draws rows only.

        Raises:
            MissingEngineError: if mbi is not installed.
            NotApplicableError: if rows are not events of persons, or there are too many columns.
            ValueError: if a person column is no needed column.
            PolicyError: if a force refused or failed.
            BudgetExceededError: if a force's budget does not cover epsilon.
        """
        layout = persons.linked(use_case, self.person_columns)
        records = records_of(use_case, layout)
        modelled.prepared(records, {})
        payloads = forces.ask(self._step()).complete()
        table, late = modelled.table_of(
            records,
            payloads,
            modelled.Effort(steps=self.steps, seconds=self.seconds),
            rng,
            then=lambda drawn: unfolded(use_case, layout, drawn, rng),
        )
        said = (
            *late,
            f"At most {counting.rows_per_unit(use_case)} events of each person were kept.",
            "The number of persons is an estimate from noisy counts.",
        )
        return persons.released(forces, layout, table, rng, *said)
