"""Noisy counts of margins: the wire table, and what can be read off them without more data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import Payload, PayloadKind
from minimisation.statistics.noise import DiscreteGaussian, perturb
from synthetic.counting import Clique, shape_of
from synthetic.margins import Cells, Codes, Shares

SCHEMA = pa.schema(
    [("clique", pa.string()), ("cell", pa.int64()), ("people", pa.int64()), ("scale", pa.float64())]
)
"""One row per cell of each measured margin; `clique` lists column positions, as in `0 3`."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One margin with noise."""

    clique: Clique
    """Positions of its columns."""
    people: Codes
    """Noisy counts, flat, which may be below 0."""
    scale: float
    """Standard deviation of the noise in each cell."""


def measure(exact: Mapping[Clique, Codes], scale: float) -> list[Measured]:
    """Add discrete Gaussian noise of one scale to exact counts, in one draw.

    Raises:
        SandboxError: if the noise source fails.
    """
    noisy = perturb(np.concatenate(list(exact.values())), DiscreteGaussian(scale=scale))
    ends = np.cumsum([len(each) for each in exact.values()])
    parts = np.split(noisy, ends[:-1])
    return [
        Measured(clique=clique, people=part, scale=scale)
        for clique, part in zip(exact, parts, strict=True)
    ]


def promise(most_rows: int) -> Payload:
    """The promise of a step that sends measured margins of a public total size."""
    return Payload(kind=PayloadKind.STATISTICS, schema=SCHEMA, most_rows=most_rows)


def size(cells: Sequence[Cells], cliques: Iterable[Clique]) -> int:
    """Cells of all the cliques together."""
    return sum(int(np.prod(shape_of(cells, clique))) for clique in cliques)


def to_table(measured: Sequence[Measured]) -> pa.Table:
    """The wire table."""
    return pa.table(
        [
            np.repeat([" ".join(map(str, m.clique)) for m in measured], _lengths(measured)),
            np.concatenate([np.arange(len(m.people)) for m in measured]),
            np.concatenate([m.people for m in measured]),
            np.repeat([m.scale for m in measured], _lengths(measured)),
        ],
        schema=SCHEMA,
    )


def _lengths(measured: Sequence[Measured]) -> list[int]:
    return [len(m.people) for m in measured]


def from_table(table: pa.Table) -> list[Measured]:
    """What `to_table` wrote; a clique measured more than once comes back as often."""
    text = np.asarray(table.column("clique").to_pylist(), dtype=object)
    cell = table.column("cell").to_numpy()
    starts = np.flatnonzero(cell == 0)
    people, scale = table.column("people").to_numpy(), table.column("scale").to_numpy()
    return [
        Measured(
            clique=tuple(int(place) for place in text[start].split()),
            people=people[start:end],
            scale=float(scale[start]),
        )
        for start, end in zip(starts, [*starts[1:], len(cell)], strict=True)
    ]


def added_up(parts: Sequence[Sequence[Measured]]) -> list[Measured]:
    """Margins that all forces measured, summed cell by cell; the noise adds in quadrature."""
    by_clique: dict[Clique, list[Measured]] = {}
    for part in parts:
        for each in part:
            by_clique.setdefault(each.clique, []).append(each)
    return [
        Measured(
            clique=clique,
            people=np.sum([each.people for each in same], axis=0),
            scale=float(np.sqrt(sum(each.scale**2 for each in same))),
        )
        for clique, same in by_clique.items()
        if len(same) == len(parts)
    ]


def merged(measured: Sequence[Measured]) -> dict[Clique, Shares]:
    """Best counts of every clique: measurements of the same one weighted by their variance."""
    sums: dict[Clique, Shares] = {}
    weights: dict[Clique, float] = {}
    for each in measured:
        weight = 1 / each.scale**2
        before = sums.get(each.clique, np.zeros(len(each.people)))
        sums[each.clique] = before + weight * each.people
        weights[each.clique] = weights.get(each.clique, 0.0) + weight
    return {clique: sums[clique] / weights[clique] for clique in sums}


def total(measured: Sequence[Measured]) -> float:
    """Estimated number of rows, at least 1: the sums of all margins, weighted by their variance."""
    sums = np.array([m.people.sum() for m in measured], dtype=np.float64)
    weights = np.array([1 / (m.scale**2 * len(m.people)) for m in measured])
    return max(1.0, float(sums @ weights / weights.sum()))


def shares(people: Codes | Shares) -> Shares:
    """Noisy counts as shares: negatives become 0; evenly spread if nothing is left."""
    kept = np.maximum(people, 0).astype(np.float64)
    return kept / kept.sum() if kept.sum() > 0 else np.full(len(kept), 1 / len(kept))


def on_coarse(cells: Cells, measured: Measured) -> Measured:
    """A column's fine counts added up over its coarse cells; the scale is their mean."""
    coarse = cells.coarse
    people = np.bincount(coarse, weights=measured.people).astype(np.int64)
    merged = float(np.sqrt(len(coarse) / len(people)))
    return Measured(clique=measured.clique, people=people, scale=measured.scale * merged)
