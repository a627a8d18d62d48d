"""Usefulness of an answer to a binary outcome, on held-out people."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import BinaryOutcome, Forces, LinearModel, Release, Scene, UseCase
from sandbox.findings import Better, Finding
from sandbox.measures import ranking, resampling, scores
from sandbox.measures.resampling import REPLICATES, Array

AXES = ("replicate", "outcome", "bin")


@dataclass(frozen=True, kw_only=True)
class ScoreHistogram:
    """Histogram of score bin × outcome of held-out people, in every bootstrap replicate."""

    name: str = "score-histogram"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Replicate, outcome, bin, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's held-out people."""
        outcome, places, units = judged(scene)
        joint = outcome * scores.BINS + places
        weight = resampling.weights(scene, units)
        counts = resampling.histogram(joint, 2 * scores.BINS, weight)
        return resampling.sparse(counts.reshape(-1, 2, scores.BINS), AXES)


def judged(scene: Scene) -> tuple[resampling.Integers, resampling.Integers, resampling.Integers]:
    """Held-out people's outcomes, score bins and units; each of shape (n,)."""
    question = question_of(scene.use_case)
    if not isinstance(scene.artefact, LinearModel):
        raise TypeError("an outcome is judged by a linear model")
    rows = scene.held_out.to_arrow_table()
    outcome = np.asarray(rows.column(question.target), dtype=np.float64).astype(np.int64)
    places = scores.bins(scene.artefact, scores.score(scene.artefact, rows))
    return outcome, places, np.asarray(rows.column("unit"), dtype=np.int64)


def question_of(use_case: UseCase) -> BinaryOutcome:
    """The use case's outcome question."""
    if not isinstance(use_case.question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    return use_case.question


def counts_of(forces: Forces, release: Release, seed: int) -> Array:
    """Counts of (replicate, outcome, bin), added up over the forces."""
    tables = forces.assess(ScoreHistogram(), release, seed)
    return resampling.dense(tables.values(), AXES, (REPLICATES + 1, 2, scores.BINS))


def findings(counts: Array, question: BinaryOutcome, *, calibrated: bool) -> list[Finding]:
    """Headline figures with intervals and replicates.

    Args:
        counts: (replicates + 1, 2, bins); the first is the observed data.
        question: gives the share at the top.
        calibrated: whether scores are probabilities; points have no calibration.
    """
    base = float(ranking.base_rate(counts)[0])
    precision, recall = ranking.top(counts, question.top_share)
    found = [headline("auc", ranking.auc(counts), "higher", baseline=0.5)]
    if calibrated:
        found.append(headline("brier", ranking.brier(counts), "lower"))
        error = ranking.calibration_error(counts)
        found.append(headline("calibration_error", error, "lower"))
    else:
        note = "points are not probabilities, so they have no calibration"
        found += [
            Finding(measure=name, value=None, better="lower", note=note)
            for name in ("brier", "calibration_error")
        ]
    per = f"of the top {question.top_share:.1%} by score"
    found.append(headline("precision_top", precision, "higher", baseline=base, note=per))
    found.append(headline("recall_top", recall, "higher", baseline=question.top_share, note=per))
    found.append(headline("base_rate", ranking.base_rate(counts), "neither"))
    return found


def headline(  # noqa: PLR0913 - the parts of a finding
    measure: str,
    figures: Array,
    better: Better,
    *,
    baseline: float | None = None,
    note: str = "",
    group: str = "",
) -> Finding:
    """A finding from the observed figure (first) and its replicates (rest)."""
    low, high = resampling.interval(figures[1:])
    value = float(figures[0]) if np.isfinite(figures[0]) else None
    kept = tuple(round(float(x), 6) for x in figures[1:]) if np.isfinite(figures).all() else ()
    return Finding(
        measure=measure,
        value=value,
        better=better,
        low=low if value is not None else None,
        high=high if value is not None else None,
        baseline=baseline,
        replicates=kept,
        group=group,
        note=note if value is not None or note else "undefined on these people",
    )
