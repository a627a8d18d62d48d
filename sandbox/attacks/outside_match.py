"""Matching an outside file: a motivated intruder looks for people known from elsewhere.

The intruder of the Information Commissioner's guidance on anonymisation (2025) has a file with
names and some of the attributes, and takes a released row for a person's if it is the only one that
agrees with what the file says. A match is right if the row agrees with all of the person's record.
Elliot, Mackey and O'Hara, The Anonymisation Decision-Making Framework (2020).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minimisation import Forces, Microdata, Release, UseCase
from minimisation.contract.release import Artefact
from sandbox.attacks import tally, tally_verdict
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.cells import possible
from sandbox.attacks.tally import Source, Tally
from sandbox.attacks.targeted import TargetedTrial
from sandbox.findings import Finding
from sandbox.rates import Rate

CLAIMED, RIGHT = "claimed", "matched to the right record"

CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class OutsideMatch:
    """Claims the only released row that agrees with the outside file."""

    columns: tuple[str, ...] = ()
    """Columns of the outside file; by default released identifiers and quasi-identifiers."""
    name: ClassVar[str] = "outside_match"
    needs: ClassVar[Needs] = "release"

    @property
    def background(self) -> str:
        """What the intruder is taken to know."""
        named = ", ".join(self.columns) or "direct identifiers and quasi-identifiers"
        return f"Knows of people, some of whom are in the data: their names and {named}."

    def hits(
        self, artefact: Artefact, use_case: UseCase, known: Known, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Claims, and those that are right; none unless rows were released."""
        del rng
        if not isinstance(artefact, Microdata):
            return {}
        rows = of_force(artefact.table, known.force)
        shown = [column for column in use_case.columns if column.name in rows.column_names]
        file = [
            column.name
            for column in shown
            if (column.name in self.columns if self.columns else column.role in _FILED)
        ]
        if rows.num_rows == 0 or not file:
            return {}
        rest = [column.name for column in shown if column.name not in file]
        claimed = np.zeros(known.candidates.num_rows)
        right = np.zeros(known.candidates.num_rows)
        for start in range(0, len(claimed), CHUNK):
            asked = known.candidates.slice(start, CHUNK)
            agrees = possible(asked, rows, file)
            alone = agrees.sum(axis=1) == 1
            row = rows.take(agrees.argmax(axis=1))
            same = possible(asked, row, rest).diagonal()
            claimed[start : start + CHUNK] = alone
            right[start : start + CHUNK] = alone & same
        return {CLAIMED: claimed, RIGHT: right}


_FILED = ("direct_identifier", "quasi_identifier")


def findings(
    forces: Forces, release: Release, seed: int, columns: tuple[str, ...] = ()
) -> list[Finding]:
    """Matches, residual risk and the precision of the intruder's claims.

    Args:
        forces: opened.
        release: what is attacked.
        seed: the assessment's seed, equal for all options.
        columns: of the outside file; see `OutsideMatch`.
    """
    attack = OutsideMatch(columns=columns)
    tables = forces.assess(TargetedTrial(attacks=(attack,)), release, seed)
    return told(attack, Tally.of(tables.values()))


def told(attack: OutsideMatch, found: Tally) -> list[Finding]:
    """Matches, residual risk and the precision of the intruder's claims."""
    right = Tally(counts={key: rate for key, rate in found.counts.items() if key[0] == RIGHT})
    results = tally_verdict.findings(attack.name, attack.background, right)
    if results[0].value is None:
        return results
    return [*results[:2], _precision(attack, found), *results[2:]]


def _precision(attack: OutsideMatch, found: Tally) -> Finding:
    sides = []
    for inside in (True, False):
        claims = found.rate(CLAIMED, Source.RELEASE, inside=inside)
        sides.append(
            Rate(hits=found.rate(RIGHT, Source.RELEASE, inside=inside).hits, tries=claims.hits)
        )
    if not sides[0].tries:
        note = "no row agreed with one person alone"
        return tally.none(f"{attack.name}_precision", note, attack=attack.name)
    low, high = sides[0].wilson()
    return Finding(
        measure=f"{attack.name}_precision",
        attack=attack.name,
        background=attack.background,
        needs="release",
        value=sides[0].share,
        better="neither",
        low=low,
        high=high,
        control=sides[1].share if sides[1].tries else None,
        note=f"right among {sides[0].tries:.0f} claims about members",
    )
