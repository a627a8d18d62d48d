"""Who is flagged, and who is flagged wrongly: rates per protected group at one threshold.

The same threshold holds in every force and group: the one that flags the question's top share of
all held-out people. Rates are those of Hardt, Price and Srebro (2016) and Chouldechova (2017).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Column, Encoding, Forces, Release, Scene, UseCase
from sandbox.ceiling import PooledCeiling
from sandbox.findings import Better, Finding
from sandbox.measures import outcome, ranking, resampling
from sandbox.measures.outcome import headline, judged, outcomes, units_of
from sandbox.measures.resampling import REPLICATES, Array
from sandbox.measures.scores import bin_probabilities

AXES = ("replicate", "group", "outcome", "flagged")

FEWEST = 30
"""Groups with fewer held-out people, or rates over fewer, are too small to report."""

SHOWN: dict[str, Better] = {
    "flag_rate": "neither",
    "base_rate": "neither",
    "precision": "higher",
    "false_positive_rate": "lower",
    "false_negative_rate": "lower",
    "overprediction": "neither",
}
"""Rates that are reported for every group, and which way is better."""


CHANGED = ("flag_rate", "precision", "false_positive_rate", "false_negative_rate")
"""Rates of which gaps, and changes against pooling, are reported."""

PREDICTED = 2
"""Place beside not flagged (0) and flagged (1) of the sum of predicted chances."""


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
        """Replicate, group (by its place in `group_names`, everyone last), outcome, flagged."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's held-out people."""
        rows, places = judged(scene)
        happened = outcomes(scene.use_case, rows)
        flagged = (places > self.threshold) + self.part * (places == self.threshold)
        chance = bin_probabilities()[places]
        everyone = np.ones((rows.num_rows, 1))
        belongs = np.hstack([membership(scene.use_case, rows), everyone])
        counts = np.zeros((REPLICATES + 1, belongs.shape[1], 2, 3))
        for which, weight in resampling.blocks(scene, units_of(rows)):
            for happens, side in enumerate((1 - happened, happened)):
                for place, share in enumerate((1 - flagged, flagged, chance)):
                    counts[which, :, happens, place] = (weight * (side * share)) @ belongs
        return resampling.sparse(counts, AXES)


def counted(
    forces: Forces, release: Release, seed: int, cut: tuple[int, float]
) -> dict[str, Array]:
    """Force → counts of (replicate, group, outcome, flagged or predicted), everyone last.

    Args:
        forces: opened.
        release: answers the question by a model.
        seed: the assessment's seed.
        cut: as `ranking.cut` gives it.
    """
    tables = forces.assess(FlagsByGroup(threshold=cut[0], part=cut[1]), release, seed)
    shape = (REPLICATES + 1, len(group_names(forces.use_case)) + 1, 2, 3)
    return {force: resampling.dense([table], AXES, shape) for force, table in tables.items()}


def group_names(use_case: UseCase) -> list[str]:
    """`column=label` of every protected group; bounded columns by their public bins."""
    return [f"{column.name}={label}" for column, label in _groups(use_case)]


def membership(use_case: UseCase, rows: pa.Table) -> Array:
    """Which rows belong to which protected group, shape (n, groups), of zeros and ones."""
    encoding = Encoding(columns=use_case.protected, binned=True, reference=False)
    return np.round(encoding.encode(rows))


def group_findings(use_case: UseCase, flags: Array, *, calibrated: bool = False) -> list[Finding]:
    """Rates per group, and the largest gap between groups of each protected column.

    Args:
        use_case: the question.
        flags: (replicates + 1, groups, outcome, flagged), everyone left out.
        calibrated: whether predicted chances stand beside the flags and are to be judged.
    """
    found: list[Finding] = []
    every, enough = _rates(flags, calibrated=calibrated)
    for place, name in enumerate(group_names(use_case)):
        for rate, figures in every.items():
            if enough[rate][place]:
                known = headline(rate, figures[:, place], SHOWN[rate], group=name)
                found.append(_without_replicates(known))
            else:
                found.append(_too_few(rate, name))
    found += [
        headline(f"{rate}_gap", gap, "lower", group=column)
        for column, rate, gap in _gaps(use_case, every, enough)
    ]
    return found


