"""Record-and-replay: with the noise frozen, one person never moves the vector past its claim."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Bounds,
    Categories,
    Column,
    Contribution,
    GroupedStatistics,
    Premises,
    Statistic,
    UseCase,
    UseCaseError,
)
from minimisation.statistics import bounding, grouped, noise
from minimisation.statistics.grouped import PrivateSums, plan_of
from minimisation.statistics.parts import Grid, Plan

Person = list[tuple[str | None, str | None, float | None]]
"""One person's rows: area, kind, value."""

AREAS, KINDS = ("north", "south", "west"), ("drugs", "theft")


@pytest.fixture(autouse=True)
def frozen_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only way to freeze the noise: replace the function that draws it."""
    monkeypatch.setattr(noise, "_draw", lambda values, _: values)


@pytest.fixture
def use_case(grouped_use_case: UseCase) -> UseCase:
    return replace(
        grouped_use_case,
        columns=(
            Column(name="person_id", role="direct_identifier"),
            Column(name="area", role="other", domain=Categories(values=AREAS)),
            Column(name="kind", role="other", domain=Categories(values=KINDS), optional=True),
            Column(name="value", role="other", domain=Bounds(low=-3, high=10, step=0.5)),
        ),
        question=GroupedStatistics(
            by=("area", "force", "kind"),
            statistics=(
                Statistic(aggregate="rows"),
                Statistic(aggregate="persons"),
                Statistic(aggregate="sum", column="value"),
                Statistic(aggregate="mean", column="value"),
            ),
        ),
        contribution=Contribution(groups=2, rows=3),
    )


def premises(use_case: UseCase, people: dict[str, Person], threads: int = 1) -> Premises:
    """A force with these people; `unit` is renumbered densely, as a force's boundary does."""
    flat = [
        (unit, name, *row)
        for unit, (name, rows) in enumerate(sorted(people.items()), 1)
        for row in rows
    ]
    columns = list(zip(*flat, strict=True)) or [()] * 5
    types = [pa.int64(), pa.string(), pa.string(), pa.string(), pa.float64()]
    names = ["unit", "person_id", "area", "kind", "value"]
    table = pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
    return Premises(
        force="ashmere",
        use_case=use_case,
        people=duckdb.connect(config={"threads": threads}).from_arrow(table),
        inputs=None,
        secret=b"s" * 32,
        hold=lambda key, value: None,  # noqa: ARG005 - nothing is held here
    )


def vector(use_case: UseCase, people: dict[str, Person], threads: int = 1) -> np.ndarray:
    """What the mechanism would send, noise frozen: shape (parts, cells)."""
    sent = PrivateSums(epsilon=1.0).run(premises(use_case, people, threads))
    return np.array([sent.column(part.name).to_pylist() for part in plan_of(use_case).parts])


def random_people(rng: np.random.Generator, count: int) -> dict[str, Person]:
    """People with a heavy tail of rows, some of them the same, missing or out of bounds."""
    values = [None, -3.0, -2.5, 0.0, 0.5, 9.5, 10.0, 1e9, -1e9, float("nan"), float("inf")]
    areas, kinds = [*AREAS, "elsewhere"], [*KINDS, None]

    def row() -> tuple[str | None, str | None, float | None]:
        return (
            areas[rng.integers(len(areas))],
            kinds[rng.integers(len(kinds))],
            values[rng.integers(len(values))],
        )

    people = {}
    for number in range(count):
        rows = [row() for _ in range(int(min(40, rng.pareto(0.8) + 1)))]
        people[f"SYN-{number:03d}"] = rows * int(rng.integers(1, 4))
    return people


def worst_person() -> Person:
    """A person at every bound: far more rows and groups than may count."""
    return [(area, kind, 10.0) for area in AREAS for kind in KINDS for _ in range(20)]


def excess(use_case: UseCase, trials: int) -> Iterator[float]:
    """Largest norm of a neighbour's difference over the claimed one, per trial (L1 and L2)."""
    plan = plan_of(use_case)
    for seed in range(trials):
        rng = np.random.default_rng([seed, 42])
        people = random_people(rng, int(rng.integers(1, 12)))
        if seed % 4 == 0:
            people[f"SYN-{rng.integers(900):03d}x"] = worst_person()
        one = sorted(people)[rng.integers(len(people))]
        without = {name: rows for name, rows in people.items() if name != one}
        change = np.abs(vector(use_case, people) - vector(use_case, without))
        yield change.sum() / plan.l1
        yield float((change**2).sum()) / plan.l2_squared


BOUNDS = [(1, 1), (1, 3), (2, 1), (2, 3), (5, 2), (9, 4)]


