"""Turns any release into what the question needs, by one reference analysis for all options.

Released rows, real or synthetic, are analysed as an analyst would: a logistic regression on the
use case's public encoding, or a count over its declared grid.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from minimisation import (
    BinaryOutcome,
    Encoding,
    LinearModel,
    Microdata,
    NotApplicableError,
    Statistics,
    UseCase,
    groups,
)
from minimisation.contract.encoding import numbers
from minimisation.contract.release import Artefact
from minimisation.regression import fit_logistic


def answer(artefact: Artefact, use_case: UseCase, forces: Sequence[str]) -> Artefact:
    """The artefact that answers the use case's question.

    Args:
        artefact: what was released.
        use_case: the question.
        forces: names of the participating forces, in order.

    Returns:
        Statistics for a grouped question; a model, or what each force holds, for an outcome.

    Raises:
        NotApplicableError: if the release cannot answer this kind of question.
    """
    outcome = isinstance(use_case.question, BinaryOutcome)
    if isinstance(artefact, Microdata):
        model_or_table = model_of_rows if outcome else statistics_of_rows
        return model_or_table(artefact, use_case, forces)
    if isinstance(artefact, Statistics) == outcome:
        kind = "an outcome question" if outcome else "a grouped question"
        raise NotApplicableError(f"what was released does not answer {kind}")
    return artefact


def model_of_rows(release: Microdata, use_case: UseCase, forces: Sequence[str]) -> LinearModel:
    """Logistic regression on released rows; rows without a known outcome are left out.

    With no usable row, or one outcome only, nothing can be learnt about features: the model is
    an intercept, shrunk towards one half by one row of either outcome.
    """
    del forces
    question = use_case.question
    if not isinstance(question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    _require(release.table, (*question.features, question.target))
    outcome = numbers(release.table.column(question.target).combine_chunks())
    known = ~np.isnan(outcome)
    encoding = Encoding.features(use_case, question.features)
    outcome = outcome[known]
    if len(np.unique(outcome)) < 2:  # noqa: PLR2004 - two outcomes are needed to tell them apart
        rate = (outcome.sum() + 1) / (len(outcome) + 2)
        flat = (0.0,) * len(encoding.terms)
        return LinearModel(
            encoding=encoding, intercept=float(np.log(rate / (1 - rate))), weights=flat
        )
    rows = release.table.filter(pa.array(known))
    fit = fit_logistic(encoding.encode(rows), outcome)
    return LinearModel(
        encoding=encoding,
        intercept=float(fit.coefficients[0]),
        weights=tuple(float(weight) for weight in fit.coefficients[1:]),
    )


def statistics_of_rows(release: Microdata, use_case: UseCase, forces: Sequence[str]) -> Statistics:
    """The question's table, counted from released rows; a sample counts by its public share."""
    question = use_case.question
    if isinstance(question, BinaryOutcome):
        raise TypeError("question must be GroupedStatistics")
    measured = [s.column for s in question.statistics if s.column]
    _require(release.table, (*question.by, *measured))
    sums = groups.sums_of_rows(use_case, release.table, forces)
    for name in groups.sum_columns(question):
        place = sums.column_names.index(name)
        scaled = np.asarray(sums.column(name)) / release.share
        sums = sums.set_column(place, name, pa.array(scaled))
    return Statistics(table=groups.finish(question, sums))


def _require(table: pa.Table, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise NotApplicableError(f"released rows lack columns: {', '.join(missing)}")
