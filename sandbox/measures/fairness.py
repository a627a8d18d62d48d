"""Who is flagged, and who is flagged wrongly: rates per protected group at one threshold.

The same threshold holds in every force and group: the one that flags the question's top share of
all held-out people. Rates are those of Hardt, Price and Srebro (2016) and Chouldechova (2017).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import Column, Encoding, Forces, Release, Scene, UseCase
from sandbox.findings import Better, Finding
from sandbox.measures import ranking, resampling
from sandbox.measures.outcome import headline, judged, outcomes, units_of
from sandbox.measures.resampling import REPLICATES, Array

AXES = ("replicate", "group", "outcome", "flagged")

FEWEST = 30
"""Groups with fewer held-out people, or rates over fewer, are too small to report."""

SHOWN: dict[str, Better] = {
    "flag_rate": "neither",
    "base_rate": "neither",
    "precision": "higher",
    "false_positive_rate": "lower",
    "false_negative_rate": "lower",
}
"""Rates that are reported for every group, and which way is better."""


@dataclass(frozen=True, kw_only=True)
class FlagsByGroup:
    """Held-out people by protected group, outcome and flag, in every bootstrap replicate."""

    threshold: int
    """Lowest score bin that is flagged."""
    part: float = 1.0
    """Part of the people in that bin who are: the list may end within a tie."""
    name: str = "flags-by-group"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Replicate, group (by its place in `group_names`), outcome, flagged, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's held-out people."""
        rows, places = judged(scene)
        happened = outcomes(scene.use_case, rows)
        flagged = (places > self.threshold) + self.part * (places == self.threshold)
        weight = resampling.weights(scene, units_of(rows))
        belongs = membership(scene.use_case, rows)
        counts = [
            [(weight * side * share) @ belongs for share in (1 - flagged, flagged)]
            for side in (1 - happened, happened)
        ]
        return resampling.sparse(np.moveaxis(np.array(counts), (0, 1), (2, 3)), AXES)


def group_names(use_case: UseCase) -> list[str]:
    """`column=label` of every protected group; bounded columns by their public bins."""
    return [f"{column.name}={label}" for column, label in _groups(use_case)]


def membership(use_case: UseCase, rows: pa.Table) -> Array:
    """Which rows belong to which protected group, shape (n, groups), of zeros and ones."""
    encoding = Encoding(columns=use_case.protected, binned=True, reference=False)
    return np.round(encoding.encode(rows))


def findings(forces: Forces, release: Release, seed: int, cut: tuple[int, float]) -> list[Finding]:
    """Rates per group, and the largest gap between groups of each protected column."""
    use_case = forces.use_case
    names = group_names(use_case)
    if not names:
        return []
    tables = forces.assess(FlagsByGroup(threshold=cut[0], part=cut[1]), release, seed)
    shape = (REPLICATES + 1, len(names), 2, 2)
    flags = resampling.dense(tables.values(), AXES, shape)
    return group_findings(use_case, flags)


def group_findings(use_case: UseCase, flags: Array) -> list[Finding]:
    """Findings from counts of shape (replicates + 1, groups, outcome, flagged)."""
    found: list[Finding] = []
    names = group_names(use_case)
    every = ranking.rates(flags)
    enough = {rate: _denominators(flags)[rate] >= FEWEST for rate in SHOWN}
    for place, name in enumerate(names):
        for rate, better in SHOWN.items():
            if enough[rate][place]:
                figures = every[rate][:, place]
                found.append(_without_replicates(headline(rate, figures, better, group=name)))
            else:
                note = f"too few to report: under {FEWEST} people"
                found.append(
                    Finding(measure=rate, value=None, better=better, group=name, note=note)
                )
    for column in use_case.protected:
        mine = np.array([name.startswith(f"{column.name}=") for name in names])
        for rate in ("flag_rate", "false_positive_rate", "false_negative_rate", "precision"):
            reported = mine & enough[rate]
            if reported.sum() > 1:
                figures = np.nanmax(every[rate][:, reported], axis=1) - np.nanmin(
                    every[rate][:, reported], axis=1
                )
                found.append(headline(f"{rate}_gap", figures, "lower", group=column.name))
    return found


def _denominators(flags: Array) -> dict[str, Array]:
    observed = flags[0]
    return {
        "flag_rate": observed.sum(axis=(-1, -2)),
        "base_rate": observed.sum(axis=(-1, -2)),
        "precision": observed[:, :, 1].sum(axis=-1),
        "false_positive_rate": observed[:, 0, :].sum(axis=-1),
        "false_negative_rate": observed[:, 1, :].sum(axis=-1),
    }


def _without_replicates(finding: Finding) -> Finding:
    kept = finding.as_json() | {"replicates": (), "value": finding.value}
    return Finding(**kept)  # type: ignore[arg-type]


def _groups(use_case: UseCase) -> Iterator[tuple[Column, str]]:
    encoding = Encoding(columns=use_case.protected, binned=True, reference=False)
    for column in use_case.protected:
        for label in encoding.labels(column) or ():
            yield column, label
