"""A membership attack put to trial inside each force, beside its controls.

Members are compared with people of the same population who were held out, so that learning about
the population is not counted as a leak. Three controls, or no verdict:

- *It finds a leak.* Against a raw copy of the members the attack on rows reaches the exact-match
  ceiling of this data; the attacks on models and tables find the few people that a model or table
  was made of alone.
- *It finds nothing in nothing.* Against a release of the same kind made of other people, members
  and held-out people cannot be told apart: they are alike, and the attack does not peek.
- *Held-out people are alike.* On the release itself, one half of them cannot be told from the
  other.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pyarrow as pa

from minimisation import BinaryOutcome, Microdata, Scene, UseCase
from minimisation.contract.encoding import numbers
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from minimisation.options.rows import column_schema
from sandbox.answers import answer
from sandbox.attacks import targets
from sandbox.attacks.attack import Array, Attack, Known
from sandbox.attacks.membership import Membership, exact_twins
from sandbox.attacks.targets import People, Targets
from sandbox.measures import fairness, resampling
from sandbox.measures.resampling import REPLICATES, Integers

BINS = 1024
"""Bins of an attack's score; the last is kept for certainty, such as an exact match."""

FEW = 10
"""Members of a force of whom alone the leaking model or table is made."""

AXES = ("trial", "group", "replicate", "member", "bin")


class Trial(IntEnum):
    """What the scores of a trial are about."""

    RELEASE = 0
    """Members against held-out people, on the release."""
    LEAK = 1
    """Those it was made of against held-out people, on a release that gives people away."""
    HOLDOUT = 2
    """Held-out people against other held-out people, on the release."""
    UNRELATED = 3
    """Members against held-out people, on a release made of neither."""
    TWINS = 4
    """Bin 1: held-out candidates with an exact twin among members; bin 0: without."""


@dataclass(frozen=True, kw_only=True)
class MembershipTrial:
    """Histograms of attack scores in every trial and bootstrap replicate."""

    attack: Attack = field(default_factory=Membership)
    """The attack."""
    most: int = targets.MOST
    """Most members, and most others, that are drawn at random in each force."""
    name: str = "membership-trial"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Trial, group (by its place in `groups_of`), replicate, member (0 or 1), bin, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Attack this force's people; groups other than everyone have replicate 0 alone."""
        rng = scene.rng()
        chosen = targets.drawn(scene, rng, self.most)
        people, size = chosen.people, chosen.size
        whole = np.arange(2 * size)
        counts = np.zeros((len(Trial), REPLICATES + 1, 2, BINS))
        if size == 0:
            return resampling.sparse(counts[:, None], AXES)
        chance = rng.poisson(1.0, (REPLICATES, 2 * size)).astype(float)
        weight = np.vstack([np.ones(2 * size), chance])
        leak, caught = leaking(scene, people)
        caught = caught[caught < size]
        for trial, artefact, attacked in (
            (Trial.RELEASE, scene.artefact, whole),
            (Trial.LEAK, leak, np.r_[whole[:size], size + caught]),
            (Trial.UNRELATED, like(scene, people.strangers), whole),
        ):
            outside, inside = self._scores(scene, people, artefact, rng)
            found = np.r_[outside[:size], inside[:size]]
            place = (attacked >= size).astype(np.int64)
            counts[trial] = _histogram(place, found[attacked], weight[:, attacked])
            if trial is Trial.RELEASE:
                halves = np.arange(size) % 2
                counts[Trial.HOLDOUT] = _histogram(halves, found[:size], weight[:, :size])
                groups = _by_group(chosen, outside, inside)
        known = people.outsiders[:size]
        twins = exact_twins(shown(scene), known, people.everybody).astype(np.int64)
        counts[Trial.TWINS, :, 0, :2] = resampling.histogram(twins, 2, weight[:, :size])
        everyone = resampling.sparse(counts[:, None], AXES)
        return pa.concat_tables([everyone, groups]).cast(self.schema)

    def _scores(
        self, scene: Scene, people: People, artefact: Artefact, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Scores of outsiders and of insiders; the attacker sees them shuffled."""
        candidates = pa.concat_tables([people.outsiders, people.insiders])
        order = rng.permutation(candidates.num_rows)
        known = Known(
            force=scene.force,
            candidates=candidates.take(pa.array(order)),
            reference=people.reference,
        )
        scores = np.empty(len(order))
        scores[order] = self.attack.scores(artefact, scene.use_case, known)
        return scores[: people.outsiders.num_rows], scores[people.outsiders.num_rows :]


def groups_of(use_case: UseCase) -> tuple[str, ...]:
    """Groups of a trial in their order: everyone, the outliers, the protected groups."""
    return (targets.EVERYONE, targets.OUTLIERS, *fairness.group_names(use_case))


def _by_group(chosen: Targets, outside: Array, inside: Array) -> pa.Table:
    """Counts of the release's trial for every group but everyone, without replicates."""
    names = [name for name in chosen.inside if name not in (targets.EVERYONE, targets.OUTLIERS)]
    counts = np.zeros((1, 2 + len(names), 1, 2, BINS))
    for place, name in enumerate((targets.OUTLIERS, *names), start=1):
        flags = np.r_[chosen.outside[name], chosen.inside[name]]
        member = np.r_[np.zeros(len(outside)), np.ones(len(inside))].astype(np.int64)[flags]
        scores = np.r_[outside, inside][flags]
        counts[0, place] = _histogram(member, scores, np.ones((1, len(scores))))
    return resampling.sparse(counts, AXES)


def leaking(scene: Scene, people: People) -> tuple[Artefact, Integers]:
    """A release that gives people away by construction, and which insiders it is made of.

    Rows: a raw copy of every member. A model or a table: made of a few members alone, half of them
    with the outcome where one is asked about, so that it cannot but remember them.
    """
    size = people.insiders.num_rows
    if isinstance(scene.artefact, Microdata):
        return like(scene, people.everybody), np.arange(size)
    few = np.arange(min(FEW, size))
    question = scene.use_case.question
    if isinstance(question, BinaryOutcome):
        happened = numbers(people.insiders.column(question.target).combine_chunks()) > 0
        few = np.r_[np.flatnonzero(happened)[: FEW // 2], np.flatnonzero(~happened)[: FEW // 2]]
    return like(scene, people.insiders.take(pa.array(few))), few


def like(scene: Scene, rows: pa.Table) -> Artefact:
    """An exact release of the kind that is attacked, made of these rows: a copy, model or table."""
    names = shown(scene)
    force = pa.array([scene.force] * rows.num_rows, pa.string())
    typed = rows.select(names).cast(column_schema(scene.use_case, names))
    copy = Microdata(table=typed.append_column(FORCE, force))
    if isinstance(scene.artefact, Microdata):
        return copy
    return answer(copy, scene.use_case, (scene.force,))


def shown(scene: Scene) -> list[str]:
    """Columns that the release shows; what the question needs where the release is no rows."""
    if isinstance(scene.artefact, Microdata):
        released = scene.artefact.table.column_names
        return [column.name for column in scene.use_case.columns if column.name in released]
    return list(scene.use_case.needed)


def _histogram(member: Integers, scores: Array, weight: Array) -> Array:
    certain = scores >= 1.0
    place = np.where(certain, BINS - 1, np.clip((scores * BINS).astype(np.int64), 0, BINS - 2))
    counts = resampling.histogram(member * BINS + place, 2 * BINS, weight)
    return counts.reshape(-1, 2, BINS)
