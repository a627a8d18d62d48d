"""Histograms, quantiles and columns worked out per row, against plain counting."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation import Bounds, Categories, Column, UseCaseError
from minimisation.statistics import arithmetic, private_query
from minimisation.statistics.arithmetic import Combined, Number, Of, worked_out
from minimisation.statistics.audit import Invented
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.histograms import Tree
from minimisation.statistics.noise import DiscreteLaplace
from minimisation.statistics.parts import Grid
from minimisation.statistics.planner import Allowance, QueryPlan, choose
from minimisation.statistics.text_form import parse

TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="sex", role="other", domain=Categories(values=("f", "m"))),
        Column(
            name="age",
            role="other",
            domain=Bounds(low=10, high=90, edges=tuple(range(11, 90))),
            optional=True,
        ),
        Column(name="hours", role="other", domain=Bounds(low=0, high=24, step=0.5, edges=(6, 12))),
        Column(name="rate", role="other", domain=Bounds(low=-2, high=3, step=0.1)),
    ),
)
WIDE = Allowance(in_all=500, groups=2, rows=500)
QUIET = DiscreteLaplace(scale=1e-3)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        rng = np.random.default_rng(3)
        people = {
            person: [
                {
                    "sex": int(rng.integers(2)),
                    "age": None if rng.random() < 0.1 else int(rng.integers(10, 91)),
                    "hours": int(rng.integers(49)),
                    "rate": int(rng.integers(-20, 31)),
                }
                for _ in range(int(rng.integers(1, 4)))
            ]
            for person in range(300)
        }
        Invented(table=TABLE, people=people, referred={}).store(opened, "custody")
        yield opened


def planned(text: str, allowance: Allowance = WIDE) -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, allowance)


def released(plan: QueryPlan, connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    exact = private_query.exact_vector(plan, connection)
    rows: list[dict[str, object]] = private_query.finish(plan, [exact], QUIET).to_pylist()
    return rows


@given(leaves=st.integers(1, 700), data=st.data())
def test_nodes_below_an_edge_add_up_to_the_bins_below_it(leaves: int, data: st.DataObject) -> None:
    edge = data.draw(st.integers(0, leaves))
    tree, bins = Tree(leaves=leaves), np.arange(1, leaves + 1)[:, None] ** 2
    nodes = tree.filled(bins)
    assert len(nodes) == tree.nodes
    assert nodes[tree.below(edge)].sum() == bins[:edge].sum()
    assert len(tree.below(edge)) <= 15 * tree.levels + 1


@pytest.mark.parametrize("where", ["", " where rate >= -2"])
def test_a_histogram_is_the_count_of_every_bin(
    connection: duckdb.DuckDBPyConnection, where: str
) -> None:
    rows = released(planned(f"histogram(hours) by sex{where}"), connection)
    plain = connection.execute(
        "select count(*) filter (hours < 12), count(*) filter (hours >= 12 and hours < 24),"
        " count(*) filter (hours >= 24) from custody group by sex order by sex"
    ).fetchall()
    labels = TABLE.labels("hours")
    assert [tuple(row[f"histogram_hours[{label}]"] for label in labels) for row in rows] == plain


@pytest.mark.parametrize("where", ["", " where rate >= -2"])
def test_a_quantile_lies_in_the_bin_of_the_plain_one(
    connection: duckdb.DuckDBPyConnection, where: str
) -> None:
    rows = released(planned(f"median(age), quantile(age, 0.9) by sex{where}"), connection)
    plain = connection.execute(
        "select quantile_disc(age, 0.5), quantile_disc(age, 0.9) from custody"
        " group by sex order by sex"
    ).fetchall()
    for row, exact in zip(rows, plain, strict=True):
        for name, value in zip(("quantile_age_0.5", "quantile_age_0.9"), exact, strict=True):
            low, got, high = (row[f"{name}{end}"] for end in ("_low", "", "_high"))
            assert low <= value < high  # type: ignore[operator]  # a bin is [low, high)
            assert low <= got <= high  # type: ignore[operator]


def test_a_persons_rows_beyond_the_bound_are_shared_out_like_their_own(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = [{"sex": 0, "age": age, "hours": 0, "rate": 0} for age in [10] * 20 + [89] * 60]
    Invented(table=TABLE, people={1: rows}, referred={}).store(connection, "custody")
    plan = planned("histogram(age) where rate >= -2", Allowance(groups=1, rows=4))
    row = released(plan, connection)[0]
    shown = {name: value for name, value in row.items() if value and name.endswith("]")}
    assert shown == {"histogram_age[10 to <11]": 1, "histogram_age[89 to 90]": 3}


@pytest.mark.parametrize("level", [0.1, 0.5])
@pytest.mark.parametrize("scale", [3.0, 12.0])
def test_a_quantiles_interval_covers_in_its_share_of_releases(
    connection: duckdb.DuckDBPyConnection, level: float, scale: float
) -> None:
    plan = planned(f"quantile(age, {level})")
    exact = private_query.exact_vector(plan, connection)
    added = DiscreteLaplace(scale=scale)
    rng, trials = np.random.default_rng(2), 400
    # many cells at once: each is a release of its own
    many = replace(plan, shape=(trials,), query=replace(plan.query, by=("sex",)))
    drawn = np.repeat(exact, trials, axis=1) + rng.laplace(0, scale, (len(exact), trials)).round()
    sums = private_query._by_part(many, drawn.astype(float))
    noisy = private_query.Noisy(sums=sums, plan=plan.vector, noise=added, copies=1)
    figure = private_query.figures_of(plan, plan.query.measures[0], noisy)[f"quantile_age_{level}"]
    truth = connection.execute(f"select quantile_disc(age, {level}) from custody").fetchone()
    assert truth
    covered = ((figure.low <= truth[0]) & (truth[0] < figure.high)).mean()
    assert covered >= 0.93
    assert (figure.high - figure.low).mean() < 60


def test_nobody_has_no_quantile(connection: duckdb.DuckDBPyConnection) -> None:
    row = released(planned("median(age) where age is null"), connection)[0]
    assert row["quantile_age_0.5"] is None
    assert (row["quantile_age_0.5_low"], row["quantile_age_0.5_high"]) == (10.0, 90.0)


def test_a_tree_costs_its_levels_and_a_flat_histogram_nothing_more() -> None:
    few, many = (planned(f"histogram({name})", Allowance(in_all=3)) for name in ("hours", "age"))
    assert (few.vector.l1, few.vector.l2_squared) == (3, 9)
    assert (many.vector.l1, many.vector.l2_squared) == (6, 18)  # 81 bins: two levels


def test_a_column_that_is_worked_out_is_the_plain_one(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    text = "sum(hours - rate * 2), mean(hours * rate + 1.25, -20, 40) where hours - rate >= 3.3"
    plan = planned(text)
    row = released(plan, connection)[0]
    plain = connection.execute(
        "select sum(hours / 2 - rate / 10 * 2), avg(least(greatest(hours / 2 * rate / 10 + 1.25,"
        " -20), 40)) from custody where hours * 5 - rate >= 33"
    ).fetchone()
    assert plain
    first, second = (measure.name for measure in plan.query.measures)
    assert row[first] == pytest.approx(plain[0])
    assert row[second] == pytest.approx(plain[1])


@given(
    ends=st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 50)), min_size=2, max_size=2),
    steps=st.tuples(st.sampled_from([0.1, 0.5, 1.0, 3.0]), st.sampled_from([0.25, 1.0, 7.0])),
    sign=st.sampled_from(["+", "-", "*"]),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_no_value_leaves_the_propagated_bounds(
    ends: list[tuple[int, int]],
    steps: tuple[float, float],
    sign: str,
    share: tuple[float, float],
) -> None:
    grids = {
        name: Grid(low=low, high=low + width, step=step)
        for name, (low, width), step in zip("xy", ends, steps, strict=True)
    }
    expression = Combined(sign=sign, left=Of(column="x"), right=Of(column="y"))  # type: ignore[arg-type]
    made = worked_out(expression, grids.__getitem__)
    x, y = (
        round(grid.low + part * (grid.high - grid.low))
        for grid, part in zip(grids.values(), share, strict=True)
    )
    value = duckdb.execute(f"select {made.sql} from (select {x} as x, {y} as y)").fetchone()
    units = {"+": x * steps[0] + y * steps[1], "-": x * steps[0] - y * steps[1]}
    assert value
    assert made.low <= value[0] <= made.high
    assert value[0] * float(made.step) == pytest.approx(
        units.get(sign, x * steps[0] * y * steps[1])
    )


def test_a_range_that_grows_too_wide_is_refused() -> None:
    wide = Grid(low=0, high=2**30, step=1.0)
    square = Combined(sign="*", left=Of(column="x"), right=Of(column="x"))
    with pytest.raises(UseCaseError, match="2\\^40"):
        worked_out(square, lambda _: wide)
    with pytest.raises(UseCaseError, match="not numbers alone"):
        _ = worked_out(Number(text="3"), lambda _: wide).bounds


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("sum(sex + 1)", "must have bounds"),
        ("sum(officer + 1)", "must be one a query may use"),
        ("histogram(sex)", "must be a number"),
        ("histogram(rate)", "public edges"),
        ("rows by hours_plus_1", "must be one a query may use"),
        ("sum((hours - rate) * 2), sum(hours - rate * 2)", "too much like"),
    ],
)
def test_what_has_no_public_bounds_or_edges_is_refused(text: str, rule: str) -> None:
    with pytest.raises(UseCaseError, match=rule):
        planned(text)


def test_a_worked_out_column_has_a_readable_name() -> None:
    plan = planned("sum(hours - rate * 1.5)")
    assert plan.query.measures[0].name == "sum_hours_minus_rate_times_1_5"
    assert list(arithmetic.columns_of(plan.query.derived["hours_minus_rate_times_1_5"])) == [
        "hours",
        "rate",
    ]
