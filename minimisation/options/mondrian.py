"""Strict multidimensional partitioning of people into classes of at least k (Mondrian).

LeFevre, DeWitt and Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006, algorithm
1, with two changes that only make classes smaller: k counts people and not rows, and a cut that
the median does not allow is moved to the nearest value that is allowed.
"""

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

MISSING_POINT = np.inf
"""Position of a missing value: after all others, so that a cut can set it apart."""


def classes(points: Points, units: Numbers, spans: Points, k: int) -> Numbers:
    """Put every row in a class whose rows come from at least k people.

    Args:
        points: (n, q) position of every row on every quasi-identifier; `MISSING_POINT` if missing.
        units: (n,) whose row it is.
        spans: (q,) widths of the public domains, in the units of `points`.
        k: fewest people in a class.

    Returns:
        (n,) class of every row, numbered from 0; all -1 if there are fewer than k people.
    """
    order = np.argsort(units, kind="stable")
    found = np.full(len(units), -1, dtype=np.int64)
    if len(np.unique(units)) < k:
        return found
    waiting, number = [order], 0
    while waiting:
        rows = waiting.pop()
        halves = cut(points[rows], units[rows], spans, k)
        if halves is None:
            found[rows] = number
            number += 1
        else:
            waiting += [rows[~halves], rows[halves]]
    return found


def cut(points: Points, units: Numbers, spans: Points, k: int) -> npt.NDArray[np.bool_] | None:
    """The lower half of the widest quasi-identifier that can be cut; None if none can.

    Args:
        points: (m, q) positions of one class's rows, people's rows next to each other.
        units: (m,) whose row it is, rising.
        spans: (q,) widths of the public domains.
        k: fewest people on either side.
    """
    starts = np.flatnonzero(np.r_[True, units[1:] != units[:-1]])
    apart = len(starts) == len(units)
    if apart and len(units) < 2 * k:  # rows of one person each: two halves cannot both hold k
        return None
    for column in np.argsort(-_widths(points, spans), kind="stable"):
        values = points[:, column]
        lowest = values if apart else np.minimum.reduceat(values, starts)
        highest = values if apart else np.maximum.reduceat(values, starts)
        threshold = _threshold(values, lowest, highest, k)
        if threshold is not None:
            return values <= threshold
    return None


def _threshold(values: Points, lowest: Points, highest: Points, k: int) -> float | None:
    """The allowed cut nearest to the median: rows at or below it go one way, the others another.

    k people have a row at or below a value from the k-th smallest of their lowest values on; k
    have one above it up to (but not at) the k-th largest of their highest values.
    """
    if len(lowest) < k:
        return None
    first = np.partition(lowest, k - 1)[k - 1]
    end = np.partition(highest, len(highest) - k)[len(highest) - k]
    if not first < end:
        return None
    median = np.partition(values, (len(values) - 1) // 2)[(len(values) - 1) // 2]
    if median >= end:
        return float(values[values < end].max())
    return float(max(median, first))


def _widths(points: Points, spans: Points) -> Points:
    """Width of a class on every quasi-identifier, as a share of its domain.

    A class that mixes missing and known values is as wide as can be.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    with np.errstate(invalid="ignore"):
        widths: Points = np.minimum((high - low) / spans, 1.0)
    return np.where(np.isnan(widths), 0.0, widths)
