"""Judges many models at once on the held-out people, with replicates paired across the models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import Forces, LinearModel, Release, Scene
from sandbox.curves.fits import Fit, encoding_of
from sandbox.measures import outcome, ranking, resampling
from sandbox.measures.resampling import Array
from sandbox.measures.scores import WIDEST

AXES = ("model", "replicate", "outcome", "bin")

REPLICATES = 100
"""Bootstrap replicates of a curve."""

BINS = 512
"""Public bins of log-odds; 0.05 wide."""

BATCH = 8
"""Models that are judged in one pass, to bound memory."""


@dataclass(frozen=True, kw_only=True)
class BatchHistograms:
    """Histograms of outcome × score bin of held-out people for several models."""

    coefficients: tuple[tuple[float, ...], ...]
    """For each model, intercept first, over the terms of all features."""
    name: str = "curve-histograms"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Model, replicate, outcome, bin, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's held-out people."""
        rows, _ = outcome.judged(scene)
        happened = outcome.outcomes(scene.use_case, rows)
        features = encoding_of(scene.use_case).encode(rows)
        weight = resampling.weights(scene, outcome.units_of(rows))[: REPLICATES + 1]
        counts = []
        for at in self.coefficients:
            linear = at[0] + features @ np.array(at[1:])
            place = np.clip((linear + WIDEST) / (2 * WIDEST) * BINS, 0, BINS - 1).astype(np.int64)
            flat = resampling.histogram(happened * BINS + place, 2 * BINS, weight)
            counts.append(flat.reshape(-1, 2, BINS))
        return resampling.sparse(np.stack(counts), AXES)


def areas(forces: Forces, fits: Sequence[Fit], seed: int) -> Array:
    """Area under the curve of every fit, observed and in replicates.

    Returns:
        (fits, REPLICATES + 1), the observed figure first.
    """
    encoding = encoding_of(forces.use_case)
    empty = LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,) * len(encoding.terms))
    found = []
    for start in range(0, len(fits), BATCH):
        some = fits[start : start + BATCH]
        measure = BatchHistograms(
            coefficients=tuple(tuple(map(float, each.coefficients)) for each in some)
        )
        tables = forces.assess(measure, Release(artefact=empty), seed)
        shape = (len(some), REPLICATES + 1, 2, BINS)
        found.append(ranking.auc(resampling.dense(tables.values(), AXES, shape)))
    return np.concatenate(found)


def interval(replicates: Array) -> tuple[float, float] | tuple[None, None]:
    """95 % percentile interval of (REPLICATES,) figures; none if any is undefined."""
    if not np.isfinite(replicates).all():
        return None, None
    low, high = np.percentile(replicates, [2.5, 97.5])
    return float(low), float(high)
