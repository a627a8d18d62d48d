"""How the label came about: what is recorded of whom, before any option is compared.

A label that is recorded more readily of some groups stays so in every option; none can mend it.
Shown per protected group: the share with the label, and, where the use case names what was recorded
and what it should stand for, records per hundred such events (arrests per suspected offence; finds
per search). Lum and Isaac, "To predict and serve?" (2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import BinaryOutcome, Release, Scene, Statistics, UseCase
from minimisation.contract.encoding import numbers
from sandbox.findings import Finding
from sandbox.inquiries.inquiry import Answer
from sandbox.measures import fairness, resampling
from sandbox.measures.outcome import headline, units_of
from sandbox.measures.resampling import REPLICATES, Array
from sandbox.study import Study

AXES = ("replicate", "group", "part")

PARTS = ("people", "label_known", "label", "recorded", "events")
"""What is summed over the rows of a group."""


@dataclass(frozen=True, kw_only=True)
class LabelAudit:
    """The share with the label, and the rate of recording, per protected group."""

    topic: str = "label-audit"
    """Under what it is found."""
    title: str = "Is the label recorded alike of all groups?"
    """What is asked."""

    def run(self, study: Study) -> Answer:
        """Sum over all people of every force, once."""
        nothing = Release(artefact=Statistics(table=pa.table({})))
        with study.forces() as forces:
            use_case = forces.use_case
            names = fairness.group_names(use_case)
            shape = (REPLICATES + 1, len(names) + 1, len(PARTS))
            tables = forces.assess(RecordedByGroup(), nothing, study.plan.file.seed)
        sums = resampling.dense(tables.values(), AXES, shape)
        return Answer(
            summary="The label and what is recorded were counted for every protected group.",
            findings=tuple(findings(sums, names, use_case)),
            data={
                "groups": names,
                "recorded": use_case.recording.recorded if use_case.recording else None,
                "events": list(use_case.recording.events) if use_case.recording else [],
                "fewest": fairness.FEWEST,
            },
        )


@dataclass(frozen=True, kw_only=True)
class RecordedByGroup:
    """Sums of the label, of records and of events by protected group, in every replicate."""

    name: str = "recorded-by-group"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Replicate, group (the last is everyone), part (by its place in `PARTS`), value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Sum over this force's people, held out or not."""
        rows = scene.members.union(scene.held_out).order("unit, share").to_arrow_table()
        use_case = scene.use_case
        belongs = np.column_stack([fairness.membership(use_case, rows), np.ones(rows.num_rows)])
        weight = resampling.weights(scene, units_of(rows))
        parts = [(weight * part) @ belongs for part in _parts(use_case, rows)]
        return resampling.sparse(np.stack(parts, axis=-1), AXES)


def _parts(use_case: UseCase, rows: pa.Table) -> list[Array]:
    """Per row, in the order of `PARTS`."""
    ones, none = np.ones(rows.num_rows), np.zeros(rows.num_rows)
    label = none * np.nan
    if isinstance(use_case.question, BinaryOutcome):
        label = numbers(rows.column(use_case.question.target).combine_chunks())
    known = ~np.isnan(label)
    recorded = events = none
    if use_case.recording is not None:
        recorded = _column(rows, use_case.recording.recorded)
        named = [_column(rows, name) for name in use_case.recording.events]
        events = np.sum(named, axis=0) if named else ones
    return [ones, known.astype(float), np.where(known, label, 0.0), recorded, events]


def findings(sums: Array, names: Sequence[str], use_case: UseCase) -> list[Finding]:
    """Rates per group, and each group's rate over everyone else's.

    Args:
        sums: (replicates + 1, groups + 1, parts).
        names: of the groups; everyone comes last.
        use_case: names what is recorded.
    """
    found = []
    for at, name in enumerate([*names, ""]):
        people, known, label, recorded, events = sums[:, at].T
        if people[0] < fairness.FEWEST:
            note = f"fewer than {fairness.FEWEST} people: too few to report"
            found.append(
                Finding(measure="label_rate", value=None, better="neither", group=name, note=note)
            )
            continue
        if known[0]:
            found.append(headline("label_rate", label / known, "neither", group=name))
        if use_case.recording is None or events[0] < fairness.FEWEST:
            continue
        rate = recorded / events
        found.append(headline("recording_rate", rate, "neither", group=name))
        if name:
            others = sums[:, -1] - sums[:, at]
            ratio = rate / (others[:, 3] / others[:, 4])
            found.append(headline("recording_ratio", ratio, "neither", baseline=1.0, group=name))
    return found


def _column(rows: pa.Table, name: str) -> Array:
    return np.nan_to_num(numbers(rows.column(name).combine_chunks()))
