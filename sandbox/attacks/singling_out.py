"""Singling out: does the release suggest a description that fits exactly one person?

Predicates are made from the release alone: one attribute at a time, from values that occur once and
from extremes; or several attributes together, from a whole released row or a part of it. From a
table: the cells that hold one. After Cohen and Nissim, "Towards formalizing the GDPR's notion of
singling out", PNAS 117 (2020), and Giomi and others (PoPETs 2023).

A predicate of the right weight isolates somebody by luck in up to 1/e of all tries, so the same
predicates are tried on as many people who are not in the data.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import Forces, Microdata, Release, Scene, Statistics, UseCase
from minimisation.contract.encoding import numbers
from minimisation.contract.questions import GroupedStatistics
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from sandbox.attacks import tally, targets, trial
from sandbox.attacks.attack import Array, Needs
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.cells import Crowd, is_generalised
from sandbox.attacks.tally import Rate, Source, Tally
from sandbox.findings import Finding

MOST = 200
"""Most predicates of a kind that are tried in each force."""

FEWEST_COLUMNS = 3
"""Fewest columns of a predicate made from a part of a row."""

PARTS = 10
"""Choices of columns for such predicates."""

CELLS = 4_000_000
"""Most pairs of a person's row and a predicate that are compared at a time."""

WHOLE, PART, ONE, CELL = "whole rows", "parts of rows", "single attributes", "cells of one"

ALL = "all members"
"""Group of tries on all members instead of on as many as are held out."""

Predicates = list[tuple[tuple[str, ...], pa.Table]]
"""Columns, and rows of them: each row is a predicate."""


@dataclass(frozen=True, kw_only=True)
class SinglingOut:
    """Counts predicates that isolate one person, on the release and on its controls' releases."""

    most: int = MOST
    """Most predicates of a kind that are tried in each force."""
    name: str = "singling-out-trial"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = "Knows nothing but the release and which force it describes."

    @property
    def schema(self) -> pa.Schema:
        """What, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Try predicates on this force's people.

        Group `all members` holds tries on all members; everyone, on as many as are held out.
        """
        rng = scene.rng()
        members, others = (
            each.order("share, unit").to_arrow_table() for each in (scene.members, scene.held_out)
        )
        found: list[dict[str, object]] = []
        if _count(members) == 0 or _count(others) < 2:  # noqa: PLR2004 - strangers and the rest
            return pa.Table.from_pylist(found, schema=tally.SCHEMA)
        strangers = _some(others, _count(others) // 2, rng)
        rest = _without(others, strangers)
        columns = [column.name for column in scene.use_case.columns]
        for source, artefact, control in (
            (Source.RELEASE, scene.artefact, others),
            (Source.COPY, trial.like(scene, members.select(columns)), others),
            (Source.STRANGERS, trial.like(scene, strangers.select(columns)), rest),
            (Source.REFERENCE, trial.like(scene, rest.select(columns)), strangers),
        ):
            tried = predicates(artefact, scene.use_case, scene.force, rng, self.most)
            size = min(_count(members), _count(control))
            crowds = [
                (1, targets.EVERYONE, _some(members, size, rng)),
                (0, targets.EVERYONE, _some(control, size, rng)),
            ]
            if source is Source.RELEASE:
                crowds.append((1, ALL, members))
            for inside, group, rows in crowds:
                found += _counted(tried, rows, columns, source, inside, group)
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)


def predicates(
    artefact: Artefact, use_case: UseCase, force: str, rng: np.random.Generator, most: int = MOST
) -> dict[str, Predicates]:
    """Predicates that a release suggests about one force's people, by kind; at most so many."""
    if isinstance(artefact, Statistics):
        return _of_cells(artefact, use_case, force)
    if not isinstance(artefact, Microdata):
        return {}
    rows = of_force(artefact.table, force)
    names = [column.name for column in use_case.columns if column.name in rows.column_names]
    if rows.num_rows == 0 or not names:
        return {}
    chosen = rows.take(rng.permutation(rows.num_rows)[:most]).select(names)
    parts: Predicates = []
    for place in range(PARTS):
        least = min(FEWEST_COLUMNS, len(names))
        count = int(rng.integers(least, len(names) + 1))
        kept = tuple(names[i] for i in sorted(rng.choice(len(names), count, replace=False)))
        parts.append((kept, chosen.take(np.arange(place, chosen.num_rows, PARTS)).select(kept)))
    single = _of_single_values(rows, names, rng, most)
    found: dict[str, Predicates] = {WHOLE: [(tuple(names), chosen)], PART: parts}
    return found | ({ONE: single} if single else {})


