"""A naive-Bayes scorecard from counts alone: how often the outcome follows each label.

Counts of (label, outcome) per feature add up over people and forces and may be rounded,
suppressed or noisy, so published tables and private statistics build the same model from them.
Features are treated as independent given the outcome, so correlated features count twice: the
order of people is usable, the level of risk is too extreme. Hand and Yu, "Idiot's Bayes: not so
stupid after all?", International Statistical Review 69 (2001).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import groups
from minimisation.contract.encoding import Encoding
from minimisation.contract.questions import BinaryOutcome
from minimisation.contract.release import LinearModel
from minimisation.contract.usecase import UseCase
from minimisation.forces import sql

OUTCOME = "outcome"
"""Column of a margin that holds the outcome as text, `0` or `1`."""

ROWS = "rows"
"""Column of a margin that holds the count."""

PRIOR_PEOPLE = 10.0
"""Weight of the prior, in people at the overall rate added to every label: a label that nobody
has, or whose count was suppressed, then says nothing instead of something extreme."""

Counts = npt.NDArray[np.float64]


def margin_schema(keys: Sequence[str]) -> pa.Schema:
    """Schema of a margin: the keys and the outcome as text, and the count."""
    return groups.sums_schema([*keys, OUTCOME], [ROWS])


def margin_cells(use_case: UseCase, keys: Sequence[str]) -> pa.Table:
    """Every combination of the keys' declared labels and the outcome, in declared order."""
    labels = groups.grid(use_case, keys)
    order = np.repeat(np.arange(labels.num_rows), 2)
    outcomes = pa.array(["0", "1"] * labels.num_rows, pa.string())
    return labels.take(pa.array(order)).append_column(OUTCOME, outcomes)


def margin_sql(use_case: UseCase, keys: Sequence[str]) -> str:
    """SQL that counts the relation `people` by keys and outcome.

    Raises:
        TypeError: if the question is not a binary outcome.
    """
    target = sql.name(_question(use_case).target)
    chosen = [f"{groups.key_sql(use_case, key)} as {sql.name(key)}" for key in keys]
    outcome = f"case when {target} >= 0.5 then '1' else '0' end as {sql.name(OUTCOME)}"
    parts = [*chosen, outcome, f"cast(count(*) as double) as {sql.name(ROWS)}"]
    grouped = ", ".join(str(place + 1) for place in range(len(keys) + 1))
    return f"select {', '.join(parts)} from people where {target} is not null group by {grouped}"


def scorecard(use_case: UseCase, margins: Mapping[str, pa.Table]) -> LinearModel:
    """Build the scorecard.

    Args:
        use_case: asks a binary outcome.
        margins: feature → table with columns `<feature>` (labels as `groups.key_labels`),
            `outcome` (`0` or `1`) and `rows` (any finite number; a negative one counts as none).
            Rows that share a cell are added; unknown labels are left out. May be empty: the
            model is then the same for everyone.

    Returns:
        Log-odds of the outcome with one weight per declared label; a weight is 0 where the
        label says nothing.

    Raises:
        TypeError: if the question is not a binary outcome.
    """
    _question(use_case)
    columns = tuple(use_case.column(name) for name in margins)
    counts = [_counts(use_case, name, margin) for name, margin in margins.items()]
    rate = _overall_rate(counts)
    odds = np.log(rate / (1 - rate))
    weights = [
        np.log(count[:, 1] + PRIOR_PEOPLE * rate)
        - np.log(count[:, 0] + PRIOR_PEOPLE * (1 - rate))
        - odds
        for count in counts
    ]
    return LinearModel(
        encoding=Encoding(columns=columns, binned=True, reference=False),
        intercept=float(odds),
        weights=tuple(float(weight) for part in weights for weight in part),
    )


def _counts(use_case: UseCase, feature: str, margin: pa.Table) -> Counts:
    """Counts of shape (labels, 2), without and with the outcome, none below zero."""
    cells = margin_cells(use_case, [feature])
    laid = groups.on_grid(margin.select([feature, OUTCOME, ROWS]), cells, [ROWS])
    counts: Counts = np.asarray(laid.column(ROWS), dtype=np.float64).reshape(-1, 2)
    return counts.clip(min=0.0)


def _overall_rate(counts: Sequence[Counts]) -> float:
    """Share of people with the outcome, over all margins, kept away from 0 and 1."""
    total = np.sum([count.sum(axis=0) for count in counts], axis=0) / max(len(counts), 1)
    without, having = np.broadcast_to(total, 2)
    return float((having + 1) / (having + without + 2))


def _question(use_case: UseCase) -> BinaryOutcome:
    if not isinstance(use_case.question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    return use_case.question
