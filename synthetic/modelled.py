"""From measured margins to rows: fit a model on coarse cells, draw rows, refine to fine cells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import UseCase
from synthetic import counting, mbi_engine, measured, rows
from synthetic.conditions import Fixed, Given, fixed_cells
from synthetic.counting import Clique
from synthetic.junction import JunctionTree
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


def prepared(use_case: UseCase, given: Given) -> tuple[Cells, ...]:
    """Columns of a model of pairs, once it is sure that one can be fitted to them.

    Raises:
        MissingEngineError: if mbi is not installed.
        NotApplicableError: if the question needs too few or too many columns.
        ValueError: if what is given is no value of a needed column.
    """
    mbi_engine.require()
    cells = rows.cells_of(use_case)
    counting.check_width(cells)
    fixed_cells(cells, given)
    return cells


def draw(  # noqa: PLR0913 - a model, what it is of, and how rows are drawn
    use_case: UseCase,
    cells: Sequence[Cells],
    noisy: Sequence[Measured],
    model: mbi_engine.Model,
    rng: np.random.Generator,
    *,
    given: Given | None = None,
) -> pa.Table:
    """Draw rows of a fitted model in the promised schema; none if what is given has no chance."""
    size = round(measured.total(noisy))
    fine = measured.merged([m for m in noisy if len(m.clique) == 1])
    codes = codes_of(model.tree, cells, fine, size, rng, fixed=fixed_cells(cells, given or {}))
    return rows.table_of(use_case, cells, codes, rng, given)


def codes_of(  # noqa: PLR0913 - as above
    tree: JunctionTree,
    cells: Sequence[Cells],
    fine: Mapping[Clique, Codes | Shares],
    size: int,
    rng: np.random.Generator,
    *,
    fixed: Fixed,
) -> list[Codes]:
    """Fine cell numbers of so many rows of a model of coarse cells, column by column.

    Args:
        tree: the model; columns beyond those of `cells` come back as they are.
        cells: its first columns.
        fine: counts of the fine cells of each of them.
        size: rows to draw.
        rng: draws them.
        fixed: cells that every row is in; there is no row if that has no chance.
    """
    held = tree.given({place: int(cells[place].coarse[cell]) for place, cell in fixed.items()})
    if held is None:
        return [np.zeros(0, dtype=np.int64) for _ in tree.sizes]
    coarse = held.rows(size, rng)
    within = [
        np.full(size, fixed[place])
        if place in fixed
        else refined(each, coarse[place], fine[place,], rng)
        for place, each in enumerate(cells)
    ]
    return [*within, *coarse[len(cells) :]]


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


def table_of(  # noqa: PLR0913 - as above
    use_case: UseCase,
    payloads: Mapping[str, pa.Table],
    effort: Effort,
    rng: np.random.Generator,
    *,
    given: Given | None = None,
    then: Callable[[pa.Table], pa.Table] = lambda table: table,
) -> tuple[pa.Table, tuple[str, ...]]:
    """Fit one model to each force's measured margins and draw its rows.

    Args:
        use_case: the rows that were measured.
        payloads: force → measured margins.
        effort: how long each model is fitted.
        rng: draws rows.
        given: column → the value that every row must have.
        then: what becomes of a force's rows once they are drawn.

    Returns:
        The rows of all forces, and what a release says of time that ran out.
    """
    cells = rows.cells_of(use_case)
    stopped = rows.stopped_in(payloads)
    tables = {}
    for force, payload in payloads.items():
        noisy = measured.from_table(payload)
        model = fit(cells, noisy, steps=effort.steps, seconds=effort.seconds)
        tables[force] = then(draw(use_case, cells, noisy, model, rng, given=given))
        if model.stopped and force not in stopped:
            stopped.append(force)
    return rows.with_force(tables), rows.time_remarks(stopped, effort.seconds)


def remarks(use_case: UseCase) -> tuple[str, ...]:
    """What a reader of a privately synthesised table must know."""
    most = counting.rows_per_unit(use_case)
    bound = f"At most {most} rows of each {use_case.unit} were counted."
    number = "The number of rows is an estimate from noisy counts."
    return (bound, number)
