"""A force's own people as numbers: what a regression is fitted on, inside the force."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minimisation import (
    BinaryOutcome,
    Encoding,
    LinearModel,
    NotApplicableError,
    Premises,
    UseCase,
)
from minimisation.forces import sql

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

KEY = "federated-people"
"""Name under which a force keeps its encoded people between rounds."""


def binary_outcome(use_case: UseCase) -> BinaryOutcome:
    """The question, provided that a risk model answers it.

    Raises:
        NotApplicableError: if the question is about groups.
    """
    if not isinstance(use_case.question, BinaryOutcome):
        raise NotApplicableError(
            "a federated regression scores people; it does not answer grouped statistics"
        )
    return use_case.question


def encoding_of(use_case: UseCase) -> Encoding:
    """The public encoding of the question's features."""
    return Encoding.features(use_case, binary_outcome(use_case).features)


def size_of(use_case: UseCase) -> int:
    """How many coefficients a model has, the intercept included."""
    return len(encoding_of(use_case).terms) + 1


@dataclass(frozen=True, kw_only=True)
class People:
    """A force's people whose outcome is known, as numbers."""

    features: Array
    """Encoded features, shape (n, d), every entry in [0, 1]."""
    outcome: Array
    """Zeros and ones, shape (n,)."""
    unit: Integers
    """Which person each row is of, shape (n,): numbers from 0, meaningless outside."""

    @property
    def number(self) -> int:
        """How many people they are."""
        return int(self.unit.max(initial=-1)) + 1

    def chunks(self, people: int) -> Iterator["People"]:
        """The same rows, so many people at a time; a person's rows stay together."""
        order = np.argsort(self.unit, kind="stable")
        ordered = self.unit[order]
        for first in range(0, self.number, people):
            low, high = np.searchsorted(ordered, (first, first + people))
            rows = order[low:high]
            yield People(
                features=self.features[rows],
                outcome=self.outcome[rows],
                unit=self.unit[rows] - first,
            )

    def by_person(self, values: Array) -> Array:
        """Sums of row values over each person's rows, shape (people, …), in any order."""
        if len(values) == self.number:
            return values
        total = np.zeros((self.number, *values.shape[1:]))
        np.add.at(total, self.unit, values)
        return total


def own_people(premises: Premises, encoding: Encoding | None = None) -> People:
    """The people a step runs on; encoded once while the force's store is open.

    Args:
        premises: the force's.
        encoding: of the question's features; the regression's if None.
    """
    used = encoding or encoding_of(premises.use_case)
    key = f"{KEY}/{used.reference}"
    kept = premises.recall(key)
    if isinstance(kept, People):
        return kept
    question = binary_outcome(premises.use_case)
    names = (*question.features, question.target)
    columns = ", ".join(sql.name(name) for name in names)
    known = f"{sql.name(question.target)} is not null"
    rows = premises.query(f"select unit, {columns} from people where {known}")
    unit: Integers = np.unique(rows.column("unit").to_numpy(), return_inverse=True)[1]
    people = People(
        features=used.encode(rows),
        outcome=rows.column(question.target).to_numpy().astype(np.float64),
        unit=unit,
    )
    premises.hold(key, people)
    return people


def linear_model(use_case: UseCase, coefficients: Array) -> LinearModel:
    """Coefficients, intercept first, as a declarative model."""
    intercept, *weights = (float(value) for value in coefficients)
    return LinearModel(encoding=encoding_of(use_case), intercept=intercept, weights=tuple(weights))