@pytest.mark.parametrize(("groups", "rows"), BOUNDS)
def test_removing_one_person_never_moves_the_vector_past_the_claimed_sensitivity(
    use_case: UseCase, groups: int, rows: int
) -> None:
    bounded = replace(use_case, contribution=Contribution(groups=groups, rows=rows))
    assert max(excess(bounded, 24)) <= 1


@pytest.mark.parametrize("by", [("kind",), ("force",), ("force", "area")])
def test_the_claim_holds_for_every_shape_of_grid(use_case: UseCase, by: tuple[str, ...]) -> None:
    question = replace(use_case.grouped, by=by)
    assert max(excess(replace(use_case, question=question), 16)) <= 1


def test_a_person_at_every_bound_reaches_the_claim_exactly(use_case: UseCase) -> None:
    chosen = plan_of(use_case)
    change = vector(use_case, {"SYN-1": worst_person()})
    assert np.abs(change).sum() == chosen.l1
    assert (change**2).sum() == chosen.l2_squared


def no_clipping(value: str, low: int, high: int) -> str:
    del low, high
    return value


def one_row_more(
    original: Callable[[UseCase, Plan, str], str],
) -> Callable[[UseCase, Plan, str], str]:
    return lambda use_case, plan, key: original(
        use_case,
        replace(
            plan,
            rows=plan.rows + 1,
            parts=tuple(replace(p, most=p.most // plan.rows * (plan.rows + 1)) for p in plan.parts),
        ),
        key,
    )


def one_group_more(
    original: Callable[[UseCase, Plan, str], str],
) -> Callable[[UseCase, Plan, str], str]:
    return lambda use_case, plan, key: original(
        use_case, replace(plan, groups=plan.groups + 1), key
    )


def global_threshold(plan: Plan) -> str:
    most = f"{plan.groups} * (select count(distinct unit) from placed)"
    last = f"list_max((select list(place order by place) from placed)[:{most}])"
    return f"thresholds as (select distinct unit, {last} as last from placed)"


def kept_by_unit_number(key: str) -> str:
    place = f"cast(md5_number_lower('{key}' || unit || '|' || cell) >> 33 as bigint) << 31"
    return f"placed as (select *, ({place}) + cell as place from totals)"


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "no clipping": lambda patch: patch.setattr(bounding, "_clipped", no_clipping),
    "rows off by one": lambda patch: patch.setattr(
        grouped, "vector_sql", one_row_more(bounding.vector_sql)
    ),
    "groups off by one": lambda patch: patch.setattr(
        grouped, "vector_sql", one_group_more(bounding.vector_sql)
    ),
    "global instead of per person": lambda patch: patch.setattr(
        bounding, "thresholds_step", global_threshold
    ),
    "selection depends on other people": lambda patch: patch.setattr(
        bounding, "placed_step", kept_by_unit_number
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_bound_is_caught(
    use_case: UseCase, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[mutant](monkeypatch)
    assert any(ratio > 1 for ratio in excess(use_case, 60))


def test_the_total_is_clipped_not_each_row(use_case: UseCase) -> None:
    rows: Person = [("north", "drugs", 10.0)] * 50_000
    sums = cells_of(use_case, {"SYN-1": rows})
    # 10.0 is 20 steps, 13 from the middle of -6 and 20: 26 when doubled
    assert sums["north", "drugs"] == {"rows": 3, "persons": 1, "sum_value": 60, "centred_value": 78}


def cells_of(use_case: UseCase, people: dict[str, Person]) -> dict[tuple[str, str], dict[str, int]]:
    sent = PrivateSums(epsilon=1.0).run(premises(use_case, people)).to_pylist()
    weights = {part.name: part.weight for part in plan_of(use_case).parts}
    return {
        (row["area"], row["kind"]): {name: row[name] // w for name, w in weights.items()}
        for row in sent
    }


def test_where_no_bound_bites_the_sums_are_exact(use_case: UseCase) -> None:
    people: dict[str, Person] = {
        "SYN-1": [("north", "drugs", 1.0), ("north", "drugs", 2.5)],
        "SYN-2": [("north", "drugs", -3.0), ("south", None, 0.5)],
    }
    sums = cells_of(use_case, people)
    # fixed point: step 0.5, so 1.0 + 2.5 - 3.0 = 0.5 is 1; doubled around 3.5 (14): -12 - 4 - 26
    assert sums["north", "drugs"] == {
        "rows": 3,
        "persons": 2,
        "sum_value": 1,
        "centred_value": 2 * 1 - 3 * 14,
    }
    assert sums["south", "missing"]["rows"] == 1
    assert sum(cell["rows"] for cell in sums.values()) == 4


def test_someone_with_too_many_rows_keeps_their_own_average(use_case: UseCase) -> None:
    rows: Person = [("west", "theft", 5.0)] * 30
    cell = cells_of(use_case, {"SYN-1": rows})["west", "theft"]
    middle = (-6 + 20) / 2
    assert (cell["centred_value"] / cell["rows"] / 2 + middle) * 0.5 == 5.0


def test_a_value_that_is_not_a_number_counts_as_missing(use_case: UseCase) -> None:
    sums = cells_of(use_case, {"SYN-1": [("north", "drugs", float("nan"))]})
    assert sums["north", "drugs"] == {"rows": 1, "persons": 1, "sum_value": 0, "centred_value": 0}


def test_rows_outside_the_declared_labels_are_dropped_without_an_error(use_case: UseCase) -> None:
    assert not vector(use_case, {"SYN-1": [("elsewhere", "drugs", 1.0)]}).any()


def test_a_force_without_rows_sends_the_whole_grid(use_case: UseCase) -> None:
    sent = PrivateSums(epsilon=1.0).run(premises(use_case, {}))
    assert sent.num_rows == 9
    assert sent.schema.equals(PrivateSums(epsilon=1.0).sends(use_case).schema)


def test_order_of_rows_and_threads_change_nothing(use_case: UseCase) -> None:
    people = random_people(np.random.default_rng(3), 40)
    exact = vector(use_case, people)
    reversed_rows = {name: rows[::-1] for name, rows in people.items()}
    assert np.array_equal(exact, vector(use_case, reversed_rows, threads=2))


def test_removing_a_person_changes_no_other_persons_groups(use_case: UseCase) -> None:
    people = random_people(np.random.default_rng(8), 30)
    whole = vector(use_case, people)
    for name in list(people)[:10]:
        alone = vector(use_case, {name: people[name]})
        rest = vector(use_case, {other: rows for other, rows in people.items() if other != name})
        assert np.array_equal(whole, alone + rest)


def test_everyone_does_not_lose_the_same_group(use_case: UseCase) -> None:
    one = replace(use_case, contribution=Contribution(groups=1, rows=1))
    rows: Person = [("north", "drugs", 1.0), ("south", "drugs", 1.0)]
    sums = cells_of(one, {f"SYN-{number:03d}": rows for number in range(200)})
    assert 60 < sums["north", "drugs"]["rows"] < 140
    assert sums["north", "drugs"]["rows"] + sums["south", "drugs"]["rows"] == 200


def test_a_record_is_its_own_unit_and_needs_no_bound(use_case: UseCase) -> None:
    chosen = plan_of(replace(use_case, unit="record"))
    assert (chosen.groups, chosen.rows) == (1, 1)
    assert "persons" not in {part.name for part in chosen.parts}


def test_nobody_is_in_more_groups_than_there_are(use_case: UseCase) -> None:
    wide = replace(use_case, contribution=Contribution(groups=1000, rows=1))
    assert plan_of(wide).groups == 9


def test_bounds_that_could_overflow_are_refused_before_anything_runs(use_case: UseCase) -> None:
    huge = Column(name="value", role="other", domain=Bounds(low=0, high=1e15, step=0.5))
    columns = (*(c for c in use_case.columns if c.name != "value"), huge)
    with pytest.raises(UseCaseError, match=r"2\^53"):
        plan_of(replace(use_case, columns=columns))


@pytest.mark.parametrize(
    ("low", "high", "step", "grid"),
    [
        (0, 100, 1, (0, 100)),
        (-100, 50, 1, (-100, 50)),
        (-2.5, 2.5, 1, (-3, 3)),
        (0, 1, 0.1, (0, 10)),
    ],
)
def test_bounds_become_whole_multiples_with_halves_away_from_zero(
    low: float, high: float, step: float, grid: tuple[int, int]
) -> None:
    made = Grid.of(Bounds(low=low, high=high, step=step))
    assert (made.low, made.high) == grid
    assert made.largest == max(abs(grid[0]), abs(grid[1]))


def test_the_sql_never_sums_a_float(use_case: UseCase) -> None:
    text = bounding.vector_sql(use_case, plan_of(use_case), "k")
    relation = premises(use_case, {"SYN-1": [("north", "drugs", 1.0)]}).people
    assert {str(kind) for kind in relation.query("people", text).types} == {"BIGINT"}
    totals = text[: text.rindex("select cell")] + "select * from totals"
    kinds = {str(kind) for kind in relation.query("people", totals).types}
    assert kinds == {"BIGINT", "HUGEINT"}