def change_findings(use_case: UseCase, flags: Array, pooled: Array) -> list[Finding]:
    """What the option changed for every group against pooling, on the same people.

    What pooling does to a group is not in it; a bias of the label stands in either.

    Args:
        use_case: the question.
        flags: (replicates + 1, groups, outcome, flagged) under the option, everyone left out.
        pooled: the same under the model that pooling every row would give.
    """
    found: list[Finding] = []
    (mine, enough), (theirs, also) = (_rates(each, calibrated=False) for each in (flags, pooled))
    both = {rate: enough[rate] & also[rate] for rate in CHANGED}
    for place, name in enumerate(group_names(use_case)):
        for rate in CHANGED:
            measure = f"{rate}_change"
            if not both[rate][place]:
                found.append(_too_few(measure, name))
                continue
            moved = mine[rate][:, place] - theirs[rate][:, place]
            found.append(_without_replicates(headline(measure, moved, "neither", group=name)))
    gaps = zip(_gaps(use_case, mine, both), _gaps(use_case, theirs, both), strict=True)
    for (column, rate, gap), (_, _, before) in gaps:
        widened = headline(f"{rate}_gap_change", gap - before, "lower", group=column)
        found.append(_without_replicates(widened))
    return found


def pooled_flags(forces: Forces, seed: int) -> Array:
    """Counts of (replicate, group, outcome, flagged) under the model that pooling would give.

    Worked out inside the assessment, without pooling.
    """
    question = forces.use_case.binary
    release = PooledCeiling().apply(forces, forces.use_case, np.random.default_rng(0))
    scored = outcome.counts_of(forces, release, seed)
    cut = ranking.cut(scored[0], question.top_share)
    total: Array = np.sum(list(counted(forces, release, seed, cut).values()), axis=0)
    return total


def _rates(
    flags: Array, *, calibrated: bool
) -> tuple[dict[str, Array], dict[str, npt.NDArray[np.bool_]]]:
    """Rate → (replicates, groups), and rate → (groups,) whether enough people stand behind it."""
    counts = flags[..., :PREDICTED]
    every = {rate: figures for rate, figures in ranking.rates(counts).items() if rate in SHOWN}
    enough = {rate: people >= FEWEST for rate, people in _denominators(counts).items()}
    if calibrated:
        people = counts.sum(axis=(-1, -2))
        over = flags[..., PREDICTED].sum(axis=-1) - counts[..., 1, :].sum(axis=-1)
        every["overprediction"] = np.divide(
            over, people, out=np.full(over.shape, np.nan), where=people > 0
        )
        enough["overprediction"] = enough["flag_rate"]
    return every, enough


def _gaps(
    use_case: UseCase, every: dict[str, Array], enough: dict[str, npt.NDArray[np.bool_]]
) -> Iterator[tuple[str, str, Array]]:
    """Protected column, rate and largest difference between its reported groups, per replicate."""
    names = group_names(use_case)
    for column in use_case.protected:
        mine = np.array([name.startswith(f"{column.name}=") for name in names])
        for rate in (*CHANGED, "overprediction"):
            if rate in enough and (reported := mine & enough[rate]).sum() > 1:
                figures = every[rate][:, reported]
                yield column.name, rate, np.nanmax(figures, axis=1) - np.nanmin(figures, axis=1)


def _too_few(measure: str, group: str) -> Finding:
    better = SHOWN.get(measure, "neither")
    note = f"too few to report: under {FEWEST} people"
    return Finding(measure=measure, value=None, better=better, group=group, note=note)


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
