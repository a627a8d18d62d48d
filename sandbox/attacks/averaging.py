"""Averaging: noise that is drawn afresh for each release falls by the root of their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import Forces, GroupedStatistics, Release, Scene, Statistics, groups
from minimisation.contract.usecase import FORCE
from sandbox.attacks import tally, targets
from sandbox.attacks.attack import Array, Needs
from sandbox.attacks.attribute_inference import laid, of_force
from sandbox.attacks.tally import Source, Tally
from sandbox.findings import Finding
from sandbox.rates import difference


@dataclass(frozen=True, kw_only=True)
class Averaging:
    """Cells of a force whose exact count comes out of a history of releases."""

    history: tuple[Statistics, ...]
    """Releases about the same people, oldest first; the one assessed is the last."""
    name: str = "averaging-trial"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "release"

    @property
    def schema(self) -> pa.Schema:
        """What, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Compare with this force's exact counts; cells without anybody are left out."""
        question = scene.use_case.question
        if not isinstance(question, GroupedStatistics) or FORCE not in question.by:
            return pa.Table.from_pylist([], schema=tally.SCHEMA)
        lead = question.statistics[0].name
        keys = [key for key in question.by if key != FORCE]
        statement = groups.sums_sql(scene.use_case, keys, (lead,))
        true = laid(
            scene.members.query("people", statement).to_arrow_table(), scene.use_case, keys, lead
        )
        told = np.stack(
            [laid(of_force(t.table, scene.force), scene.use_case, keys, lead) for t in self.history]
        )
        strangers = laid(
            scene.held_out.query("people", statement).to_arrow_table(), scene.use_case, keys, lead
        )
        planted = scene.rng().normal(true, 1.0, (PLANTED, len(true)))
        found: list[dict[str, object]] = []
        for source, what, estimate, counts in (
            (Source.RELEASE, LAST, told[-1], true),
            (Source.RELEASE, MEAN, average(told), true),
            (Source.STRANGERS, MEAN, average(told), strangers),
            (Source.COPY, MEAN, average(planted), true),
        ):
            hits = {what: (np.round(estimate) == counts).astype(float)}
            everyone = {targets.EVERYONE: counts > 0}
            inside = source is not Source.STRANGERS
            found += tally.rows(source, hits, everyone, inside=inside)
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)


PLANTED = 200
"""Noisy tables of the positive control: noise of 1, of which the mean must tell the counts."""

LAST, MEAN = "one release", "average of all"

SURE = 0.9
"""Least share of cells that the positive control must tell."""

BACKGROUND = "Keeps every table that was ever released about the same people."
"""What the attacker is taken to know."""


def average(told: Array) -> Array:
    """Mean of every cell over (releases, cells); releases that repeat count once."""
    distinct = np.unique(told, axis=0)
    mean: Array = distinct.mean(axis=0)
    return mean


def findings(forces: Forces, history: Sequence[Release], seed: int) -> list[Finding]:
    """Share of cells whose exact count the average tells, beside one release alone."""
    tables = tuple(r.artefact for r in history if isinstance(r.artefact, Statistics))
    if len(tables) < 2 or len(tables) < len(history):  # noqa: PLR2004 - an average takes two
        note = "a history takes at least two tables"
        return [tally.none("averaging_success", f"no verdict: {note}", attack="averaging")]
    found = Tally.of(forces.assess(Averaging(history=tables), history[-1], seed).values())
    one, mean = (found.rate(what, Source.RELEASE, inside=True) for what in (LAST, MEAN))
    if not mean.tries:
        note = "no verdict: tables do not tell forces apart"
        return [tally.none("averaging_success", note, attack="averaging")]
    planted = found.rate(MEAN, Source.COPY, inside=True)
    strangers = found.rate(MEAN, Source.STRANGERS, inside=False)
    if planted.share < SURE:
        note = "no verdict: not even the mean of planted noise told the counts"
        return [tally.none("averaging_success", note, attack="averaging")]
    low, high = mean.wilson()
    gap, least, most = difference(mean, one)
    left = max(1 - one.share, 1e-9)
    return [
        Finding(
            measure="averaging_success",
            attack="averaging",
            background=BACKGROUND,
            needs="release",
            value=mean.share,
            better="neither",
            low=low,
            high=high,
            baseline=one.share,
            control=strangers.share if strangers.tries else None,
            positive=planted.share,
            residual=gap / left if one.share < 1 else 0.0,
            residual_low=max(least / left, -1.0) if one.share < 1 else 0.0,
            residual_high=min(most / left, 1.0) if one.share < 1 else 0.0,
            note=f"cells told exactly by {len(tables)} releases together; baseline: by one; "
            "control: cells of people who are not in the data",
        )
    ]
