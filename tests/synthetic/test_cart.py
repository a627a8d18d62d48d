"""Sequential trees: leaves, dependence, and the parameter that stops copying."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Bounds, Categories, Column, Option, UseCase
from synthetic.cart import Grower, SequentialTrees, order_of, sequential
from synthetic.margins import Cells
from synthetic.rows import cells_of

Synthesise = Callable[..., list[pa.Table]]

BIT = Cells(column=Column(name="bit", role="other", domain=Bounds(low=0, high=1)))
LABELS = Cells(column=Column(name="label", role="other", domain=Categories(values=("a", "b", "c"))))


def test_a_column_that_follows_from_another_still_does() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 3, 600)
    drawn = sequential(
        [LABELS, BIT], [label, (label == 1).astype(np.int64)], [0, 1], Grower(smallest_leaf=10), rng
    )
    assert np.array_equal(drawn[1], (drawn[0] == 1).astype(np.int64))


def test_a_leaf_hands_out_only_cells_that_are_in_it() -> None:
    rng = np.random.default_rng(1)
    bit = np.repeat([0, 1], 50)
    drawn = sequential(
        [BIT, LABELS], [bit, np.where(bit == 1, 2, 0)], [0, 1], Grower(smallest_leaf=20), rng
    )
    assert set(zip(drawn[0].tolist(), drawn[1].tolist(), strict=True)) <= {(0, 0), (1, 2)}


def test_dependence_survives(synthesise: Synthesise, people: Callable[..., pa.Table]) -> None:
    table = synthesise(SequentialTrees(smallest_leaf=20), {"ashmere": people(1500)})[0]
    age, prior = table["age"].to_numpy(), table["prior"].to_numpy()
    assert np.corrcoef(age, prior)[0, 1] > 0.9


def test_the_outcome_is_drawn_last(outcome_use_case: UseCase) -> None:
    cells = cells_of(outcome_use_case)
    names = [cells[place].column.name for place in order_of(outcome_use_case, cells)]
    assert names[-1] == "outcome"
    assert names[0] == "sex"


def test_larger_leaves_repeat_fewer_unique_people() -> None:
    rng = np.random.default_rng(1)
    wide = [
        Cells(column=Column(name=f"n{i}", role="other", domain=Bounds(low=0, high=4)))
        for i in range(6)
    ]
    codes = [rng.integers(0, 5, 1000) for _ in wide]

    def repeated(leaf: int) -> int:
        made = sequential(
            wide, codes, range(6), Grower(smallest_leaf=leaf), np.random.default_rng(2)
        )
        real = set(zip(*(code.tolist() for code in codes), strict=True))
        return sum(row in real for row in zip(*(code.tolist() for code in made), strict=True))

    assert repeated(2) > 1.5 * repeated(100)


def test_a_leaf_of_one_person_is_refused() -> None:
    with pytest.raises(ValueError, match="smallest_leaf"):
        SequentialTrees(smallest_leaf=1)


def test_the_trees_are_an_option() -> None:
    option: Option = SequentialTrees()
    assert option.name == "sequential-trees"
