"""Findings of an inquiry from a figure and its bootstrap replicates."""

import numpy as np

from sandbox.curves import judge
from sandbox.findings import Better, Finding
from sandbox.measures.resampling import Array

FEW = "too few people with the outcome"
"""Why an AUC is missing."""


def replicated(  # noqa: PLR0913 - the parts of a finding
    measure: str,
    figures: Array,
    note: str,
    force: str = "",
    *,
    better: Better,
    baseline: float | None,
    lacking: str,
) -> Finding:
    """A finding with its interval, or without any figure where it is not defined.

    Args:
        measure: its name.
        figures: observed figure first, then replicates, shape (replicates + 1,).
        note: what it is, where it is known.
        force: in which force; everywhere if empty.
        better: which way is better.
        baseline: with what it is compared.
        lacking: why it may be unknown.
    """
    known = bool(np.isfinite(figures[0]))
    low, high = judge.interval(figures[1:]) if known else (None, None)
    return Finding(
        measure=measure,
        value=float(figures[0]) if known else None,
        better=better,
        low=low,
        high=high,
        baseline=baseline,
        force=force,
        note=note if known else lacking,
    )
