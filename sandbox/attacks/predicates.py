"""Descriptions that a release suggests, and whether each fits exactly one person.

Made from the release alone: one attribute at a time, from values that occur once and from extremes;
or several attributes together, from a whole released row or a part of it. An attacker who has the
release also knows which descriptions fit one of its rows alone: those are a kind of their own, with
numbers said as *at least* or *at most*. From a table: the cells that hold one.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from minimisation import Microdata, Statistics, UseCase
from minimisation.contract.encoding import numbers
from minimisation.contract.questions import GroupedStatistics
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from sandbox.attacks.attack import Array
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.cells import Crowd, is_generalised

MOST = 200
"""Most predicates of a kind that are tried in each force."""

FEWEST_COLUMNS = 3
"""Fewest columns of a predicate made from a part of a row."""

PARTS = 10
"""Choices of columns for such predicates."""

CELLS = 4_000_000
"""Most pairs of a person's row and a predicate that are compared at a time."""

WHOLE, PART, ONE, CELL = "whole rows", "parts of rows", "single attributes", "cells of one"

UNIQUE = "descriptions of one released row"
"""Parts of rows that fit no other released row, their numbers bounded away from the median."""

Predicates = list[tuple[tuple[str, ...], pa.Table]]
"""Columns, and rows of them: each row is a predicate."""


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
    found |= {ONE: single} if single else {}
    alone = of_one_row(rows, parts)
    return found | ({UNIQUE: alone} if alone else {})


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


def of_one_row(rows: pa.Table, parts: Predicates) -> Predicates:
    """Of the parts, said with bounds, those that fit one released row alone.

    Generalised attributes are left out: how many people a set or an interval stands for cannot be
    told from the rows of the release.
    """
    plain = [name for name in rows.column_names if not is_generalised(rows.column(name))]
    known = {
        name: numbers(rows.column(name).combine_chunks())
        for name in plain
        if _is_number(rows.column(name))
    }
    medians = {
        name: float(np.nanmedian(values))
        for name, values in known.items()
        if not np.isnan(values).all()
    }
    said: Predicates = []
    for names, part in parts:
        kept = tuple(name for name in names if name in plain)
        said += [(kept, _bounded(part.select(kept), medians))] if kept else []
    alone = isolated(rows.select(plain), np.arange(rows.num_rows), said) == 1
    ends = np.cumsum([part.num_rows for _, part in said])
    flags = np.split(alone, ends[:-1])
    return [
        (names, part.filter(pa.array(chosen)))
        for (names, part), chosen in zip(said, flags, strict=True)
        if chosen.any()
    ]


def _bounded(part: pa.Table, medians: Mapping[str, float]) -> pa.Table:
    """`At least` a number above the median, `at most` any other; missing stays missing."""
    for place, name in enumerate(part.column_names):
        if name in medians:
            number = numbers(part.column(name).combine_chunks())
            above = number > medians[name]
            low = np.where(np.isnan(number) | above, number, -np.inf)
            high = np.where(np.isnan(number) | ~above, number, np.inf)
            part = part.set_column(place, name, _interval(low, high))
    return part


def _interval(low: Array, high: Array) -> pa.StructArray:
    ends = [pa.array(low, pa.float64()), pa.array(high, pa.float64())]
    return pa.StructArray.from_arrays(ends, names=["low", "high"])


def _is_number(values: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_floating(values.type) or pa.types.is_integer(values.type))


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
        if _is_number(values):
            number = numbers(values)
            known = number[~np.isnan(number)]
            if len(known):
                found.append(((name,), _beyond(name, known)))
    return found


def _beyond(name: str, known: Array) -> pa.Table:
    low, high = np.array([-np.inf, known.max()]), np.array([known.min(), np.inf])
    return pa.table({name: _interval(low, high)})


def _of_cells(release: Statistics, use_case: UseCase, force: str) -> dict[str, Predicates]:
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        return {}
    table = of_force(release.table, force)
    keys = [key for key in question.by if key != FORCE]
    lead = np.nan_to_num(np.asarray(table.column(question.statistics[0].name), dtype=float))
    cells = table.filter(pa.array(np.round(lead) == 1)).select(keys)
    return {CELL: [(tuple(keys), cells)]} if cells.num_rows else {}
