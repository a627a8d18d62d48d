"""What an answer asks of the people who review its alerts, and of those it is wrong about.

Alerts are the question's top share of held-out people at one threshold for all forces and groups.
Beside any accuracy stand the base rate and the false alerts: per true one, and per thousand people
(Axelsson, "The base-rate fallacy and the difficulty of intrusion detection", 2000).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import Forces, Release, Scene
from sandbox.answers import answer
from sandbox.findings import Better, Finding
from sandbox.measures import fairness, outcome, ranking, resampling
from sandbox.measures.fairness import FEWEST, FlagsByGroup
from sandbox.measures.outcome import headline, judged, outcomes, units_of
from sandbox.measures.resampling import REPLICATES, Array

AXES = ("replicate", "outcome", "flagged")

SHOWN: dict[str, Better] = {
    "alerts_per_1000": "neither",
    "false_alerts_per_1000": "lower",
    "false_per_true_alert": "lower",
}
"""Figures, and which way is better."""


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """Held-out people by outcome and alert, in every bootstrap replicate."""

    threshold: int
    """Lowest score bin that raises an alert."""
    part: float = 1.0
    """Part of the people in that bin for whom it does."""
    name: str = "alerts"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Replicate, outcome, flagged, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's held-out people."""
        rows, places = judged(scene)
        happened = outcomes(scene.use_case, rows)
        flagged = (places > self.threshold) + self.part * (places == self.threshold)
        weight = resampling.weights(scene, units_of(rows))
        counts = [
            [weight @ (side * share) for share in (1 - flagged, flagged)]
            for side in (1 - happened, happened)
        ]
        return resampling.sparse(np.moveaxis(np.array(counts), 2, 0), AXES)


def load(counts: Array) -> dict[str, Array]:
    """Figures of merit of alerts, from counts of shape (..., outcome, flagged).

    Returns:
        Measure → figure per leading index, NaN where it is undefined.
    """
    everyone = counts.sum(axis=(-1, -2))
    wrong, right = counts[..., 0, 1], counts[..., 1, 1]
    return {
        "alerts_per_1000": _ratio(1000 * (wrong + right), everyone),
        "false_alerts_per_1000": _ratio(1000 * wrong, everyone),
        "false_per_true_alert": _ratio(wrong, right),
    }


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Review load for everyone, every protected group and every force.

    Raises:
        NotApplicableError: if the release does not answer the use case's question.
    """
    use_case = forces.use_case
    answered = Release(artefact=answer(release.artefact, use_case, forces.names))
    scored = outcome.counts_of(forces, answered, seed)
    if scored[0].sum() == 0:
        note = "nobody is held out, so alerts cannot be counted"
        return [Finding(measure="alerts_per_1000", value=None, better="neither", note=note)]
    threshold, part = ranking.cut(scored[0], outcome.question_of(use_case).top_share)
    tables = forces.assess(Alerts(threshold=threshold, part=part), answered, seed)
    shape = (REPLICATES + 1, 2, 2)
    each = {force: resampling.dense([table], AXES, shape) for force, table in tables.items()}
    found = _figures(np.sum(list(each.values()), axis=0))
    for force, counts in each.items():
        found += _figures(counts, force=force)
    names = fairness.group_names(use_case)
    if names:
        measure = FlagsByGroup(threshold=threshold, part=part)
        parts = forces.assess(measure, answered, seed).values()
        size = (REPLICATES + 1, len(names), 2, 2)
        flags = resampling.dense(parts, fairness.AXES, size)
        for place, name in enumerate(names):
            found += _figures(flags[:, place], group=name)
    return found


def _figures(counts: Array, *, group: str = "", force: str = "") -> list[Finding]:
    """Figures of one group or force; too few people are named as such."""
    if counts[0].sum() < FEWEST:
        note = f"too few to report: under {FEWEST} people"
        return [
            Finding(measure=name, value=None, better=better, group=group, force=force, note=note)
            for name, better in SHOWN.items()
        ]
    base = float(ranking.rates(counts)["base_rate"][0])
    found = []
    for name, figures in load(counts).items():
        made = headline(name, figures, SHOWN[name], group=group)
        fields = made.as_json() | {
            "force": force,
            "replicates": (),
            "note": made.note or f"base rate {base:.4f}",
        }
        found.append(Finding(**fields))  # type: ignore[arg-type]
    return found


def _ratio(above: Array, below: Array) -> Array:
    result: Array = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return result
