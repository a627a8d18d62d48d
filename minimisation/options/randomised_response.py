"""Randomised response: each person's answer is changed by chance before it is counted.

Warner, "Randomized response", JASA 60 (1965), over all answers at once; see
`statistics.local_answers`. What it protects and when it fails:
docs/options/randomised-response.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import groups
from minimisation.contract.release import Release, Statistics
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces.ask import Forces
from minimisation.statistics import local_answers
from minimisation.statistics.local_answers import LocalAnswers, answers_of, question_of
from minimisation.statistics.noise import Reals, check_budget

REMARK = (
    "Each person answered once; intervals cover the randomisation. How many people took part is "
    "not hidden."
)


@dataclass(frozen=True, kw_only=True)
class RandomisedResponseOption:
    """Persons per group, and means, from answers that were randomised one by one."""

    name: ClassVar[str] = "randomised-response"
    keeps_direct_identifiers: ClassVar[bool] = False
    epsilon: float = 1.0
    """Privacy loss of a person's answer in each force."""
    collected: bool = False
    """Whether answers are randomised when collected and leave one by one, not as counts."""

    def __post_init__(self) -> None:
        """Refuse an impossible budget.

        Raises:
            ValueError: naming the figure and the rule.
        """
        check_budget(self.epsilon, 0.0)

    @property
    def summary(self) -> str:
        """What leaves each force."""
        what = "One randomised answer a person" if self.collected else "Counts of answers"
        return (
            f"{what}, each changed by chance so that what a person answered stays open "
            f"(epsilon {self.epsilon:g})."
        )

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Ask each force for randomised answers and take the chance out of their counts.

        Raises:
            NotApplicableError: if one answer a person is not enough for the question.
            PolicyError: if a force did not answer; a part of the forces is no answer.
            BudgetExceededError: if a force's budget does not cover epsilon.
        """
        question, answers = question_of(use_case), answers_of(use_case)
        step = LocalAnswers(
            epsilon=self.epsilon, seed=int(rng.integers(2**63)), collected=self.collected
        )
        payloads = list(forces.ask(step).complete().values())
        counts = [local_answers.counts_of(payload, answers) for payload in payloads]
        if FORCE not in question.by:
            counts = [np.sum(counts, axis=0)]
        response = answers.response(self.epsilon)
        table = groups.grid(use_case, question.by, forces.names)
        for asked in question.statistics:
            each = [local_answers.figure(use_case, asked, answers, response, own) for own in counts]
            for suffix, values in (
                ("", [one.value for one in each]),
                ("_low", [one.low for one in each]),
                ("_high", [one.high for one in each]),
            ):
                laid_out = _laid_out(use_case, question.by, np.stack(values))
                column = pa.array(laid_out, from_pandas=True)
                table = table.append_column(asked.name + suffix, column)
        return Release(
            artefact=Statistics(table=table),
            privacy_loss=forces.privacy_loss(),
            remarks=(REMARK,),
        )


def _laid_out(use_case: UseCase, by: Sequence[str], values: Reals) -> Reals:
    """Figures of shape (forces or 1, cells) in the order of the question's grid."""
    if FORCE not in by:
        return np.asarray(values[0], dtype=np.float64)
    shape = [len(groups.key_labels(use_case, key)) for key in by if key != FORCE]
    stacked = values.reshape(len(values), *shape)
    return np.asarray(np.moveaxis(stacked, 0, by.index(FORCE)).ravel(), dtype=np.float64)
