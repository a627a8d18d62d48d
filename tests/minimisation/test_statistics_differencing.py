"""Differencing: what tables single out together, and tables that are made to agree."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation import Bounds, Categories, Column, PolicyError
from minimisation.statistics.audit import Invented, Row
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.consistency import Measured, consistent
from minimisation.statistics.disclosure import differencing
from minimisation.statistics.disclosure.differencing import refuse_differencing, singled_out
from minimisation.statistics.planner import Allowance, QueryPlan, choose
from minimisation.statistics.text_form import parse

TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="area", role="other", domain=Categories(values=("n", "s", "w"))),
        Column(name="sex", role="other", domain=Categories(values=("f", "m"))),
        Column(name="age", role="other", domain=Bounds(low=10, high=90, edges=(18, 25, 40, 60))),
    ),
)


def planned(text: str) -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, Allowance(), "ad_hoc")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Sixty people of each area and sex, and one of 90 in the north."""
    people: dict[int, list[Row]] = {
        number: [{"area": number % 3, "sex": number // 3 % 2, "age": 10 + number // 6 % 60}]
        for number in range(360)
    }
    people[999] = [{"area": 0, "sex": 0, "age": 90}]
    with duckdb.connect() as opened:
        Invented(table=TABLE, people=people, referred={}).store(opened, "custody")
        yield opened


def test_everybody_but_one_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    everybody, others = planned("rows"), planned("rows where age <= 89")
    refuse_differencing(everybody, [], connection)
    with pytest.raises(PolicyError, match="fewer than 10 people"):
        refuse_differencing(others, [everybody], connection)
    with pytest.raises(PolicyError, match="fewer than 10 people"):
        refuse_differencing(everybody, [others], connection)


def test_a_window_moved_by_a_year_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    before = planned("rows by area where age between 18 and 40")
    assert not singled_out(before, [], connection)
    assert singled_out(planned("rows by area where age between 18 and 41"), [before], connection)


def test_nested_populations_that_differ_by_many_are_not_refused(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    tables = [planned("rows by area"), planned("rows by sex"), planned("rows by area, sex")]
    for place, table in enumerate(tables):
        refuse_differencing(table, tables[:place], connection)


def test_a_sum_over_several_tables_is_seen(connection: duckdb.DuckDBPyConnection) -> None:
    # women of the west are everybody of three areas, less the men, less women of the others
    by_area = planned("rows by area where age >= 67")
    men = planned("rows where sex = 'm' and age >= 67")
    women = planned("rows where sex = 'f' and area in ('n', 's') and age >= 67")
    assert not singled_out(men, [by_area], connection, fewest=5)
    assert not singled_out(women, [by_area], connection, fewest=5)
    assert singled_out(women, [by_area, men], connection, fewest=5)


def test_a_group_that_was_known_before_is_not_the_new_tables_doing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    everybody, others = planned("rows"), planned("rows where age <= 89")
    assert not singled_out(planned("rows by sex"), [everybody, others], connection)


def test_a_small_cell_of_the_table_itself_is_refused(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert singled_out(planned("rows by area where age >= 80"), [], connection)


def test_the_refusal_names_nobody(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(PolicyError) as caught:
        refuse_differencing(planned("rows where age <= 89"), [planned("rows")], connection)
    assert "90" not in str(caught.value)
    assert "area" not in str(caught.value)


def test_a_check_of_the_new_table_alone_is_caught(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    incidence = differencing._incidence
    monkeypatch.setattr(
        differencing,
        "_incidence",
        lambda atoms, shown: incidence(atoms, [*[()] * (len(shown) - 1), shown[-1]]),
    )
    with pytest.raises(AssertionError):
        assert singled_out(planned("rows where age <= 89"), [planned("rows")], connection)


def test_cells_that_are_not_shown_are_unknown_until_others_give_them(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    lone, everybody = planned("rows where age >= 70"), planned("rows")
    others = planned("rows where age <= 69")
    assert singled_out(lone, [], connection)
    assert not singled_out(lone, [], connection, small_shown=False)
    # shown, the lone one is known before; left out, they become known by the difference
    assert not singled_out(others, [everybody, lone], connection)
    assert singled_out(others, [everybody, lone], connection, small_shown=False)


def test_too_many_groups_are_refused(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differencing, "MOST_ATOMS", 3)
    with pytest.raises(PolicyError, match="coarser"):
        singled_out(planned("rows by area, sex"), [], connection)


def test_tables_that_agree_already_stay_as_they_are() -> None:
    cells = np.array([[4.0, 0.0], [3.0, 5.0]])
    tables = [
        Measured(axes=(0, 1), values=cells, deviation=2.0),
        Measured(axes=(0,), values=cells.sum(axis=1), deviation=1.0),
        Measured(axes=(), values=np.array(12.0), deviation=1.0),
    ]
    for table, made in zip(tables, consistent((2, 2), tables), strict=True):
        assert made == pytest.approx(table.values, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_noisy_tables_end_without_negatives_and_with_margins_that_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    exact = rng.poisson(4.0, (3, 4)).astype(float)
    tables = [
        Measured(axes=axes, values=np.asarray(total + rng.normal(0, 5, total.shape)), deviation=5.0)
        for axes, total in (
            ((0, 1), exact),
            ((0,), exact.sum(axis=1)),
            ((1,), exact.sum(axis=0)),
            ((), np.asarray(exact.sum())),
        )
    ]
    cells, rows, columns, total = consistent((3, 4), tables)
    assert (cells >= 0).all()
    assert cells.sum(axis=1) == pytest.approx(rows)
    assert cells.sum(axis=0) == pytest.approx(columns)
    assert float(cells.sum()) == pytest.approx(float(total))


def test_agreement_brings_cells_nearer_to_the_truth_on_average() -> None:
    rng = np.random.default_rng(3)
    exact = rng.poisson(30.0, (4, 5)).astype(float)
    before = after = 0.0
    for _ in range(20):
        cells = exact + rng.normal(0, 6, exact.shape)
        margin = exact.sum(axis=0) + rng.normal(0, 3, 5)
        made, _ = consistent(
            (4, 5),
            [
                Measured(axes=(0, 1), values=cells, deviation=6.0),
                Measured(axes=(1,), values=margin, deviation=3.0),
            ],
        )
        before += float(((cells - exact) ** 2).sum())
        after += float(((made - exact) ** 2).sum())
    assert after < before


@pytest.mark.parametrize(
    ("shape", "table", "rule"),
    [
        ((2, 2), Measured(axes=(0,), values=np.zeros(3), deviation=1.0), "their shape"),
        ((2, 2), Measured(axes=(0,), values=np.zeros(2), deviation=0.0), "above 0"),
        ((300, 300), Measured(axes=(), values=np.zeros(()), deviation=1.0), "at most"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    shape: tuple[int, ...], table: Measured, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        consistent(shape, [table])
