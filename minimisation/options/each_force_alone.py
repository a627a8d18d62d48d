"""Each force alone: every force fits its own model on its own people and keeps it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation.contract.encoding import Encoding
from minimisation.contract.errors import NotApplicableError
from minimisation.contract.questions import BinaryOutcome, GroupedStatistics
from minimisation.contract.release import Held, LinearModel, Release
from minimisation.contract.steps import Payload, Premises, no_payload
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces import sql
from minimisation.forces.ask import Forces
from minimisation.regression import fit_logistic

KEY = "each-force-alone"
"""Name under which a force holds its model."""


@dataclass(frozen=True, kw_only=True)
class FitAlone:
    """Fits logistic regression inside the force, on its own people, and keeps the model there."""

    name: ClassVar[str] = "fit-alone"

    def sends(self, use_case: UseCase) -> Payload:
        """Nothing."""
        del use_case
        return no_payload()

    def run(self, premises: Premises) -> pa.Table:
        """Fit and hold."""
        premises.hold(KEY, fit_own_people(premises))
        return no_payload().schema.empty_table()


def fit_own_people(premises: Premises) -> LinearModel:
    """Logistic regression of the question's outcome on its features, on this force's people.

    Raises:
        TypeError: if the question is not a binary outcome.
    """
    question = premises.use_case.question
    if not isinstance(question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    encoding = Encoding.features(premises.use_case, question.features)
    target = sql.name(question.target)
    columns = ", ".join(sql.name(name) for name in question.features)
    people = premises.query(f"select {columns}, {target} from people where {target} is not null")
    outcome = np.asarray(people.column(question.target), dtype=float)
    coefficients = fit_logistic(encoding.encode(people), outcome).coefficients
    return LinearModel(
        encoding=encoding,
        intercept=float(coefficients[0]),
        weights=tuple(float(weight) for weight in coefficients[1:]),
    )


@dataclass(frozen=True, kw_only=True)
class EachForceAlone:
    """No data meets any other: every force uses a model of its own people only."""

    name: ClassVar[str] = "each-force-alone"
    summary: ClassVar[str] = "Nothing leaves: every force fits its own model and keeps it."
    keeps_direct_identifiers: ClassVar[bool] = False

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Have every force fit its own model; `rng` is not needed.

        Raises:
            NotApplicableError: for grouped statistics, which no force can answer alone.
            PolicyError: if a force refused or failed.
        """
        del rng
        if isinstance(use_case.question, GroupedStatistics):
            raise NotApplicableError(_reason(use_case.question))
        forces.ask(FitAlone()).complete()
        return Release(artefact=Held(key=KEY))


def _reason(question: GroupedStatistics) -> str:
    if FORCE in question.by:
        return "a force alone knows its own groups exactly and the other forces' not at all"
    return "a total over all forces needs a figure from every force; a force alone has one part"
