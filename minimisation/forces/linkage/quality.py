"""Precision and recall of a matching against known truth, by threshold.

Precision and recall count pairs (Christen 2012, "Data Matching", section 7.2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good a matching is at one threshold."""

    threshold: float
    """Pairs at or above match."""
    precision: float
    """Share of matched pairs that are one person."""
    recall: float
    """Share of one person's pairs that are matched."""

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def true_pairs(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(n, m) matrix of which records are of one person."""
    return np.equal(left[:, None], right[None, :])


def quality_at(
    scores: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], threshold: float
) -> Quality:
    """Quality of matching every pair at or above a threshold; pairs scored below 0 are left out."""
    counted = scores >= 0
    matched = counted & (scores >= threshold)
    hits = int((matched & truth).sum())
    found, wanted = int(matched.sum()), int((truth & counted).sum())
    return Quality(
        threshold=threshold,
        precision=hits / found if found else 1.0,
        recall=hits / wanted if wanted else 1.0,
    )


def best(scores: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> Quality:
    """The threshold with the largest F1, on a grid of hundredths: needs truth, as in a trial."""
    grid = (quality_at(scores, truth, step / 100) for step in range(50, 100))
    return max(grid, key=lambda quality: quality.f1)


def within(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores of one file against itself, each pair once."""
    once: npt.NDArray[np.float32] = np.where(
        np.triu(np.ones(scores.shape, dtype=bool), k=1), scores, np.float32(-1)
    )
    return once
