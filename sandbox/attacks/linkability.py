"""Linkability: do released rows tell which two parts of a record belong to one person?

Two attackers each hold a file about the same people, one with some of the columns and one with the
others, and no common key. *Shared row*: both halves have the same nearest released row (Giomi and
others, PoPETs 2023, with one neighbour). *Re-joined*: the first half's nearest released row
supplies the other columns, and the nearest record of the second file is taken for the same person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from minimisation import Forces, Microdata, Release, UseCase
from minimisation.contract.release import Artefact
from sandbox.attacks import guesses, tally, tally_verdict
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.targeted import TargetedTrial
from sandbox.findings import Finding

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Linkability:
    """Links the quasi-identifiers of a person to the rest of the person's record."""

    name: ClassVar[str] = "linkability"
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = (
        "Holds the quasi-identifiers of people in one file and their other recorded attributes in "
        "another, with nothing that joins the two."
    )

    def hits(
        self, artefact: Artefact, use_case: UseCase, known: Known, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Right links by how they were made; none unless rows were released."""
        if not isinstance(artefact, Microdata):
            return {}
        rows = of_force(artefact.table, known.force)
        one, other = halves(use_case, rows.column_names)
        if rows.num_rows == 0 or not one or not other:
            return {}
        (a, b), (theirs_a, theirs_b) = (
            [guesses.scaled(use_case, half, table) for half in (one, other)]
            for table in (known.candidates, rows)
        )
        by_one, by_other = nearest(a, theirs_a, rng), nearest(b, theirs_b, rng)
        joined = nearest(theirs_b[by_one], b, rng)
        return {
            "both halves nearest to one row": (by_one == by_other).astype(float),
            "halves re-joined through a row": (joined == np.arange(len(joined))).astype(float),
        }


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Success and residual risk of the better way of linking, for everyone and by group."""
    attack = Linkability()
    tables = forces.assess(TargetedTrial(attacks=(attack,)), release, seed)
    found = tally.Tally.of(tables.values())
    return tally_verdict.findings(attack.name, attack.background, found)


def halves(use_case: UseCase, released: Sequence[str]) -> tuple[list[str], list[str]]:
    """Released quasi-identifiers, and the other released attributes.

    Where there is none of one kind, every other column goes to either side.
    """
    shown = [
        column
        for column in use_case.columns
        if column.role != "direct_identifier" and column.name in released
    ]
    one = [column.name for column in shown if column.role == "quasi_identifier"]
    other = [column.name for column in shown if column.role != "quasi_identifier"]
    if one and other:
        return one, other
    names = [column.name for column in shown]
    return names[0::2], names[1::2]


def nearest(ours: Array, theirs: Array, rng: np.random.Generator) -> Integers:
    """Place of the row nearest to each of ours, one of them at random in a tie. Shape (n,)."""
    found = np.empty(len(ours), dtype=np.int64)
    for start in range(0, len(ours), 64):
        apart = cdist(ours[start : start + 64], theirs, "cityblock")
        apart += rng.random(apart.shape) * 1e-9
        found[start : start + 64] = apart.argmin(axis=1)
    return found
