"""Synthesis from cleared counts: rounding, the tree, and what is absent."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Bounds, Column, Forces, UseCase
from synthetic import counting, rows
from synthetic.cleared_margins import ClearedMargins, ClearMargins, cleared, information, tree_of
from synthetic.margins import Cells

BITS = [
    Cells(column=Column(name=name, role="other", domain=Bounds(low=0, high=1))) for name in "abc"
]


def test_small_counts_are_dropped_and_the_others_rounded() -> None:
    assert cleared(np.array([0, 4, 9, 10, 12, 13]), 5, 10).tolist() == [0, 0, 0, 10, 10, 15]


def test_independent_columns_share_no_information_and_equal_ones_their_entropy() -> None:
    assert information(np.full((2, 2), 0.25)) == pytest.approx(0)
    assert information(np.diag([0.5, 0.5])) == pytest.approx(np.log(2))


def test_the_tree_joins_the_pairs_that_share_most() -> None:
    strong, none = np.array([50, 0, 0, 50]), np.array([25, 25, 25, 25])
    people = {(0, 1): none, (0, 2): strong, (1, 2): np.array([40, 10, 10, 40])}
    tree = tree_of(BITS, people)
    assert set(tree.nodes) == {(0, 2), (1, 2)}
    assert np.allclose(tree.pairs[0, 2], [[0.5, 0], [0, 0.5]], atol=1e-6)
    assert np.allclose(tree.pairs[1, 2], [[0.4, 0.1], [0.1, 0.4]], atol=1e-6)
    assert np.allclose(tree.pairs[0, 1], [[0.4, 0.1], [0.1, 0.4]], atol=1e-6)


def test_no_count_below_the_threshold_leaves_a_force(
    open_forces: Callable[..., Forces], people: Callable[..., pa.Table], outcome_use_case: UseCase
) -> None:
    step = ClearMargins(base=5, fewest=10)
    forces = open_forces(outcome_use_case, {"ashmere": people(300)})
    with forces:
        sent = forces.ask(step).complete()["ashmere"].column("people").to_numpy()
    assert set(np.unique(sent) % 5) == {0}
    assert sent[sent > 0].min() >= 10


def test_clearing_left_out_would_be_caught(
    open_forces: Callable[..., Forces], people: Callable[..., pa.Table], outcome_use_case: UseCase
) -> None:
    with open_forces(outcome_use_case, {"ashmere": people(300)}) as forces:
        cells = rows.cells_of(outcome_use_case)
        premises = next(iter(forces))._people(members=True)
        counted = premises.query("people", counting.coded_sql(cells, 9) + " select f0 from coded")
        counts = np.bincount(counted.to_arrow_table()["f0"].to_numpy())
    assert np.any(counts % 5 != 0)


def test_dependence_on_the_tree_survives(
    synthesise: Callable[..., list[pa.Table]], people: Callable[..., pa.Table]
) -> None:
    table = synthesise(ClearedMargins(), {"ashmere": people(3000)})[0]
    prior, outcome = table["prior"].to_numpy(), table["outcome"].to_numpy()
    assert np.mean((prior > 5) == (outcome == 1)) > 0.97


@pytest.mark.parametrize(("base", "fewest"), [(1, 10), (5, 3)])
def test_clearing_that_clears_nothing_is_refused(base: int, fewest: int) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        ClearedMargins(base=base, fewest=fewest)
