"""From measured margins to rows: fit a model on coarse cells, draw rows, refine to fine cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import Forces, Release, UseCase
from synthetic import counting, mbi_engine, measured, rows
from synthetic.margins import Cells, Codes, Shares
from synthetic.measured import Measured


def fit(
    cells: Sequence[Cells],
    noisy: Sequence[Measured],
    *,
    steps: int,
    seconds: float,
    start: mbi_engine.Model | None = None,
) -> mbi_engine.Model:
    """The model of all measured margins, single columns brought to their coarse cells."""
    sizes = [int(each.coarse[-1]) + 1 for each in cells]
    coarse = [measured.on_coarse(cells[m.clique[0]], m) if len(m.clique) == 1 else m for m in noisy]
    total = measured.total(noisy)
    return mbi_engine.fit(sizes, coarse, total, steps=steps, seconds=seconds, start=start)


def draw(
    use_case: UseCase,
    cells: Sequence[Cells],
    noisy: Sequence[Measured],
    model: mbi_engine.Model,
    rng: np.random.Generator,
) -> pa.Table:
    """Draw rows of a fitted model in the promised schema."""
    size = round(measured.total(noisy))
    coarse = model.tree.rows(size, rng)
    fine = measured.merged([m for m in noisy if len(m.clique) == 1])
    columns = []
    for place, each in enumerate(cells):
        codes = refined(each, coarse[place], fine[(place,)], rng)
        columns.append(each.values(codes, rng))
    return rows.table_of(use_case, columns)


def refined(cells: Cells, coarse: Codes, people: Codes | Shares, rng: np.random.Generator) -> Codes:
    """A fine cell for each coarse one, drawn by the noisy counts of the fine cells in it."""
    within = shares_within(cells, people)
    fine = np.empty(len(coarse), dtype=np.int64)
    for cell in np.unique(coarse):
        inside = np.flatnonzero(cells.coarse == cell)
        own = coarse == cell
        fine[own] = rng.choice(inside, size=int(own.sum()), p=within[inside])
    return fine


def shares_within(cells: Cells, people: Codes | Shares) -> Shares:
    """Share of every fine cell within its coarse cell, by noisy counts of the fine cells."""
    kept = np.maximum(people, 0).astype(np.float64)
    held = np.bincount(cells.coarse, weights=kept)[cells.coarse]
    even = 1 / np.bincount(cells.coarse)[cells.coarse]
    result: Shares = np.where(held > 0, kept / np.where(held > 0, held, 1.0), even)
    return result


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long a model is fitted."""

    steps: int
    """Most steps of a fit."""
    seconds: float
    """No further steps begin after this long, per force."""


def release_of(
    forces: Forces,
    use_case: UseCase,
    payloads: Mapping[str, pa.Table],
    effort: Effort,
    rng: np.random.Generator,
) -> Release:
    """Fit one model to each force's measured margins, draw its rows, release them as one table."""
    cells = rows.cells_of(use_case)
    stopped = rows.stopped_in(payloads)
    tables = {}
    for force, payload in payloads.items():
        noisy = measured.from_table(payload)
        model = fit(cells, noisy, steps=effort.steps, seconds=effort.seconds)
        tables[force] = draw(use_case, cells, noisy, model, rng)
        if model.stopped and force not in stopped:
            stopped.append(force)
    late = rows.time_remarks(stopped, effort.seconds)
    return rows.released(forces, rows.with_force(tables), rng, *late, *remarks(use_case))


def remarks(use_case: UseCase) -> tuple[str, ...]:
    """What a reader of a privately synthesised table must know."""
    most = counting.rows_per_unit(use_case)
    bound = f"At most {most} rows of each {use_case.unit} were counted."
    number = "The number of rows is an estimate from noisy counts."
    return (bound, number)
