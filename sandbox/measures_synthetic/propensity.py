"""Propensity mean squared error: can a small tree tell released rows from real ones?

SDNist 2.4: a decision tree of depth 6 on both tables; pMSE = mean of (p − c)², where c is the
share of released rows. 0 means that it cannot; c(1 − c) that it always can.
Snoke, Raab, Nowok, Dibben and Slavkovic 2018, General and specific utility measures.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from minimisation.forces import sql
from sandbox.measures_synthetic.tables import side_by_side

DEPTH = 6
"""Depth of the tree."""


def propensity_mse(
    target: pa.Table, released: pa.Table, columns: Sequence[str], numeric: Sequence[str] = ()
) -> float:
    """PMSE of the tree.

    Args:
        target: the real rows.
        released: the synthetic rows.
        columns: what the tree sees.
        numeric: those it sees as numbers (a missing one as −1 below the least); others are
            numbered in the order of their labels.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415 - loaded only where used

    chosen = [_seen(column, numeric=column in numeric) for column in sorted(columns)]
    with side_by_side(target, released, columns) as connection:
        rows = connection.execute(f"select {', '.join(chosen)}, released from stacked").fetchnumpy()
    made = rows.pop("released")
    features = np.column_stack([np.asarray(values, dtype=np.float64) for values in rows.values()])
    tree = DecisionTreeClassifier(max_depth=DEPTH, random_state=0).fit(features, made)
    chance = tree.predict_proba(features)[:, 1]
    return float(np.mean((chance - np.mean(made)) ** 2))


def _seen(column: str, *, numeric: bool) -> str:
    name = sql.name(column)
    if numeric:
        return f"coalesce({name}, min({name}) over () - 1, 0)::double as {name}"
    number = f"try_cast({name} as double)"
    return (
        f"dense_rank() over (order by {number} nulls first, cast({name} as varchar) nulls first)"
        f"::double as {name}"
    )