def isolated(people: pa.Table, units: Array, tried: Predicates) -> Array:
    """Whether each predicate fits the rows of exactly one person; ones and zeros. Shape (m,).

    Args:
        people: n plain rows.
        units: (n,) whose each row is.
        tried: m predicates in all.
    """
    order = np.argsort(units, kind="stable")
    starts = np.unique(units[order], return_index=True)[1]
    crowd = Crowd(people.take(pa.array(order)))
    step = max(CELLS // max(len(units), 1), 1)
    found = [np.zeros(0)]
    for names, rows in tried:
        for start in range(0, rows.num_rows, step):
            fits = crowd.fits(rows.slice(start, step), names)
            if len(starts) < len(units):
                fits = np.logical_or.reduceat(fits, starts, axis=0)
            found.append((fits.sum(axis=0) == 1).astype(float))
    return np.concatenate(found)


def findings(
    forces: Forces, release: Release, seed: int, attack: SinglingOut | None = None
) -> list[Finding]:
    """Predicates that isolate a member of the whole data, and what the release added to luck."""
    attack = attack or SinglingOut()
    found = Tally.of(forces.assess(attack, release, seed).values())
    fair = Tally(
        counts={key: rate for key, rate in found.counts.items() if key[3] == targets.EVERYONE}
    )
    results = tally.findings("singling_out", attack.background, fair)
    if results[0].value is None:
        return results
    worst = results[0].note.rsplit(";", 1)[0]
    whole = found.rate(worst, Source.RELEASE, inside=True, group=ALL)
    return [_on_all(whole, results[0], worst), results[1]]


def _on_all(whole: Rate, fair: Finding, what: str) -> Finding:
    low, high = whole.wilson()
    note = (
        f"{whole.tries:.0f} predicates from {what}, tried on all members; on as many members as "
        f"are held out {fair.value:.3f} isolated one, which the control and the risk are read "
        "against: where fewer are held out than are in the data, most isolated people are missed"
    )
    return replace(fair, value=whole.share, low=low, high=high, note=note)


def _of_single_values(
    rows: pa.Table, names: list[str], rng: np.random.Generator, most: int
) -> Predicates:
    """Values that occur once, and everything at or beyond a number's extremes."""
    found: Predicates = []
    for name in names:
        values = rows.column(name).combine_chunks()
        if is_generalised(values):
            continue
        counts = values.value_counts()
        once = counts.filter(pa.array(np.asarray(counts.field("counts")) == 1)).field("values")
        once = once.drop_null()
        if len(once):
            kept = once.take(pa.array(rng.permutation(len(once))[: most // 8]))
            found.append(((name,), pa.table({name: kept})))
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            number = numbers(values)
            known = number[~np.isnan(number)]
            if len(known):
                found.append(((name,), _beyond(name, known)))
    return found


def _beyond(name: str, known: Array) -> pa.Table:
    low = pa.array([-np.inf, float(known.max())], pa.float64())
    high = pa.array([float(known.min()), np.inf], pa.float64())
    return pa.table({name: pa.StructArray.from_arrays([low, high], names=["low", "high"])})


def _of_cells(release: Statistics, use_case: UseCase, force: str) -> dict[str, Predicates]:
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        return {}
    table = of_force(release.table, force)
    keys = [key for key in question.by if key != FORCE]
    lead = np.nan_to_num(np.asarray(table.column(question.statistics[0].name), dtype=float))
    cells = table.filter(pa.array(np.round(lead) == 1)).select(keys)
    return {CELL: [(tuple(keys), cells)]} if cells.num_rows else {}


def _counted(  # noqa: PLR0913, PLR0917 - one cell of the tally
    tried: dict[str, Predicates],
    rows: pa.Table,
    columns: list[str],
    source: Source,
    inside: int,
    group: str,
) -> list[dict[str, object]]:
    units, plain = np.asarray(rows.column("unit")), rows.select(columns)
    found = []
    for what, each in tried.items():
        alone = isolated(plain, units, each)
        counts = {"tries": float(len(alone)), "hits": float(alone.sum())}
        key = {"what": what, "source": int(source), "inside": inside, "group": group}
        found.append(key | counts)
    return found


def _count(rows: pa.Table) -> int:
    return len(np.unique(np.asarray(rows.column("unit"))))


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    gone = np.isin(np.asarray(rows.column("unit")), np.asarray(others.column("unit")))
    return rows.filter(pa.array(~gone))


def _some(rows: pa.Table, size: int, rng: np.random.Generator) -> pa.Table:
    units = np.asarray(rows.column("unit"))
    return rows.filter(pa.array(np.isin(units, rng.permutation(np.unique(units))[:size])))
