"""Averaging and differencing: what several releases about the same people give away together.

*Averaging*: noise that is drawn afresh each time falls by the root of the number of releases.
*Differencing*: the difference of two tables made with and without a person is that person's row
(Denning, Denning and Schwartz, "The tracker", 1979).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Forces, GroupedStatistics, Release, Scene, Statistics, UseCase, groups
from minimisation.contract.usecase import FORCE
from sandbox.attacks import guesses, tally, targets
from sandbox.attacks.attack import Array, Needs
from sandbox.attacks.attribute_inference import laid, of_force
from sandbox.attacks.tally import Source, Tally
from sandbox.findings import Finding

Integers = npt.NDArray[np.int64]

Mechanism = Callable[[UseCase, pa.Table], Statistics]
"""Makes a table from one force's rows; run again and again, so not on protected data."""

MOST = 60
"""Most people whose coming or going is tried in each force."""


@dataclass(frozen=True, kw_only=True)
class AveragingTrial:
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

AVERAGING = "Keeps every table that was ever released about the same people."
"""What the attacker is taken to know."""


def average(told: Array) -> Array:
    """Mean of every cell over (releases, cells); releases that repeat count once."""
    distinct = np.unique(told, axis=0)
    mean: Array = distinct.mean(axis=0)
    return mean


def averaging_findings(forces: Forces, history: Sequence[Release], seed: int) -> list[Finding]:
    """Share of cells whose exact count the average tells, beside one release alone."""
    tables = tuple(r.artefact for r in history if isinstance(r.artefact, Statistics))
    if len(tables) < 2 or len(tables) < len(history):  # noqa: PLR2004 - an average takes two
        note = "a history takes at least two tables"
        return [tally.none("averaging_success", f"no verdict: {note}", attack="averaging")]
    found = Tally.of(forces.assess(AveragingTrial(history=tables), history[-1], seed).values())
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
    gap, least, most = tally.difference(mean, one)
    left = max(1 - one.share, 1e-9)
    return [
        Finding(
            measure="averaging_success",
            attack="averaging",
            background=AVERAGING,
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


@dataclass(frozen=True, kw_only=True)
class DifferencingTrial:
    """Guesses a person's cell from tables made before and after the person came."""

    mechanism: Mechanism
    """What makes the tables."""
    exact: Mechanism
    """The same without any protection: the positive control."""
    name: str = "differencing-trial"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "refit"
    background: ClassVar[str] = (
        "Sees the table before and after one known person comes, and knows that nothing else "
        "changed."
    )

    @property
    def schema(self) -> pa.Schema:
        """What, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Try people of this force; for controls, nobody comes."""
        rng = scene.rng()
        rows = scene.members.order("share, unit").to_arrow_table()
        units = np.asarray(rows.column("unit"))
        chosen = rng.permutation(np.unique(units))[:MOST]
        plain = rows.select([column.name for column in scene.use_case.columns])
        found: list[dict[str, object]] = []
        for source, make in ((Source.RELEASE, self.mechanism), (Source.COPY, self.exact)):
            hits = np.array([_tried(scene, make, plain, units == unit) for unit in chosen])
            found += _both(source, hits)
        quiet = np.array([_tried(scene, self.mechanism, plain, units == u)[1] for u in chosen])
        again = np.array([_tried(scene, self.mechanism, plain, units == u)[1] for u in chosen])
        found += _both(Source.STRANGERS, np.stack([quiet, again], axis=1))
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)


def differencing_findings(forces: Forces, trial: DifferencingTrial, seed: int) -> list[Finding]:
    """How often the newcomer's cell is found, against guessing when nobody came."""
    nothing = Release(artefact=Statistics(table=pa.table({})))
    found = Tally.of(forces.assess(trial, nothing, seed).values())
    return tally.findings("differencing", trial.background, found, needs="refit")


def guessed_cell(before: Array, after: Array, rng: np.random.Generator) -> int:
    """The cell that grew most, one at random in a tie."""
    grew = after - before
    return int(rng.choice(np.flatnonzero(grew == grew.max())))


def _tried(
    scene: Scene, make: Mechanism, rows: pa.Table, target: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Whether the target's cell was guessed when the target came, and when nobody did."""
    keys, lead = _asked(scene.use_case)
    without = rows.filter(pa.array(~target))
    before, same, after = (
        laid(make(scene.use_case, each).table, scene.use_case, keys, lead)
        for each in (without, without, rows)
    )
    own = set(guesses.cells(scene.use_case, keys, rows.filter(pa.array(target))).tolist())
    rng = np.random.default_rng([scene.seed, int(np.flatnonzero(target)[0])])
    told = guessed_cell(before, after, rng), guessed_cell(before, same, rng)
    return float(told[0] in own), float(told[1] in own)


def _asked(use_case: UseCase) -> tuple[list[str], str]:
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        raise TypeError("question must be GroupedStatistics")
    return [key for key in question.by if key != FORCE], question.statistics[0].name


def _both(source: Source, hits: Array) -> list[dict[str, object]]:
    everyone = {targets.EVERYONE: np.ones(len(hits), dtype=np.bool_)}
    found = []
    for column, inside in ((0, True), (1, False)):
        rows = {"the cell that grew": hits[:, column]}
        found += tally.rows(source, rows, everyone, inside=inside)
    return found
