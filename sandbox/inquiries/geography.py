"""How fine the geography has to be: usefulness at every level that the use case names.

For counts by place: the exact counts of a coarser level, spread evenly over its places, against
the exact counts of the finest. For an outcome: the model with each level's column added.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pyarrow as pa

from minimisation import (
    BinaryOutcome,
    Forces,
    GroupedStatistics,
    NotApplicableError,
    Release,
    Scene,
    Statistics,
    UseCase,
)
from minimisation.contract.usecase import FORCE
from sandbox.curves import fits, judge
from sandbox.curves.columns import Point
from sandbox.curves.fits import Setting
from sandbox.findings import Better, Finding
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.measures import resampling
from sandbox.measures.resampling import REPLICATES, Array, Integers
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class GeographyNeeded:
    """The curve of usefulness against geographic detail."""

    topic: str = "curve/geography"
    """Under what it is found."""
    title: str = "How fine does the geography have to be?"
    """What is asked."""

    def run(self, study: Study) -> Answer:
        """Judge every level."""
        use_case = study.plan.use_case
        if not use_case.geography:
            raise NotApplicableError("the use case names no levels of geography")
        counts = isinstance(use_case.question, GroupedStatistics)
        points = spread_points(study) if counts else added_points(study)
        better: Better = "lower" if counts else "higher"
        measure = "total_variation" if counts else "auc"
        floor = use_case.floor
        return Answer(
            summary=(
                "The exact counts of every level were spread evenly over its smallest places."
                if counts
                else "The model was fitted without geography and with every level of it."
            ),
            findings=tuple(
                Finding(
                    measure=f"{measure}_by:{point.label}",
                    value=point.value,
                    better=better,
                    low=point.low,
                    high=point.high,
                    baseline=floor.value if floor.measure == measure else None,
                )
                for point in points
            ),
            data={
                "measure": measure,
                "floor": asdict(floor),
                "points": [asdict(point) for point in points],
            },
        )


def added_points(study: Study) -> list[Point]:
    """Area under the curve without geography and with each level's column added."""
    use_case = with_places(study.plan.use_case)
    levels = [level for level in use_case.geography if level != FORCE]
    plain = study.plan.use_case.binary.features
    columns = [plain, *((*plain, level) for level in reversed(levels) if level not in plain)]
    with outcome_forces(study, use_case) as forces:
        found = fits.fit(forces, [Setting(columns=each) for each in columns])
        area = judge.areas(forces, found, study.plan.file.seed)
    points = []
    for place, (each, row) in enumerate(zip(columns, area, strict=True)):
        low, high = judge.interval(row[1:])
        label = "no geography" if each == plain else each[-1]
        value = float(row[0])
        points.append(Point(kept=float(place), label=label, value=value, low=low, high=high))
    return points


def with_places(use_case: UseCase) -> UseCase:
    """The use case with its geographic columns among the features."""
    question = use_case.question
    if not isinstance(question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    more = [n for n in use_case.geography if n != FORCE and n not in question.features]
    return replace(use_case, question=replace(question, features=(*question.features, *more)))


@dataclass(frozen=True, kw_only=True)
class SpreadEvenly:
    """Distance between the finest counts and every coarser level's, spread evenly.

    Places do not straddle forces, so distances add up over them.
    """

    levels: tuple[str, ...]
    """From the finest to the coarsest."""
    others: tuple[str, ...]
    """The question's other group keys."""
    name: str = "geography-spread"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Replicate, level (the last is the total count), value."""
        return resampling.sparse_schema(("replicate", "level"))

    def observe(self, scene: Scene) -> pa.Table:
        """Sum the distances of this force's rows."""
        names = [level for level in self.levels if level != FORCE]
        rows = scene.members.union(scene.held_out).project(
            ", ".join(f'"{name}"' for name in ("unit", *names, *self.others))
        )
        table = rows.to_arrow_table()
        weight = resampling.weights(scene, np.asarray(table.column("unit"), dtype=np.int64))
        other, _ = _codes(table, self.others)
        counts = np.zeros((REPLICATES + 1, len(self.levels) + 1))
        counts[:, -1] = weight.sum(axis=1)
        fine, places = _codes(table, (names[0],))
        exact = _table(fine, other, weight, (places, int(other.max(initial=-1)) + 1))
        for at, level in enumerate(self.levels):
            owner = _owners(table, names[0], level, fine, places)
            lies = np.eye(int(owner.max(initial=-1)) + 1)[owner]
            even = lies @ np.diag(1 / lies.sum(axis=0)) @ lies.T
            gap = exact - even @ exact
            # the signs of the data stand, or the noise of resampling would add to every distance
            counts[:, at] = (np.sign(gap[0]) * gap).sum(axis=(1, 2)) / 2
        return resampling.sparse(counts, ("replicate", "level"))


def spread_points(study: Study) -> list[Point]:
    """Total variation of every level from the finest."""
    use_case = study.plan.use_case
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        raise TypeError("question must be GroupedStatistics")
    others = tuple(key for key in question.by if key not in (*use_case.geography, FORCE))
    with study.forces() as forces:
        return distances(forces, use_case.geography, others, study.plan.file.seed)


def distances(
    forces: Forces, levels: Sequence[str], others: tuple[str, ...], seed: int
) -> list[Point]:
    """Total variation of every level, from the finest to the coarsest, over all forces."""
    nothing = Release(artefact=Statistics(table=pa.table({})))
    measure = SpreadEvenly(levels=tuple(levels), others=others)
    axes, shape = ("replicate", "level"), (REPLICATES + 1, len(levels) + 1)
    counts = resampling.dense(forces.assess(measure, nothing, seed).values(), axes, shape)
    share = counts[:, :-1] / np.maximum(counts[:, -1:], 1)
    points = []
    for at, level in enumerate(levels):
        low, high = resampling.interval(share[1:, at])
        label, value = level, float(share[0, at])
        points.append(Point(kept=float(at), label=label, value=value, low=low, high=high))
    return points


def _codes(table: pa.Table, names: Sequence[str]) -> tuple[Integers, int]:
    """A number for every combination of labels, shape (n,), and how many there are."""
    code = np.zeros(table.num_rows, dtype=np.int64)
    for name in names:
        values = table.column(name).combine_chunks().dictionary_encode()
        indices = np.asarray(values.indices.fill_null(len(values.dictionary)))
        code = code * (len(values.dictionary) + 1) + indices
    known, place = np.unique(code, return_inverse=True)
    return place.astype(np.int64), len(known)


def _table(rows: Integers, columns: Integers, weight: Array, shape: tuple[int, int]) -> Array:
    """Weighted counts of (replicate, row, column)."""
    flat = resampling.histogram(rows * shape[1] + columns, shape[0] * shape[1], weight)
    return flat.reshape(-1, *shape)


def _owners(table: pa.Table, finest: str, level: str, fine: Integers, places: int) -> Integers:
    """The place of a level that every finest place lies in, shape (places,)."""
    if level == finest:
        return np.arange(places)
    if level == FORCE:
        return np.zeros(places, dtype=np.int64)
    coarse, _ = _codes(table, (level,))
    owner = np.zeros(places, dtype=np.int64)
    owner[fine] = coarse
    return np.unique(owner, return_inverse=True)[1].astype(np.int64)
