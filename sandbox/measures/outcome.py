"""Usefulness of an answer to a binary outcome, on held-out people."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import BinaryOutcome, Forces, Release, RiskModel, Scene, UseCase
from minimisation.forces import sql
from sandbox.answers import answer
from sandbox.findings import Better, Finding
from sandbox.measures import ranking, resampling, scores
from sandbox.measures.resampling import REPLICATES, Array, Integers

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
        rows, places = judged(scene)
        joint = outcomes(scene.use_case, rows) * scores.BINS + places
        size = 2 * scores.BINS
        counts = np.zeros((REPLICATES + 1, size))
        for which, weight in resampling.blocks(scene, units_of(rows)):
            counts[which] = resampling.histogram(joint, size, weight)
        return resampling.sparse(counts.reshape(-1, 2, scores.BINS), AXES)


def judged(scene: Scene) -> tuple[pa.Table, Integers]:
    """Held-out people whose outcome is known, n rows, and their score bins, shape (n,)."""
    model = answer(scene.artefact, scene.use_case, (scene.force,))
    if not isinstance(model, RiskModel):
        raise TypeError("an outcome is judged by a risk model")
    target = sql.name(scene.use_case.binary.target)
    rows = scene.held_out.filter(f"{target} is not null").to_arrow_table()
    return rows, scores.bins(model, scores.score(model, rows))


def outcomes(use_case: UseCase, rows: pa.Table) -> Integers:
    """Outcomes of rows in which none is missing, 0 or 1. Shape (n,)."""
    return np.asarray(rows.column(use_case.binary.target)).astype(np.int64)


def units_of(rows: pa.Table) -> Integers:
    """Whose each row is. Shape (n,)."""
    return np.asarray(rows.column("unit")).astype(np.int64)


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
