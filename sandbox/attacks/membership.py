"""Membership: was this person's record among those the release was made from?

The attacker knows all attributes of a candidate, which is the worst case. Against rows it looks for
the nearest released row (Yale et al. 2019; a lower bound on what a trained attack finds). Against a
model it takes a likely outcome as a sign of membership (Yeom et al. 2018, the loss attack).
Against statistics it asks whether the candidate's cell holds more than the population would put
there (Homer et al. 2008; Dwork et al. 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.spatial.distance import cdist
from scipy.special import expit, logit

from minimisation import (
    BinaryOutcome,
    Column,
    Encoding,
    GroupedStatistics,
    Microdata,
    RiskModel,
    Statistics,
    UseCase,
    groups,
)
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.measures.scores import WIDEST, as_probability, score


@dataclass(frozen=True, kw_only=True)
class Membership:
    """Scores candidates by whichever sign of membership the release gives."""

    name: ClassVar[str] = "membership"
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = (
        "Knows every recorded attribute of the person, which force holds it, and other people of "
        "the same population who are not in the data."
    )

    def scores(self, artefact: Artefact, use_case: UseCase, known: Known) -> Array:
        """Score of every candidate, in [0, 1]; one half throughout where nothing was released."""
        if isinstance(artefact, Microdata):
            return nearest(artefact, use_case, known)
        if isinstance(artefact, RiskModel):
            return likely(artefact, use_case, known.candidates)
        if isinstance(artefact, Statistics):
            return crowded(artefact, use_case, known)
        return np.full(known.candidates.num_rows, 0.5)


def nearest(release: Microdata, use_case: UseCase, known: Known) -> Array:
    """One minus the distance to the nearest released row of the force; identifiers settle it."""
    rows = release.table
    if FORCE in rows.column_names:
        rows = rows.filter(pc.equal(rows.column(FORCE), known.force))
    count = known.candidates.num_rows
    if rows.num_rows == 0:
        return np.full(count, 0.5)
    identifiers = [name for name in use_case.identifiers if name in rows.column_names]
    if identifiers:
        text = pa.schema([(name, pa.string()) for name in identifiers])
        named, asked = (each.select(identifiers).cast(text) for each in (rows, known.candidates))
        return exact_twins(identifiers, asked, named)
    encoding = common(use_case, rows)
    if not encoding.columns:
        return np.full(count, 0.5)
    ours, theirs = encoding.encode(known.candidates), encoding.encode(rows)
    return 1 - distances(encoding, ours, theirs)


def common(use_case: UseCase, rows: pa.Table) -> Encoding:
    """The attributes that released rows show, each with every label and on its public scale."""
    columns = tuple(
        column
        for column in use_case.columns
        if column.role != "direct_identifier" and column.name in rows.column_names
    )
    return Encoding(columns=columns, reference=False)


def distances(encoding: Encoding, ours: Array, theirs: Array) -> Array:
    """Distance of each of our rows to its nearest of theirs, in [0, 1]. Shape (n,).

    Mean over columns of the difference on the public scale, or of the chance that labels differ
    (Gower 1971).
    """
    weight = np.concatenate([_weights(encoding, column) for column in encoding.columns])
    best = np.full(len(ours), np.inf)
    theirs = np.unique(theirs, axis=0)
    for start in range(0, len(theirs), 8192):
        part = cdist(ours * weight, theirs[start : start + 8192] * weight, "cityblock")
        best = np.minimum(best, part.min(axis=1))
    return np.clip(best / len(encoding.columns), 0.0, 1.0)


def likely(model: RiskModel, use_case: UseCase, candidates: pa.Table) -> Array:
    """How likely the model called what happened to the candidate: log-odds ±12 as 0 to 1."""
    question = use_case.question
    if not isinstance(question, BinaryOutcome):
        return np.full(candidates.num_rows, 0.5)
    chance = as_probability(model, score(model, candidates))
    outcome = np.asarray(candidates.column(question.target), dtype=float)
    called = np.clip(np.where(outcome > 0, chance, 1 - chance), expit(-WIDEST), expit(WIDEST))
    sureness: Array = (logit(called) + WIDEST) / (2 * WIDEST)
    return sureness


def crowded(release: Statistics, use_case: UseCase, known: Known) -> Array:
    """How far the candidate's cell exceeds what the reference population puts there."""
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        return np.full(known.candidates.num_rows, 0.5)
    table = release.table
    if FORCE in question.by:
        table = table.filter(pc.equal(table.column(FORCE), known.force))
    keys = [key for key in question.by if key != FORCE]
    lead = question.statistics[0].name
    counts = np.nan_to_num(np.asarray(table.column(lead), dtype=float))
    released = dict(zip(_cells(table, keys), counts, strict=True))
    scale = max(counts.sum(), 0.0) / max(known.reference.num_rows, 1)
    expected: dict[tuple[object, ...], float] = {}
    for cell in _cells(_labelled(use_case, known.reference, keys), keys):
        expected[cell] = expected.get(cell, 0.0) + scale
    found = []
    for cell in _cells(_labelled(use_case, known.candidates, keys), keys):
        usual = expected.get(cell, 0.0)
        found.append((released.get(cell, 0.0) - usual) / np.sqrt(usual + 1.0))
    sureness: Array = expit(np.array(found))
    return sureness


def exact_twins(names: Sequence[str], ours: pa.Table, theirs: pa.Table) -> Array:
    """Whether each of our rows equals one of theirs on the named columns; ones and zeros. (n,)."""
    seen = set(_cells(theirs, names))
    return np.array([float(row in seen) for row in _cells(ours, names)])


def _weights(encoding: Encoding, column: Column) -> Array:
    """Weight of a column's terms: two labels that differ count once, not twice."""
    labels = encoding.labels(column)
    return np.ones(1 + column.optional) if labels is None else np.full(len(labels), 0.5)


def _cells(table: pa.Table, keys: Sequence[str]) -> list[tuple[object, ...]]:
    return list(zip(*(table.column(key).to_pylist() for key in keys), strict=True))


def _labelled(use_case: UseCase, rows: pa.Table, keys: list[str]) -> pa.Table:
    """The rows' key labels, by the public encoding."""
    labels = {}
    for key in keys:
        column = use_case.column(key)
        encoding = Encoding(columns=(column,), binned=True, reference=False)
        names = np.array([*groups.key_labels(use_case, key), "elsewhere"], dtype=object)
        hot = encoding.encode(rows)
        place = np.where(hot.sum(axis=1) > 0, hot.argmax(axis=1), len(names) - 1)
        labels[key] = pa.array(names[place], pa.string())
    return pa.table(labels)
