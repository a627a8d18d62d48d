"""Usefulness of a table: how far the released figures are from the true ones of the same people.

Replicates reweight the people that the option saw and let the option's error in each cell stand, so
that an interval tells how much the distance depends on who happens to be in the data; the option's
own randomness shows between repeats.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from minimisation import Statistics, UseCase, groups
from sandbox.findings import Finding
from sandbox.measures import grid
from sandbox.measures.outcome import headline
from sandbox.measures.resampling import Array
from sandbox.rates import Rate

LARGE = 10
"""Cells with fewer true rows are left out of relative errors, where one row is a large share."""

TOP = 10
"""Size of the list of largest cells that should agree."""

ERASED = 50
"""A group with at least this many true rows that is shown at under half is erased."""


def findings(
    use_case: UseCase, truth: Array, released: Statistics, forces: tuple[str, ...]
) -> list[Finding]:
    """Distances between released and true figures.

    Args:
        use_case: the question.
        truth: as `grid.truth_of` gives it.
        released: the option's table; its rows are laid on the grid, absent cells count as zero.
        forces: names, in order.
    """
    question = use_case.grouped
    table = grid.laid(use_case, released.table, forces)
    parts = groups.sum_columns(question)
    lead = question.statistics[0].name
    true = truth[:, :, parts.index(lead)]
    count = np.nan_to_num(np.asarray(table.column(lead), dtype=float))
    other = _reweighted(count, true)
    found = [headline("total_variation", reweighted_variation(count, true), "lower")]
    large = true[0] >= LARGE
    note = f"over cells with at least {LARGE} true {lead}"
    relative = np.abs(other - true)[:, large] / np.maximum(true[:, large], 1e-9)
    relative = np.where(true[:, large] > 0, relative, np.nan)
    if large.any():
        middle, worst = np.nanmedian(relative, axis=1), float(np.percentile(relative[0], 90))
        found.append(headline("relative_error", middle, "lower", note=note))
        found.append(Finding(measure="relative_error_p90", value=worst, better="lower", note=note))
    same = overlap(other, true)
    note = f"of the {TOP} truly largest cells"
    found.append(_light(headline("top_k_overlap", same, "higher", note=note)))
    found += _coverage(table, lead, true[0])
    for statistic in question.statistics[1:]:
        found += _other_statistic(table, statistic.name, truth, parts, large)
    return found + _groups(use_case, table, count, true)


def total_variation(released: Array, true: Array) -> Array:
    """Half the L1 distance between two distributions over cells; 1 where nothing was released."""
    p_sum, q_sum = true.sum(axis=-1, keepdims=True), released.sum(axis=-1, keepdims=True)
    p = true / np.where(p_sum > 0, p_sum, 1.0)
    q = released / np.where(q_sum > 0, q_sum, 1.0)
    distance: Array = np.abs(p - q).sum(axis=-1) / 2
    whole: Array = np.where(q_sum[..., 0] > 0, distance, 1.0)
    return whole


def reweighted_variation(count: Array, true: Array) -> Array:
    """Total variation as a mean over people of how wrongly their cell is shown, reweighted.

    Where people are few to a cell, adding up another sample of them would itself look like error;
    a cell's error relative to its share stands, and only who is in the data changes.

    Args:
        count: (cells,) released.
        true: (replicates, cells); the first is the observed data.

    Returns:
        (replicates,), the first equal to `total_variation` of the observed data.
    """
    shares = true / np.maximum(true.sum(axis=-1, keepdims=True), 1.0)
    shown = np.clip(count, 0.0, None)
    if shown.sum() == 0:
        return np.ones(len(true))
    apart = np.abs(shown / shown.sum() - shares[0])
    empty = shares[0] == 0
    each = np.divide(apart, shares[0], out=np.zeros_like(apart), where=~empty)
    variation: Array = (shares @ each + apart[empty].sum()) / 2
    return variation


def overlap(released: Array, true: Array, size: int = TOP) -> Array:
    """Share of the truly largest cells that the release also has among its largest.

    Ties go to the cell that comes first in the grid, in both rankings.
    """
    size = min(size, true.shape[-1])
    ours = np.argsort(-released, axis=-1, kind="stable")[..., :size]
    theirs = np.argsort(-true, axis=-1, kind="stable")[..., :size]
    same = [len(np.intersect1d(a, b)) / size for a, b in zip(ours, theirs, strict=True)]
    return np.array(same)


def _reweighted(count: Array, true: Array) -> Array:
    """Released counts in every replicate: the error of each cell stays as it is."""
    shifted: Array = np.clip(count, 0.0, None) + (true - true[0])
    return shifted


def _coverage(table: pa.Table, name: str, true: Array) -> list[Finding]:
    if f"{name}_low" not in table.column_names:
        return []
    low = np.asarray(table.column(f"{name}_low"), dtype=float)
    high = np.asarray(table.column(f"{name}_high"), dtype=float)
    hits = float(((low <= true) & (true <= high)).sum())
    rate = Rate(hits=hits, tries=float(len(true)))
    ends = rate.wilson(1.959964)
    return [
        Finding(
            measure="interval_coverage",
            value=rate.share,
            better="neither",
            low=ends[0],
            high=ends[1],
            baseline=0.95,
            note=f"of {name}; stated intervals are for 95 %",
        )
    ]


def _other_statistic(
    table: pa.Table, name: str, true: Array, parts: tuple[str, ...], large: Array
) -> list[Finding]:
    """Mean distance of another statistic; replicates weigh cells anew by the rows they hold."""
    kind, _, column = name.partition("_")
    total = true[0, :, parts.index(f"sum_{column}" if column else name)]
    if kind == "mean":
        count = true[0, :, parts.index(f"count_{column}")]
        total = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    released = np.asarray(table.column(name), dtype=float)
    error = np.abs(released - total)
    judged = large.astype(bool) & np.isfinite(total)
    answered = judged & np.isfinite(error)
    unanswered = int(judged.sum() - answered.sum())
    note = f"mean distance over cells with at least {LARGE} true rows"
    if unanswered:
        note += f"; {unanswered} such cells had no released figure"
    measure = f"error_of_{name}"
    if not answered.any():
        return [Finding(measure=measure, value=None, better="lower", note=note)]
    rows = true[:, :, 0]
    share = np.divide(rows, rows[0], out=np.zeros_like(rows), where=rows[0] > 0)[:, answered]
    weighed = (share @ error[answered]) / np.maximum(share.sum(axis=1), 1e-12)
    return [_light(headline(measure, weighed, "lower", note=note))]


def _groups(use_case: UseCase, table: pa.Table, count: Array, true: Array) -> list[Finding]:
    """Error of every protected group's total, and groups that were erased.

    Args:
        use_case: the question.
        table: the release on the grid.
        count: (cells,) released.
        true: (replicates + 1, cells).
    """
    question = use_case.grouped
    found, erased = [], []
    measure = "group_count_error"
    for column in use_case.protected:
        if column.name not in question.by:
            continue
        labels = np.asarray(table.column(column.name).to_pylist())
        for label in groups.key_labels(use_case, column.name):
            mine = labels == label
            name, here = f"{column.name}={label}", true[:, mine].sum(axis=1)
            if here[0] < LARGE:
                note = f"too few to report: under {LARGE} rows"
                found.append(
                    Finding(measure=measure, value=None, better="lower", group=name, note=note)
                )
                continue
            shown = float(count[mine].sum())
            gap = abs(shown - here[0])
            errors = np.divide(gap, here, out=np.full_like(here, np.nan), where=here > 0)
            found.append(_light(headline(measure, errors, "lower", group=name)))
            if here[0] >= ERASED and shown < here[0] / 2:
                erased.append(name)
    note = f"shown at under half of at least {ERASED} true rows: {', '.join(erased)}"
    found.append(
        Finding(
            measure="erased_groups",
            value=float(len(erased)),
            better="lower",
            note=note if erased else "",
        )
    )
    return found


def _light(finding: Finding) -> Finding:
    """The finding without its replicates: its interval is kept, its pairing is not needed."""
    return replace(finding, replicates=())
