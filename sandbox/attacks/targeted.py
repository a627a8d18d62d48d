"""An attack on single people put to trial inside each force, beside its controls."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from minimisation import Scene, UseCase
from minimisation.contract.release import Artefact
from sandbox.attacks import tally, targets, trial
from sandbox.attacks.attack import Array, Known
from sandbox.attacks.tally import Source


class TargetedAttack(Protocol):
    """A frozen value that tries something on every candidate and says whether it succeeded."""

    @property
    def name(self) -> str:
        """Snake-case name."""

    @property
    def background(self) -> str:
        """What the attacker is taken to know."""

    def hits(
        self, artefact: Artefact, use_case: UseCase, known: Known, rng: np.random.Generator
    ) -> dict[str, Array]:
        """What was tried → successes, zeros and ones of shape (n,); empty if it does not apply."""


@dataclass(frozen=True, kw_only=True)
class TargetedTrial:
    """Counts an attack's successes on the release and on the releases of its controls."""

    attack: TargetedAttack
    """The attack."""

    @property
    def name(self) -> str:
        """Name in the audit log."""
        return f"{self.attack.name.replace('_', '-')}-trial"

    @property
    def schema(self) -> pa.Schema:
        """What, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Attack this force's people."""
        rng = scene.rng()
        chosen = targets.drawn(scene, rng)
        people = chosen.people
        found: list[dict[str, object]] = []
        if 0 in (people.insiders.num_rows, people.outsiders.num_rows, people.strangers.num_rows):
            return pa.Table.from_pylist(found, schema=tally.SCHEMA)
        leak, caught = trial.leaking(scene, people)
        few = len(caught) < min(targets.MOST, people.insiders.num_rows)
        for source, artefact in (
            (Source.RELEASE, scene.artefact),
            (Source.COPY, leak),
            (Source.STRANGERS, trial.like(scene, people.strangers)),
            (Source.REFERENCE, trial.like(scene, people.reference)),
        ):
            hits = self._hits(scene, people, artefact, rng)
            size = people.outsiders.num_rows
            outside = {what: each[:size] for what, each in hits.items()}
            inside = {what: each[size:] for what, each in hits.items()}
            groups = chosen.inside
            if source is Source.COPY and few:
                alone = np.isin(np.arange(people.insiders.num_rows), caught)
                groups = {targets.EVERYONE: alone}
            found += tally.rows(source, outside, chosen.outside, inside=False)
            found += tally.rows(source, inside, groups, inside=True)
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)

    def _hits(
        self, scene: Scene, people: trial.People, artefact: Artefact, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Successes on outsiders, then insiders; the attacker sees them shuffled."""
        candidates = pa.concat_tables([people.outsiders, people.insiders])
        order = rng.permutation(candidates.num_rows)
        known = Known(
            force=scene.force,
            candidates=candidates.take(pa.array(order)),
            reference=people.reference,
        )
        back = np.argsort(order)
        found = self.attack.hits(artefact, scene.use_case, known, rng)
        return {what: np.asarray(each, dtype=float)[back] for what, each in found.items()}
