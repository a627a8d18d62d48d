"""Differentially private statistics: each force sends noisy sums with person-level bounds.

Dwork, McSherry, Nissim and Smith, "Calibrating noise to sensitivity" (2006), with integers inside
and discrete noise outside. What it protects and when it fails: docs/options/private-statistics.md.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import groups, naive_bayes
from minimisation.contract.questions import BinaryOutcome, GroupedStatistics
from minimisation.contract.release import LinearModel, Release, Statistics
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces.ask import Forces
from minimisation.statistics import grouped, margins
from minimisation.statistics.answers import Figure, Noisy, figure, non_negative
from minimisation.statistics.noise import Reals, check_budget


@dataclass(frozen=True, kw_only=True)
class PrivateStatistics:
    """Noisy statistics on the whole declared grid, or a scorecard built from noisy margins."""

    epsilon: float = 1.0
    """Privacy loss of a person in each force."""
    delta: float = 0.0
    """Failure probability; above 0 Gaussian noise is used where it is smaller."""
    non_negative: bool = False
    """Whether counts below 0 are raised to 0; readable, but totals then lean upwards."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_budget(self.epsilon, self.delta)

    @property
    def name(self) -> str:
        """Name in plans and reports."""
        return "private-statistics"

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return (
            "Sums of bounded personal contributions with noise that hides any one person "
            f"(epsilon {self.epsilon:g})."
        )

    @property
    def keeps_direct_identifiers(self) -> bool:
        """Sums hold no identifier."""
        return False

    def apply(
        self,
        forces: Forces,
        use_case: UseCase,
        rng: np.random.Generator,  # noqa: ARG002 - privacy noise is never seeded
    ) -> Release:
        """Ask each force for noisy sums and finish the answer from them.

        Raises:
            PolicyError: if a force did not answer; a part of the forces is no answer.
            BudgetExceededError: if a force's budget does not cover epsilon.
        """
        if isinstance(use_case.question, BinaryOutcome):
            artefact: Statistics | LinearModel = self._scorecard(forces, use_case)
        else:
            artefact = self._statistics(forces, use_case, use_case.question)
        return Release(
            artefact=artefact,
            privacy_loss=forces.privacy_loss(),
            remarks=remarks(use_case),
        )

    def _scorecard(self, forces: Forces, use_case: UseCase) -> LinearModel:
        step = margins.PrivateMargins(epsilon=self.epsilon, delta=self.delta)
        return naive_bayes.scorecard(
            use_case, margins.by_feature(use_case, forces.ask(step).stacked())
        )

    def _statistics(
        self, forces: Forces, use_case: UseCase, question: GroupedStatistics
    ) -> Statistics:
        step = grouped.PrivateSums(epsilon=self.epsilon, delta=self.delta)
        payloads = list(forces.ask(step).complete().values())
        chosen = grouped.plan_of(use_case)
        noisy = Noisy(
            sums={part.name: _laid_out(use_case, payloads, part.name) for part in chosen.parts},
            plan=chosen,
            noise=grouped.noise_of(use_case, self.epsilon, self.delta),
            copies=1 if FORCE in question.by else len(payloads),
        )
        table = groups.grid(use_case, question.by, forces.names)
        for asked in question.statistics:
            answer = figure(use_case, question, asked, noisy)
            if self.non_negative and asked.column is None:
                answer = non_negative(answer)
            table = _append(table, asked.name, answer)
        return Statistics(table=table)


def remarks(use_case: UseCase) -> tuple[str, ...]:
    """What a reader of the release must know."""
    if isinstance(use_case.question, BinaryOutcome):
        return ("Built from noisy counts of single features; features are taken as independent.",)
    chosen = grouped.plan_of(use_case)
    bounds = (
        f"Each {use_case.unit} counts in at most {chosen.groups} groups of a force, with at most "
        f"{chosen.rows} rows in each; intervals cover the noise, not what this leaves out."
    )
    if use_case.unit == "record":
        return (f"{bounds} The protected unit is the record: a person may have several.",)
    return (bounds,)


def _laid_out(use_case: UseCase, payloads: list[pa.Table], part: str) -> Reals:
    """Forces' sums in the order of the question's grid, added up where force is no key."""
    by = use_case.grouped.by
    shape = grouped.grid_shape(use_case)
    sums = np.stack([np.asarray(payload.column(part), dtype=np.float64) for payload in payloads])
    if FORCE not in by:
        return np.asarray(sums.sum(axis=0), dtype=np.float64)
    stacked = sums.reshape(len(payloads), *shape)
    return np.moveaxis(stacked, 0, by.index(FORCE)).ravel()


def _append(table: pa.Table, name: str, answer: Figure) -> pa.Table:
    for suffix, values in (("", answer.value), ("_low", answer.low), ("_high", answer.high)):
        table = table.append_column(name + suffix, pa.array(values, from_pandas=True))
    return table
