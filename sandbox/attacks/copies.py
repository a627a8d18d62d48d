"""Copies: are there more exact copies of members' records in released rows than of other people's?

A model that memorised one person in a hundred hardly moves an average over a few hundred people.
Copies can be counted over everybody instead, which finds few of them. Equal records of different
people are no leak: as many of them would be found of people who are not in the data (the control).
Carlini and others, "Extracting training data from large language models" (2021), for tables.
"""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from minimisation import Forces, Microdata, Release, Scene
from minimisation.contract.release import Artefact
from sandbox.attacks import tally, tally_verdict, trial
from sandbox.attacks.attack import Array, Needs
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.cells import is_generalised
from sandbox.attacks.membership import exact_twins
from sandbox.attacks.tally import Source
from sandbox.findings import Finding

WHAT = "exact copies"

FEWEST_COLUMNS = 4
"""Fewest plain attributes that make a copy of a record."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Counts members, and held-out people, of whose record a released row is an exact copy."""

    name: str = "copies-trial"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = "Knows every recorded attribute of the person."

    @property
    def schema(self) -> pa.Schema:
        """Attack, what, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Look for copies of all of this force's people."""
        names = plain_columns(scene)
        sides = [
            each.order("share, unit").to_arrow_table() for each in (scene.members, scene.held_out)
        ]
        found: list[dict[str, object]] = []
        if len(names) < FEWEST_COLUMNS or min(side.num_rows for side in sides) < 2:  # noqa: PLR2004
            return pa.Table.from_pylist(found, schema=tally.SCHEMA)
        columns = [column.name for column in scene.use_case.columns]
        members, others = (side.select(columns) for side in sides)
        strangers, rest = others[0 : len(others) // 2], others[len(others) // 2 :]
        for source, artefact, control in (
            (Source.RELEASE, scene.artefact, others),
            (Source.COPY, trial.like(scene, members), others),
            (Source.STRANGERS, trial.like(scene, strangers), rest),
        ):
            for people, inside in ((members, True), (control, False)):
                hits = {WHAT: copied(artefact, scene.force, people, names)}
                found += tally.rows(source, hits, inside=inside, attack="copies")
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)


def copied(artefact: Artefact, force: str, people: pa.Table, names: list[str]) -> Array:
    """Whether a released row equals each person's record; ones and zeros. Shape (n,)."""
    if not isinstance(artefact, Microdata):
        raise TypeError("only rows hold copies")
    return exact_twins(names, people, of_force(artefact.table, force))


def plain_columns(scene: Scene) -> list[str]:
    """Released attributes that are not generalised; none unless rows were released."""
    artefact = scene.artefact
    if not isinstance(artefact, Microdata):
        return []
    return [
        column.name
        for column in scene.use_case.columns
        if column.role != "direct_identifier"
        and column.name in artefact.table.column_names
        and not is_generalised(artefact.table.column(column.name))
    ]


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Share of members copied exactly, and what remains of it after the control."""
    found = tally.Tally.of(forces.assess(Copies(), release, seed).values())
    return tally_verdict.findings("copies", Copies.background, found)
