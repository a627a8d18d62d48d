"""What pooling every force's rows would have given, computed inside the assessment.

On protected data the raw pool may not be made, so the ceiling is worked out without pooling:
exact sums for statistics, Newton's method on exact sums for a binary outcome, which equals the
pooled fit. Nothing is released: every figure comes through `forces.assess`.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import (
    BinaryOutcome,
    Encoding,
    Forces,
    GroupedStatistics,
    LinearModel,
    Release,
    Scene,
    Statistics,
    UseCase,
    groups,
)
from minimisation.contract.encoding import numbers
from minimisation.contract.usecase import FORCE
from minimisation.regression import Array, LogisticSums, NewtonFit, logistic_sums, newton

REMARK = "Computed inside the assessment: nothing was pooled or released."


@dataclass(frozen=True, kw_only=True)
class PooledCeiling:
    """The most that pooling could give, without pooling."""

    @property
    def name(self) -> str:
        """Name in plans and reports."""
        return "pooled-ceiling"

    @property
    def summary(self) -> str:
        """What leaves each force."""
        return "Nothing leaves: what pooling would have given, computed inside the assessment."

    @property
    def keeps_direct_identifiers(self) -> bool:
        """It releases nothing."""
        return False

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Work out the ceiling; `rng` is not used."""
        del rng
        question = use_case.question
        if isinstance(question, GroupedStatistics):
            return _exact_statistics(forces, use_case, question)
        return _newton(forces, use_case, question)


@dataclass(frozen=True, kw_only=True)
class _SumsAt:
    """Newton's sums at given coefficients, on member people whose outcome is known."""

    coefficients: tuple[float, ...]
    name: str = "ceiling-newton-sums"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("sums", pa.float64())])

    def observe(self, scene: Scene) -> pa.Table:
        question = scene.use_case.question
        if not isinstance(question, BinaryOutcome):
            raise TypeError("question must be BinaryOutcome")
        encoding = Encoding.features(scene.use_case, question.features)
        rows = scene.members.to_arrow_table()
        outcome = numbers(rows.column(question.target).combine_chunks())
        known = ~np.isnan(outcome)
        features = encoding.encode(rows)[known]
        sums = logistic_sums(features, outcome[known], np.array(self.coefficients))
        flat = np.r_[sums.rows, sums.loss, sums.gradient, sums.hessian.ravel()]
        return pa.table({"sums": flat})


@dataclass(frozen=True, kw_only=True)
class _ExactCells:
    """Exact sums of the question's cells, on member people."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    name: str = "ceiling-exact-cells"

    @property
    def schema(self) -> pa.Schema:
        return groups.sums_schema(self.keys, self.columns)

    def observe(self, scene: Scene) -> pa.Table:
        statement = groups.sums_sql(scene.use_case, self.keys, self.columns)
        return scene.members.query("people", statement).to_arrow_table().cast(self.schema)


def pooled_fit(forces: Forces) -> NewtonFit:
    """The converged fit to everybody whose outcome is known, by Newton's method on exact sums.

    Raises:
        TypeError: if the question is not about an outcome.
    """
    question = forces.use_case.question
    if not isinstance(question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    encoding = Encoding.features(forces.use_case, question.features)
    size = len(encoding.terms) + 1

    def evaluate(at: Array) -> LogisticSums:
        measure = _SumsAt(coefficients=tuple(at))
        total = LogisticSums.zero(size)
        for table in forces.assess(measure, Release(artefact=_nothing(encoding)), 0).values():
            flat = np.asarray(table.column("sums"))
            total = total + LogisticSums(
                rows=flat[0],
                loss=flat[1],
                gradient=flat[2 : 2 + size],
                hessian=flat[2 + size :].reshape(size, size),
            )
        return total

    return newton(evaluate, size)


def _newton(forces: Forces, use_case: UseCase, question: BinaryOutcome) -> Release:
    fit = pooled_fit(forces)
    model = LinearModel(
        encoding=Encoding.features(use_case, question.features),
        intercept=float(fit.coefficients[0]),
        weights=tuple(float(weight) for weight in fit.coefficients[1:]),
    )
    return Release(artefact=model, remarks=(REMARK,))


def _exact_statistics(forces: Forces, use_case: UseCase, question: GroupedStatistics) -> Release:
    keys = tuple(key for key in question.by if key != FORCE)
    columns = groups.sum_columns(question)
    measure = _ExactCells(keys=keys, columns=columns)
    empty = Release(artefact=Statistics(table=pa.table({})))
    parts = []
    for force, table in forces.assess(measure, empty, 0).items():
        names = pa.array([force] * table.num_rows, pa.string())
        parts.append(table.append_column(FORCE, names))
    cells = groups.grid(use_case, question.by, forces.names)
    sums = groups.on_grid(pa.concat_tables(parts), cells, columns)
    return Release(artefact=Statistics(table=groups.finish(question, sums)), remarks=(REMARK,))


def _nothing(encoding: Encoding) -> LinearModel:
    return LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,) * len(encoding.terms))
