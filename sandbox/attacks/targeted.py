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
    """Counts attacks' successes on the release and on the releases of their controls."""

    attacks: tuple[TargetedAttack, ...]
    """The attacks, all tried on the same people."""
    most: int = targets.MOST
    """Most members, and most others, that are drawn at random in each force."""

    @property
    def name(self) -> str:
        """Name in the audit log."""
        return f"{'-and-'.join(each.name.replace('_', '-') for each in self.attacks)}-trial"

    @property
    def schema(self) -> pa.Schema:
        """Attack, what, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Attack this force's people."""
        rng = scene.rng()
        chosen = targets.drawn(scene, rng, self.most)
        people = chosen.people
        found: list[dict[str, object]] = []
        if not people.enough:
            return pa.Table.from_pylist(found, schema=tally.SCHEMA)
        leak, caught = trial.leaking(scene, people)
        few = len(caught) < people.insiders.num_rows
        alone = np.isin(np.arange(people.insiders.num_rows), caught)
        for source, artefact in (
            (Source.RELEASE, scene.artefact),
            (Source.COPY, leak),
            (Source.STRANGERS, trial.like(scene, people.strangers)),
            (Source.REFERENCE, trial.like(scene, people.reference)),
        ):
            groups = chosen.inside
            if source is Source.COPY and few:
                groups = {targets.EVERYONE: alone}
            for attack in self.attacks:
                outside, inside = _hits(attack, scene, people, artefact)
                name = attack.name
                found += tally.rows(source, outside, chosen.outside, inside=False, attack=name)
                found += tally.rows(source, inside, groups, inside=True, attack=name)
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)


def _hits(
    attack: TargetedAttack, scene: Scene, people: targets.People, artefact: Artefact
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Successes on outsiders and on insiders; the attacker sees them shuffled."""
    rng = np.random.default_rng([scene.seed, *scene.force.encode(), *attack.name.encode()])
    candidates = pa.concat_tables([people.outsiders, people.insiders])
    order = rng.permutation(candidates.num_rows)
    known = Known(
        force=scene.force,
        candidates=candidates.take(pa.array(order)),
        reference=people.reference,
    )
    back, size = np.argsort(order), people.outsiders.num_rows
    found = attack.hits(artefact, scene.use_case, known, rng)
    laid = {what: np.asarray(each, dtype=float)[back] for what, each in found.items()}
    return (
        {what: each[:size] for what, each in laid.items()},
        {what: each[size:] for what, each in laid.items()},
    )
