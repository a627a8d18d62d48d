"""What CTGAN and TVAE share: cells as their inputs, too few people, and samples as rows.

Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019, Modeling Tabular Data using Conditional
GAN. A saved network can rebuild its table of training labels, so none ever leaves: it is trained,
sampled and dropped within one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from minimisation import NotApplicableError, Premises
from synthetic import rows, sdv_engine
from synthetic.conditions import fitting, fixed_cells, to_draw
from synthetic.margins import Cells
from synthetic.sdv_engine import Network

MOST_LABELS = 30
"""A numeric column with no more cells than this is learnt as labels, which keeps its spikes."""

MOST_CELLS = 5_000
"""Cells of all columns together, each of which is an input and an output of the network."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """How a network is trained in every force, as a step carries it."""

    seed: int
    """Seed of training and sampling; every force spawns its own generator from it."""
    epochs: int
    """Passes over the data."""
    fewest: int
    """Below this many rows nothing is learnt: columns are drawn independently."""
    seconds: float
    """No further pass begins after this long."""
    given: tuple[tuple[str, str | float], ...] = ()
    """Columns and the values that every row must have."""


def taught(premises: Premises, network: Network, lesson: Lesson) -> pa.Table:
    """Train a network on a force's members, sample as many rows, and drop it.

    Raises:
        MissingEngineError: if SDV or PyTorch is not installed at the force.
    """
    cells = rows.cells_of(premises.use_case)
    codes = rows.member_codes(premises, cells)
    rng = premises.rng(lesson.seed)
    size, given = len(codes[0]), dict(lesson.given)
    if size < lesson.fewest:
        drawn = rows.independent_rows(premises.use_case, cells, codes, rng, given)
        return rows.with_stopped(drawn, stopped=False)
    labels = [not each.column.numeric or each.size <= MOST_LABELS for each in cells]
    training = sdv_engine.Training(
        network=network,
        seed=int(rng.integers(2**32)),
        epochs=lesson.epochs,
        seconds=lesson.seconds,
    )
    fixed = fixed_cells(cells, given)
    made, stopped = sdv_engine.trained(codes, labels, to_draw(size, fixed), training)
    kept = fitting(made, fixed, size)
    table = rows.table_of(premises.use_case, cells, kept, rng, given)
    return rows.with_stopped(table, stopped=stopped)


def check_lesson(epochs: int, fewest: int, seconds: float) -> None:
    """Refuse training that is none.

    Raises:
        ValueError: naming the rule.
    """
    if epochs < 1:
        raise ValueError(f"epochs ({epochs}) must be at least 1")
    if fewest < 2:  # noqa: PLR2004 - one person is no training set
        raise ValueError(f"fewest ({fewest}) must be at least 2")
    rows.check_seconds(seconds)


def check_size(cells: Sequence[Cells]) -> None:
    """Refuse a table whose single pass would take longer than any time budget.

    Raises:
        NotApplicableError: naming the rule.
    """
    size = sum(each.size for each in cells)
    if size > MOST_CELLS:
        msg = f"cells of all columns together ({size}) must be at most {MOST_CELLS} for a network"
        raise NotApplicableError(f"{msg}; narrow the question or take independent-columns")
