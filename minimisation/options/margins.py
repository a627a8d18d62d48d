"""Totals over some of the group keys: summed inside a force, fitted to the whole grid outside.

Fitting is iterative proportional fitting from an even spread (Deming and Stephan, Annals of
Mathematical Statistics 11, 1940): the table that adds nothing to what the totals say.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import groups
from minimisation.contract.domains import Bounds
from minimisation.contract.questions import GroupedStatistics
from minimisation.contract.release import Statistics
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import FORCE, UseCase

Cells = npt.NDArray[np.float64]

Margins = Mapping[tuple[str, ...], pa.Table]
"""Keys of a margin → its sums with a `force` column, as `Replies.stacked` gives them."""

ROUNDS = 100
"""Most passes over all margins."""

TOLERANCE = 1e-9
"""A pass that changes no cell by more than this share of the total is the last."""


def own_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys that are columns inside a force."""
    return tuple(key for key in keys if key != FORCE)


def promise(use_case: UseCase, question: GroupedStatistics, keys: Sequence[str]) -> Payload:
    """What a step that sends sums per combination of keys promises."""
    own = own_keys(keys)
    size = np.prod([len(groups.key_labels(use_case, key)) for key in own], dtype=int)
    return Payload(
        kind=PayloadKind.STATISTICS,
        schema=groups.sums_schema(own, groups.sum_columns(question)),
        most_rows=int(size),
    )


def own_sums(premises: Premises, question: GroupedStatistics, keys: Sequence[str]) -> pa.Table:
    """This force's sums per combination of keys, zeros where nobody is."""
    own, columns = own_keys(keys), groups.sum_columns(question)
    found = premises.query(groups.sums_sql(premises.use_case, own, columns))
    laid = groups.on_grid(found, groups.grid(premises.use_case, own), columns) if own else found
    return laid.cast(promise(premises.use_case, question, keys).schema)


def estimate(
    use_case: UseCase, question: GroupedStatistics, forces: Sequence[str], margins: Margins
) -> Statistics:
    """The question's answer from margins alone.

    Args:
        use_case: declares the keys' labels.
        question: what is asked.
        forces: names of the forces, in order.
        margins: what is known; keys outside the question are summed out.

    Returns:
        Statistics on the question's whole grid.
    """
    result = groups.grid(use_case, question.by, forces)
    fitted: dict[str, Cells] = {}
    for name in groups.sum_columns(question):
        targets = [
            _target(use_case, question, forces, keys, floored(use_case, sums, name))
            for keys, sums in margins.items()
        ]
        shape = [len(groups.key_labels(use_case, key, forces)) for key in question.by]
        fitted[name] = fit_to_margins(shape, targets).ravel()
    for name, cells in fitted.items():
        lowest = _lowest(use_case, name)
        offset = lowest * fitted[f"count_{name.partition('_')[2]}"] if lowest else 0.0
        result = result.append_column(name, pa.array(cells + offset))
    return Statistics(table=groups.finish(question, result))


def fit_to_margins(shape: Sequence[int], targets: Sequence[tuple[tuple[int, ...], Cells]]) -> Cells:
    """Cells that agree with all margins, as even as they allow.

    Args:
        shape: number of labels per key.
        targets: per margin its axes, rising, and its non-negative totals over them. Margins whose
            grand totals differ (they were rounded) are scaled to their mean.

    Returns:
        Array of the given shape. Where margins contradict each other, the last one holds.
    """
    totals = [float(target.sum()) for _, target in targets]
    total = float(np.mean(totals)) if totals else 0.0
    cells = np.full(shape, total / np.prod(shape))
    for _ in range(ROUNDS):
        before = cells
        for (axes, target), own in zip(targets, totals, strict=True):
            others = tuple(axis for axis in range(len(shape)) if axis not in axes)
            now = cells.sum(axis=others, keepdims=True)
            wanted = target.reshape(now.shape) * (total / own if own else 0.0)
            cells = cells * np.divide(wanted, now, out=np.zeros_like(now), where=now > 0)
        if np.abs(cells - before).max(initial=0.0) <= TOLERANCE * total:
            break
    return cells


def floored(use_case: UseCase, sums: pa.Table, name: str) -> pa.Table:
    """The sums' keys and one additive column, made non-negative.

    A sum is counted from the column's lowest value, since proportional fitting needs totals of
    at least 0; what rounding left below 0 becomes 0.
    """
    values = np.asarray(sums.column(name), dtype=float)
    lowest = _lowest(use_case, name)
    if lowest:
        counted = np.asarray(sums.column(f"count_{name.partition('_')[2]}"), dtype=float)
        values = values - lowest * counted
    keys = [field.name for field in sums.schema if pa.types.is_string(field.type)]
    return sums.select(keys).append_column(name, pa.array(values.clip(min=0.0)))


def _lowest(use_case: UseCase, name: str) -> float:
    kind, _, column = name.partition("_")
    domain = use_case.column(column).domain if kind == "sum" else None
    return domain.low if isinstance(domain, Bounds) else 0.0


def _target(
    use_case: UseCase,
    question: GroupedStatistics,
    forces: Sequence[str],
    keys: Sequence[str],
    sums: pa.Table,
) -> tuple[tuple[int, ...], Cells]:
    """Axes of a margin on the question's grid, and its totals over them."""
    name = sums.column_names[-1]
    kept = [key for key in question.by if key in keys]
    axes = tuple(question.by.index(key) for key in kept)
    if not kept:
        return axes, np.asarray(sums.column(name), dtype=float).sum(keepdims=True)
    laid = groups.on_grid(sums, groups.grid(use_case, kept, forces), [name])
    return axes, np.asarray(laid.column(name), dtype=float)
