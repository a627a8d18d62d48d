"""The private mechanism of randomised response: one answer a person, and estimates from counts.

An answer is a cell of the grid, or none of them, and one random bit per measured column whose
chance of 1 is the value's place in its public bounds (Duchi, Jordan and Wainwright, "Local privacy
and statistical minimax rates", 2013).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import groups
from minimisation.contract.domains import Bounds
from minimisation.contract.encoding import numbers
from minimisation.contract.errors import NotApplicableError
from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.questions import GroupedStatistics, Statistic
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces import sql
from minimisation.forces.mechanisms import private_mechanism
from minimisation.statistics import randomised_response
from minimisation.statistics.answers import Figure
from minimisation.statistics.noise import Integers
from minimisation.statistics.randomised_response import Estimate, RandomisedResponse

ANSWER, PEOPLE = "answer", "people"
"""Columns of the payload: a randomised answer by number, and how many people gave it."""

STATES = 3
"""States of a measured column in an answer: 0, 1 and missing."""

MOST_ANSWERS = 4_096
"""Most possible answers; error grows with their number, so more would drown everything."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one person can answer: a cell and, per measured column, a bit or `missing`."""

    keys: tuple[str, ...]
    """Group keys other than the force."""
    cells: int
    """Cells of the declared grid; one more answer stands for being in none of them."""
    measured: tuple[str, ...]
    """Columns of means and sums, each with three states: 0, 1 and missing."""

    @property
    def states(self) -> int:
        """Combinations of the measured columns' states."""
        return int(STATES ** len(self.measured))

    @property
    def size(self) -> int:
        """Number of possible answers."""
        return (self.cells + 1) * self.states

    def response(self, epsilon: float) -> RandomisedResponse:
        """Its randomisation."""
        return RandomisedResponse(categories=self.size, epsilon=epsilon)


def question_of(use_case: UseCase) -> GroupedStatistics:
    """The use case's question, if one answer a person is enough for it.

    Raises:
        NotApplicableError: saying what else it needs.
    """
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        raise NotApplicableError("randomised response counts answers; it builds no model")
    most = use_case.contribution
    if use_case.unit == "person" and (most.groups, most.rows) != (1, 1):
        raise NotApplicableError(
            "randomised response takes one answer a person, and the question counts people in "
            f"{most.groups} groups with {most.rows} rows in each"
        )
    return question


