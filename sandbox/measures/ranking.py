"""Figures of merit of a score, from histograms of score bin × outcome; pure functions of arrays.

Every function takes counts of shape (..., 2, bins), outcome 0 then 1, bins rising with the score,
and returns one figure per leading index, NaN where it is undefined.
"""

import numpy as np
import numpy.typing as npt

from sandbox.measures.scores import bin_probabilities

Array = npt.NDArray[np.float64]


def auc(counts: Array) -> Array:
    """Chance that a random positive scores above a random negative; ties count half.

    Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology (1982).
    """
    negative, positive = counts[..., 0, :], counts[..., 1, :]
    below = np.cumsum(negative, axis=-1) - negative / 2
    pairs = negative.sum(axis=-1) * positive.sum(axis=-1)
    return _ratio((positive * below).sum(axis=-1), pairs)


def brier(counts: Array) -> Array:
    """Mean squared distance between predicted probability and outcome (Brier 1950)."""
    chance = bin_probabilities()
    squared = counts[..., 0, :] @ chance**2 + counts[..., 1, :] @ (1 - chance) ** 2
    return _ratio(squared, counts.sum(axis=(-1, -2)))


def calibration_error(counts: Array, buckets: int = 32) -> Array:
    """Expected calibration error: mean |predicted − observed| over buckets, by people in them."""
    chance = bin_probabilities()
    shape = (*counts.shape[:-2], buckets, counts.shape[-1] // buckets)
    people = counts.sum(axis=-2).reshape(shape)
    observed = counts[..., 1, :].reshape(shape).sum(axis=-1)
    predicted = (people * chance.reshape(shape[-2:])).sum(axis=-1)
    return _ratio(np.abs(predicted - observed).sum(axis=-1), people.sum(axis=(-1, -2)))


def top(counts: Array, share: float) -> tuple[Array, Array]:
    """Precision and recall among the top share of people by score.

    People in the bin that the cut goes through are taken in proportion.
    """
    people = counts.sum(axis=-2)[..., ::-1]
    positive = counts[..., 1, ::-1]
    wanted = people.sum(axis=-1, keepdims=True) * share
    before = np.cumsum(people, axis=-1) - people
    taken = np.clip(_ratio(wanted - before, people), 0.0, 1.0)
    hits = (np.where(people > 0, taken, 0.0) * positive).sum(axis=-1)
    return _ratio(hits, wanted[..., 0]), _ratio(hits, positive.sum(axis=-1))


def base_rate(counts: Array) -> Array:
    """Share of positives."""
    return _ratio(counts[..., 1, :].sum(axis=-1), counts.sum(axis=(-1, -2)))


def cut(counts: Array, share: float) -> tuple[int, float]:
    """Where the top share of people by score ends, as `top` counts them.

    Args:
        counts: (2, bins).
        share: share of people.

    Returns:
        The bin that the cut goes through, all above being flagged, and the part of it that is.
    """
    people = counts.sum(axis=0)
    wanted = people.sum() * share
    above = people[::-1].cumsum()[::-1] - people
    place = int(np.flatnonzero(above < wanted)[0]) if wanted > 0 else counts.shape[-1] - 1
    part = (wanted - above[place]) / people[place] if people[place] > 0 else 0.0
    return place, float(min(part, 1.0))


def rates(flags: Array) -> dict[str, Array]:
    """Rates at a threshold, from counts of shape (..., outcome, flagged).

    Returns:
        Measure → figure per leading index.
    """
    missed, caught = flags[..., 1, 0], flags[..., 1, 1]
    passed, wrongly = flags[..., 0, 0], flags[..., 0, 1]
    everyone = flags.sum(axis=(-1, -2))
    return {
        "flag_rate": _ratio(caught + wrongly, everyone),
        "base_rate": _ratio(caught + missed, everyone),
        "precision": _ratio(caught, caught + wrongly),
        "negative_predictive_value": _ratio(passed, passed + missed),
        "true_positive_rate": _ratio(caught, caught + missed),
        "false_positive_rate": _ratio(wrongly, wrongly + passed),
        "false_negative_rate": _ratio(missed, caught + missed),
    }


def _ratio(above: Array, below: Array) -> Array:
    result: Array = np.divide(
        above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 0
    )
    return result
