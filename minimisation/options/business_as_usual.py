"""Business as usual: what would be done without the proposal.

A points rule written down beforehand, or the totals that are known today spread evenly. Every
option must be compared with it, because a proposal is necessary only if it does better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation.contract.columns import Column
from minimisation.contract.domains import Bounds
from minimisation.contract.encoding import MISSING, Encoding
from minimisation.contract.errors import NotApplicableError, UseCaseError
from minimisation.contract.questions import BinaryOutcome, GroupedStatistics
from minimisation.contract.release import LinearModel, Release
from minimisation.contract.steps import Payload, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces.ask import Forces
from minimisation.options import margins

PER_UNIT = "per_unit"
"""Label of a points rule that multiplies a number instead of naming its bin."""

MOST_STEPS = 1000
"""Most grid values of a counted column in a rule that also names bins of another column."""


@dataclass(frozen=True, kw_only=True)
class SendKnownTotals:
    """Sends the totals that are known today."""

    name: ClassVar[str] = "send-known-totals"
    keys: tuple[str, ...]
    """Group keys whose totals are known; none: the grand total."""

    def sends(self, use_case: UseCase) -> Payload:
        """Sums per combination of the keys."""
        return margins.promise(use_case, _grouped(use_case), self.keys)

    def run(self, premises: Premises) -> pa.Table:
        """Add up."""
        return margins.own_sums(premises, _grouped(premises.use_case), self.keys)


@dataclass(frozen=True, kw_only=True)
class BusinessAsUsualOption:
    """The practice of today, judged like any other option."""

    name: ClassVar[str] = "business-as-usual"
    summary: ClassVar[str] = (
        "Nothing new leaves: a points rule written down beforehand, or totals known today."
    )
    keeps_direct_identifiers: ClassVar[bool] = False

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """State the rule, or spread the known totals evenly; `rng` is not needed.

        Raises:
            NotApplicableError: if the use case declares no rule for a binary outcome.
            UseCaseError: if the rule names an unknown label, or a key that is not asked for.
            PolicyError: if a force refused or failed.
        """
        del rng
        question = use_case.question
        if isinstance(question, BinaryOutcome):
            return Release(artefact=points_model(use_case))
        known = use_case.business_as_usual.known
        unknown = [key for key in known if key not in question.by]
        if unknown:
            raise UseCaseError(
                f"business_as_usual.known ({', '.join(unknown)}) must be group keys of the"
                f" question: {', '.join(question.by)}"
            )
        totals = forces.ask(SendKnownTotals(keys=known)).stacked()
        answer = margins.estimate(use_case, question, forces.names, {known: totals})
        spread = ", ".join(known) or "all rows together"
        return Release(
            artefact=answer,
            remarks=(f"Totals known today ({spread}) are spread evenly over the other keys.",),
        )


def points_model(use_case: UseCase) -> LinearModel:
    """The use case's points rule as a linear score; a missing value gets what `missing` says.

    Raises:
        NotApplicableError: if the use case declares no rule.
        UseCaseError: if a rule names an unknown label or counts something that is no number.
    """
    rules = use_case.business_as_usual.points
    if not rules:
        raise NotApplicableError("the use case declares no points rule of today's practice")
    counted = {name for name, rule in rules.items() if PER_UNIT in rule}
    declared = {name: use_case.column(name) for name in rules}
    binned = any(column.numeric and name not in counted for name, column in declared.items())
    columns = tuple(
        _one_bin_per_value(column) if binned and name in counted else column
        for name, column in declared.items()
    )
    encoding = Encoding(columns=columns, binned=binned, reference=False)
    parts = [_points(encoding, column, rules[column.name]) for column in columns]
    return LinearModel(
        encoding=encoding,
        intercept=sum(start for start, _ in parts),
        weights=tuple(weight for _, weights in parts for weight in weights),
        link="points",
    )


def _points(
    encoding: Encoding, column: Column, rule: Mapping[str, float]
) -> tuple[float, list[float]]:
    """A column's share of the intercept, and its weights in the order of its terms."""
    labels = encoding.labels(column)
    allowed = {*(labels or ()), MISSING}
    if PER_UNIT in rule:
        allowed = {PER_UNIT, MISSING}
    unknown = sorted(set(rule) - allowed)
    if unknown or (PER_UNIT in rule and not column.numeric):
        raise UseCaseError(
            f"business_as_usual.points.{column.name} ({', '.join(unknown or [PER_UNIT])}) must"
            f" name declared labels ({', '.join(labels or ())}), or per_unit of a number"
        )
    missing = rule.get(MISSING, 0.0)
    each = rule.get(PER_UNIT)
    domain = column.domain
    if each is None or not isinstance(domain, Bounds):
        return 0.0, [rule.get(label, 0.0) for label in labels or ()]
    absent = [missing] if column.optional else []
    if labels is not None:
        return 0.0, [*(each * value for value in domain.bin_edges[:-1]), *absent]
    start = each * domain.low
    return start, [each * (domain.high - domain.low), *(value - start for value in absent)]


def _one_bin_per_value(column: Column) -> Column:
    """The column with a bin of its own for every grid value, so that bins can count units."""
    bounds = column.domain
    if not isinstance(bounds, Bounds):
        return column
    steps = round((bounds.high - bounds.low) / bounds.step)
    if steps >= MOST_STEPS:
        raise UseCaseError(
            f"business_as_usual.points.{column.name} (per_unit) must have fewer than"
            f" {MOST_STEPS} grid values in a rule that names bins of other columns; give bins"
        )
    values = tuple(bounds.low + bounds.step * place for place in range(1, steps + 1))
    finer = replace(bounds, high=bounds.high + bounds.step, edges=values)
    return replace(column, domain=finer)


def _grouped(use_case: UseCase) -> GroupedStatistics:
    if not isinstance(use_case.question, GroupedStatistics):
        raise TypeError("question must be GroupedStatistics")
    return use_case.question
