"""Attribute inference: a sensitive attribute of a person whose other attributes are known.

After Giomi and others (PoPETs 2023), with a trained model beside the nearest rows as in Stadler,
Oprisanu and Troncoso (USENIX Security 2022). What the release teaches about people in general works
as well on people who are not in it, and is taken off.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import (
    BinaryOutcome,
    Column,
    Forces,
    GroupedStatistics,
    Microdata,
    Release,
    RiskModel,
    Statistics,
    UseCase,
    groups,
)
from minimisation.contract.encoding import numbers
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from sandbox.attacks import guesses, tally, tally_verdict
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.attacks.targeted import TargetedTrial
from sandbox.findings import Finding
from sandbox.measures.scores import score


@dataclass(frozen=True, kw_only=True)
class AttributeInference:
    """Guesses every sensitive attribute and the outcome, each from all else."""

    trained: bool = True
    """Whether a model is trained beside looking for the nearest rows; most of the time it takes."""
    name: ClassVar[str] = "attribute_inference"
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = (
        "Knows every recorded attribute of the person but the one to be found out, which force "
        "holds the record, and other people of the same population who are not in the data."
    )

    def hits(
        self, artefact: Artefact, use_case: UseCase, known: Known, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Right guesses by what was guessed and how."""
        if isinstance(artefact, Microdata):
            return self._from_rows(artefact, use_case, known, rng)
        if isinstance(artefact, Statistics):
            return _from_table(artefact, use_case, known)
        if isinstance(artefact, RiskModel):
            return _from_model(artefact, use_case, known)
        return {}

    def _from_rows(
        self, release: Microdata, use_case: UseCase, known: Known, rng: np.random.Generator
    ) -> dict[str, Array]:
        rows = of_force(release.table, known.force)
        if rows.num_rows == 0:
            return {}
        names = [
            column.name
            for column in use_case.columns
            if column.role != "direct_identifier" and column.name in rows.column_names
        ]
        scaled = [guesses.ScaledRows(use_case, names, each) for each in (rows, known.candidates)]
        found = {}
        for secret in secrets(use_case, names):
            theirs, ours = (each.without(secret.name) for each in scaled)
            votes = guesses.hot_labels(secret, rows)
            truth = guesses.codes(secret, known.candidates)
            near = guesses.by_nearest(theirs, votes, ours)
            found[f"{secret.label} by the nearest rows"] = (near == truth).astype(float)
            if self.trained:
                told = guesses.by_model(theirs, guesses.codes(secret, rows), ours, rng)
                found[f"{secret.label} by a trained model"] = (told == truth).astype(float)
        return found


def secrets(use_case: UseCase, shown: list[str]) -> list[Column]:
    """Sensitive attributes and the target, of the columns shown."""
    return [
        column
        for column in use_case.columns
        if column.role in ("sensitive_attribute", "target") and column.name in shown
    ]


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Success and residual risk of the worst guess, for everyone and by group; see `told`."""
    attack = AttributeInference()
    tables = forces.assess(TargetedTrial(attacks=(attack,)), release, seed)
    return told(attack, forces.use_case, tally.Tally.of(tables.values()))


def told(attack: AttributeInference, use_case: UseCase, found: tally.Tally) -> list[Finding]:
    """The worst over all attributes, then each attribute's own figures for everyone."""
    results = tally_verdict.findings(attack.name, attack.background, found)
    for column in use_case.columns:
        mine = {
            key: c for key, c in found.counts.items() if key[0].startswith(f"{column.label} by")
        }
        if mine:
            counts = tally.Tally(counts=mine)
            each = tally_verdict.findings(attack.name, attack.background, counts, about=column.name)
            results += [finding for finding in each if not finding.group]
    return results


def _from_table(release: Statistics, use_case: UseCase, known: Known) -> dict[str, Array]:
    """A sensitive key by the fullest cell; a sensitive yes or no by its mean in the cell."""
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        return {}
    table = release.table
    if FORCE in question.by:
        table = of_force(table, known.force)
    keys = [key for key in question.by if key != FORCE]
    shape = [len(groups.key_labels(use_case, key)) for key in keys]
    place = [guesses.codes(use_case.column(key), known.candidates) for key in keys]
    lead = question.statistics[0].name
    found = {}
    for secret in secrets(use_case, keys):
        axis = keys.index(secret.name)
        fullest = laid(table, use_case, keys, lead).reshape(shape).argmax(axis=axis)
        told = fullest[tuple(each for i, each in enumerate(place) if i != axis)]
        found[f"{secret.label} by the fullest cell"] = (told == place[axis]).astype(float)
    for asked in question.statistics:
        if asked.aggregate != "mean" or not asked.column:
            continue
        secret = use_case.column(asked.column)
        if secret.role in ("sensitive_attribute", "target"):
            mean = laid(table, use_case, keys, asked.name).reshape(shape)[tuple(place)]
            truth = numbers(known.candidates.column(secret.name).combine_chunks())
            told = np.round(np.clip(np.nan_to_num(mean), 0.0, 1.0))
            found[f"{secret.label} by its mean in the cell"] = (told == truth).astype(float)
    return found


def _from_model(model: RiskModel, use_case: UseCase, known: Known) -> dict[str, Array]:
    """The outcome, taken to have happened to as many of the highest scores as it usually does."""
    question = use_case.question
    if not isinstance(question, BinaryOutcome):
        return {}
    usual = np.nanmean(numbers(known.reference.column(question.target).combine_chunks()))
    scored = score(model, known.candidates)
    told = scored > np.quantile(scored, 1 - usual)
    truth = numbers(known.candidates.column(question.target).combine_chunks()) > 0
    label = use_case.column(question.target).label
    return {f"{label} by the highest scores": (told == truth).astype(float)}


def of_force(table: pa.Table, force: str) -> pa.Table:
    """Rows of one force; all rows where they do not say whose they are."""
    if FORCE not in table.column_names:
        return table
    return table.filter(pc.equal(table.column(FORCE), force))


def laid(table: pa.Table, use_case: UseCase, keys: list[str], name: str) -> Array:
    """A released column in the grid's order; cells that were not released are zero."""
    cells = groups.grid(use_case, keys)
    order = {cell: i for i, cell in enumerate(zip(*(cells.column(k).to_pylist() for k in keys)))}  # noqa: B905 - columns of one table
    values = np.zeros(cells.num_rows)
    for cell, value in zip(
        zip(*(table.column(k).to_pylist() for k in keys), strict=True),
        np.asarray(table.column(name), dtype=float),
        strict=True,
    ):
        if cell in order:
            values[order[cell]] = value
    return values
