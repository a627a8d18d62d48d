"""Released tables made consistent on request: no count below 0, margins that are their sums."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation import Bounds, Categories, Column, UseCaseError
from minimisation.statistics import private_query
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.consistency import with_margins
from minimisation.statistics.planner import Allowance, QueryPlan, choose
from minimisation.statistics.text_form import parse

TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="area", role="other", domain=Categories(values=("n", "s", "w"))),
        Column(name="sex", role="other", domain=Categories(values=("f", "m"))),
        Column(name="age", role="other", domain=Bounds(low=10, high=90)),
    ),
)


def released(text: str, noisy: list[list[int]], most: int = 2) -> tuple[QueryPlan, pa.Table]:
    """A query and its release, given the noisy sum of each part in each cell."""
    plan = choose(parse(text, "custody"), TABLE, Allowance(in_all=most))
    weights = np.array([[part.weight] for part in plan.vector.parts])
    vector = np.array(noisy, dtype=np.int64) * weights
    return plan, private_query.finish(plan, [vector], private_query.noise_of(plan, 1.0, 0.0))


def test_cells_below_0_become_0_and_margins_are_their_sums() -> None:
    plan, table = released("rows by area, sex", [[5, -2, 3, 4, -1, 0]])
    made = with_margins(plan, table).to_pylist()
    assert [row["rows"] for row in made] == pytest.approx([5, 0, 3, 4, 0, 0, 5, 7, 0, 8, 4, 12])
    keys = [(row["area"], row["sex"]) for row in made[6:]]
    margins = [("n", None), ("s", None), ("w", None), (None, "f"), (None, "m"), (None, None)]
    assert keys == margins


def test_intervals_are_raised_to_0_and_margins_have_none() -> None:
    plan, table = released("rows by sex", [[100, -100]])
    one, other, total = with_margins(plan, table).to_pylist()
    assert one["rows_low"] < 100 < one["rows_high"]
    assert other["rows_low"] == other["rows_high"] == 0
    assert (total["rows"], total["rows_low"], total["rows_high"]) == (100, None, None)


def test_persons_who_may_be_in_several_cells_are_not_added_up() -> None:
    plan, table = released("rows, persons by sex", [[6, 8], [-1, 2]])
    made = with_margins(plan, table).to_pylist()
    assert [row["persons"] for row in made] == pytest.approx([0, 2, None])
    plan, table = released("persons by sex", [[-1, 2]])
    assert with_margins(plan, table).num_rows == 2


def test_persons_who_count_once_are_added_up() -> None:
    plan, table = released("persons by sex", [[-1, 2]], most=1)
    assert with_margins(plan, table).column("persons").to_pylist() == pytest.approx([0, 2, 2])


def test_other_figures_stay_as_they_were() -> None:
    plan, table = released("rows, sum(age) by sex", [[-3, 4], [-50, 60]])
    made = with_margins(plan, table)
    assert made.slice(0, 2).column("sum_age") == table.column("sum_age")
    assert made.column("sum_age")[2].as_py() is None


def test_a_table_without_keys_has_no_margins() -> None:
    plan, table = released("rows", [[-7]])
    assert with_margins(plan, table).column("rows").to_pylist() == [0]


def test_a_table_without_counts_is_refused() -> None:
    plan, table = released("sum(age) by sex", [[1, 2]])
    with pytest.raises(UseCaseError, match="rows or persons"):
        with_margins(plan, table)


@settings(max_examples=25, deadline=None)
@given(noisy=st.lists(st.integers(-(10**6), 10**6), min_size=6, max_size=6))
def test_whatever_the_noise_margins_agree_and_nothing_is_below_0(noisy: list[int]) -> None:
    plan, table = released("rows by area, sex", [noisy])
    rows = np.array(with_margins(plan, table).column("rows").to_pylist())
    cells, areas, sexes, total = rows[:6].reshape(3, 2), rows[6:9], rows[9:11], rows[11]
    assert (rows >= 0).all()
    assert cells.ravel() == pytest.approx(np.maximum(noisy, 0))
    assert cells.sum(axis=1) == pytest.approx(areas)
    assert cells.sum(axis=0) == pytest.approx(sexes)
    assert total == pytest.approx(cells.sum())