def answers_of(use_case: UseCase) -> Answers:
    """The possible answers to a use case's question; a public fact.

    Raises:
        NotApplicableError: if one answer a person is not enough, or there are too many.
    """
    question = question_of(use_case)
    keys = tuple(key for key in question.by if key != FORCE)
    answers = Answers(
        keys=keys,
        cells=math.prod(len(groups.key_labels(use_case, key)) for key in keys),
        measured=tuple(dict.fromkeys(s.column for s in question.statistics if s.column)),
    )
    if answers.size > MOST_ANSWERS:
        raise NotApplicableError(
            f"randomised response takes at most {MOST_ANSWERS} possible answers, and the question "
            f"has {answers.size}"
        )
    return answers


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class LocalAnswers:
    """One randomised answer a person: as counts, or one row each as if collected that way."""

    name: ClassVar[str] = "local-answers"
    epsilon: float
    """Privacy loss of one person's answer."""
    seed: int
    """Seed of the draw of a person's row and of rounding to a bit, neither of which protects."""
    collected: bool = False
    """Whether every randomised answer is sent as a row of its own."""

    def sends(self, use_case: UseCase) -> Payload:
        """Randomised answers, sorted; in counts, every possible answer is there."""
        size = answers_of(use_case).size
        if self.collected:
            schema = pa.schema([(ANSWER, pa.int64())])
            return Payload(kind=PayloadKind.ROWS, schema=schema, low=0, high=size - 1)
        schema = pa.schema([(ANSWER, pa.int64()), (PEOPLE, pa.int64())])
        return Payload(kind=PayloadKind.STATISTICS, schema=schema, most_rows=size)

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Loss of running it once; that of what is answered, not of taking part."""
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=0.0,
            unit=use_case.unit,
            bounds=(("answers", 1),),
            forces=1,
            mechanism=f"randomised response over {answers_of(use_case).size} answers",
            neighbours=randomised_response.NEIGHBOURS,
        )

    def run(self, premises: Premises) -> pa.Table:
        """True answers, each randomised by itself, then sorted so that order tells nothing."""
        answers = answers_of(premises.use_case)
        given = answers.response(self.epsilon).randomise(self._true(premises, answers))
        if self.collected:
            return pa.table({ANSWER: np.sort(given)}, schema=self.sends(premises.use_case).schema)
        counts = np.bincount(given, minlength=answers.size).astype(np.int64)
        return pa.table({ANSWER: np.arange(answers.size), PEOPLE: counts})

    def _true(self, premises: Premises, answers: Answers) -> Integers:
        use_case, rng = premises.use_case, premises.rng(self.seed)
        chosen = [f"{groups.key_sql(use_case, key)} as {sql.name(key)}" for key in answers.keys]
        chosen += [
            f"cast({sql.name(name)} as double) as {sql.name(name)}" for name in answers.measured
        ]
        rows = premises.query(f"select unit, {', '.join(chosen or ['1 as one'])} from people")
        # a person answers for one row of theirs, drawn at random
        rows = rows.take(rng.permutation(rows.num_rows))
        _, first = np.unique(np.asarray(rows.column("unit")), return_index=True)
        rows = rows.take(first)
        code = _cells(use_case, answers, rows)
        for name in answers.measured:
            bounds = _bounds(use_case, name)
            value = numbers(rows.column(name).combine_chunks())
            share = (np.clip(value, bounds.low, bounds.high) - bounds.low) / (
                bounds.high - bounds.low
            )
            bit = (rng.random(len(share)) < np.nan_to_num(share)).astype(np.int64)
            code = code * STATES + np.where(np.isnan(share), 2, bit)
        return code


def figure(
    use_case: UseCase,
    asked: Statistic,
    answers: Answers,
    response: RandomisedResponse,
    counts: Integers,
) -> Figure:
    """One statistic in every cell, from counts of randomised answers."""
    if asked.column is None:
        found = response.estimate(counts, answers.states)
        return Figure(value=found.value[:-1], low=found.low[:-1], high=found.high[:-1])
    bounds = _bounds(use_case, asked.column)
    zeros, ones = _bits(answers, asked.column, response, counts)
    # the two errors at their worst together, because they are not independent
    if asked.aggregate == "sum":
        value = bounds.low * zeros.value + bounds.high * ones.value
        off = abs(bounds.low) * zeros.half_width + abs(bounds.high) * ones.half_width
        return Figure(value=value, low=value - off, high=value + off)
    known = zeros.value + ones.value
    some = known >= 1
    people = np.where(some, known, 1.0)
    share = np.clip(ones.value / people, 0.0, 1.0)
    off = ((1 - share) * ones.half_width + share * zeros.half_width) / people
    ends = (
        np.where(some, share, np.nan),
        np.where(some, np.maximum(share - off, 0.0), 0.0),
        np.where(some, np.minimum(share + off, 1.0), 1.0),
    )
    value, low, high = (bounds.low + (bounds.high - bounds.low) * end for end in ends)
    return Figure(value=value, low=low, high=high)


def _bits(
    answers: Answers, column: str, response: RandomisedResponse, counts: Integers
) -> tuple[Estimate, Estimate]:
    """People per cell whose bit of a column is 0, and is 1."""
    before = STATES ** answers.measured.index(column)
    laid_out = counts.reshape(answers.cells + 1, before, STATES, -1).transpose(0, 2, 1, 3)
    found = response.estimate(laid_out.ravel(), answers.states // STATES)
    value, error = (each.reshape(-1, STATES)[:-1] for each in (found.value, found.error))
    zeros, ones = (Estimate(value=value[:, bit], error=error[:, bit]) for bit in (0, 1))
    return zeros, ones


def _cells(use_case: UseCase, answers: Answers, rows: pa.Table) -> Integers:
    """Number of each row's cell in grid order; the number of cells where it is in none."""
    cell = np.zeros(rows.num_rows, dtype=np.int64)
    outside = np.zeros(rows.num_rows, dtype=bool)
    for key in answers.keys:
        labels = groups.key_labels(use_case, key)
        found = pc.index_in(rows.column(key), pa.array(labels)).combine_chunks()
        place = found.fill_null(-1).to_numpy(zero_copy_only=False)
        cell = cell * len(labels) + place
        outside |= place < 0
    return np.where(outside, answers.cells, cell)


def _bounds(use_case: UseCase, column: str) -> Bounds:
    bounds = use_case.column(column).domain
    if not isinstance(bounds, Bounds):
        raise TypeError(f"column '{column}' must have bounds")
    return bounds


def counts_of(payload: pa.Table, answers: Answers) -> Integers:
    """People per randomised answer, from either form of payload."""
    given = payload.column(ANSWER).to_numpy()
    people = payload.column(PEOPLE).to_numpy() if PEOPLE in payload.column_names else None
    counts = np.bincount(given, weights=people, minlength=answers.size)
    return np.asarray(counts, dtype=np.int64)
