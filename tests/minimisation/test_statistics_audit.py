"""Record and replay, and a lower bound on epsilon, for every shape of query; broken ones fail."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType

import duckdb
import numpy as np
import pytest

from minimisation import Bounds, Categories, Column
from minimisation.statistics import (
    audit,
    contributions,
    duckdb_engine,
    first_rows,
    noise,
    private_query,
)
from minimisation.statistics.catalogue import Prepared, Reference, StoredTable
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.lower_bound import lower_bound
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.predicates import In
from minimisation.statistics.text_form import parse

SEX = Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True)
TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=("a", "b", "c", "d"))),
        SEX,
        Column(name="hours", role="other", domain=Bounds(low=-3, high=24, step=0.5, edges=(6, 12))),
        Column(name="value", role="other", domain=Bounds(low=0, high=2**45 + 1)),
        Column(
            name="wait",
            role="other",
            domain=Bounds(low=0, high=7, step=0.1, edges=(1.5, 3)),
            optional=True,
        ),
        Column(
            name="minute", role="other", domain=Bounds(low=0, high=60, edges=tuple(range(1, 60)))
        ),
    ),
    references=MappingProxyType(
        {
            "station": Reference(
                table="station",
                by="station_id",
                key="station_id",
                columns=(
                    Column(name="size", role="other", domain=Categories(values=("s", "l"))),
                    Column(name="cells", role="other", domain=Bounds(low=0, high=40)),
                ),
            ),
            "region": Reference(
                table="region",
                via="station",
                by="region_id",
                key="region_id",
                columns=(
                    SEX,
                    Column(name="rural", role="other", domain=Categories(values=("0", "1"))),
                ),
            ),
        }
    ),
    prepared=(
        Prepared(table="by_offence", population=(), by=("offence", "sex")),
        Prepared(
            table="filtered",
            population=(In(column="offence", labels=("b", "c")),),
            by=("hours",),
        ),
    ),
)
FILTER = "where offence in ('b', 'c')"
QUERIES = {
    "rows": "rows by offence, sex",
    "persons": "persons by offence, sex",
    "sum": "sum(hours) by offence, sex",
    "narrowed sum": "sum(hours, 2, 20) by offence, sex",
    "mean": "mean(wait) by offence, sex",
    "variance": "variance(hours) by offence, sex",
    "everything": "rows, persons, sum(hours), mean(hours), variance(wait) by offence, sex",
    "filter": f"rows, mean(hours) by hours {FILTER}",
    "two filters": "persons, sum(wait) by sex where hours between 0.3 and 24 and wait is not null",
    "join": "rows, persons, sum(station.cells) by station.size, offence",
    "filter by join": "rows by sex where station.size = 's' and station.cells >= 2",
    "alternatives filter": "rows, sum(hours) by sex where hours >= 4 and (offence = 'b' or"
    " station.size = 's' and wait is null or offence in ('c', 'd') and wait <= 2)",
    "filter by comparison": "rows by offence, region.rural where region.sex = sex",
    "further join": "rows, persons, sum(hours) by region.rural, station.size",
    "histogram": "histogram(hours) by offence, sex",
    "quantile": "rows, median(hours), quantile(wait, 0.9) by offence, sex",
    "filtered histogram": f"histogram(wait) by sex {FILTER}",
    "tree": "histogram(minute) by offence, sex",
    "derived": "sum(hours - wait * 2), mean(hours * wait, 0, 40) by offence, sex",
    "derived filter": "rows, sum(station.cells + 1.5) by sex where hours - wait between 0 and 9",
    "no keys": "rows, persons, sum(hours)",
}
FORMS: dict[Form, tuple[str, ...]] = {
    "prefix": tuple(name for name in QUERIES if "filter" not in name),
    "prepared": (
        "rows",
        "persons",
        "sum",
        "narrowed sum",
        "mean",
        "variance",
        "everything",
        "filter",
        "histogram",
        "quantile",
        "tree",
        "derived",
    ),
    "ad_hoc": tuple(QUERIES),
}
SHAPES = [(form, name) for form, names in FORMS.items() for name in names]
SAMPLE = SHAPES[::4]
"""What the slower checks run on by default; the full run takes every shape."""
ALLOWANCE = Allowance(in_all=4, groups=2, rows=3)


def planned(form: Form, name: str, allowance: Allowance = ALLOWANCE) -> QueryPlan:
    return choose(parse(QUERIES[name], "custody"), TABLE, allowance, form)


@pytest.mark.parametrize(("form", "name"), SHAPES)
def test_no_person_moves_a_query_past_its_claim(form: Form, name: str) -> None:
    found = audit.worst(planned(form, name), 4)

    assert found.largest <= 1
    assert found.largest > 0.2  # the neighbours are far enough apart to break a wrong claim


@pytest.mark.full
@pytest.mark.parametrize(("form", "name"), SHAPES)
def test_no_person_ever_moves_a_query_past_its_claim(form: Form, name: str) -> None:
    for groups, rows in ((1, 1), (1, 4), (3, 2), (12, 5)):
        allowance = Allowance(in_all=groups * rows, groups=groups, rows=rows)
        assert audit.worst(planned(form, name, allowance), 60, seed=groups).largest <= 1


def larger(plan: QueryPlan, groups: int = 0, rows: int = 0) -> QueryPlan:
    """The plan of somebody who allows more than the claim was made for."""
    vector = plan.vector
    scale = (vector.rows + rows) / vector.rows
    parts = tuple(
        replace(part, most=math.ceil(part.most * (1 if part.kind == "persons" else scale)))
        for part in vector.parts
    )
    grown = replace(vector, groups=vector.groups + groups, rows=vector.rows + rows, parts=parts)
    return replace(plan, vector=grown)


def merged_after_truncation(plan: QueryPlan) -> str:
    """Cells are chosen per person, and then six of them become one."""
    merged = "from (select * replace (cell // 6 as cell) from kept) as merged group by cell"
    return compile_query(plan).replace("from kept group by cell", merged)


def refined_after_truncation(plan: QueryPlan) -> str:
    """Groups are chosen by a coarse key, and reported by a fine one."""
    text = compile_query(plan)
    return text.replace("+ cell as place", "+ cell // 6 as place").replace(
        "hash(person, cell,", "hash(person, cell // 6,"
    )


def in_doubles(plan: QueryPlan) -> str:
    text = compile_query(plan)
    return text.replace('sum("value_value")', 'sum(cast("value_value" as double))')


def unclipped(value: str, low: int, high: int) -> str:
    del low, high
    return value


Compile = Callable[[QueryPlan], str]
MUTANTS: dict[str, tuple[Form, str, Compile]] = {
    "prefix, a row more": ("prefix", "rows", lambda plan: compile_query(larger(plan, rows=1))),
    "prefix, a row more in a sum": (
        "prefix",
        "sum",
        lambda plan: compile_query(larger(plan, rows=1)),
    ),
    "prepared, a row more": ("prepared", "mean", lambda plan: compile_query(larger(plan, rows=1))),
    "prepared, a group more": (
        "prepared",
        "persons",
        lambda plan: compile_query(larger(plan, groups=1)),
    ),
    "ad hoc, a row more": ("ad_hoc", "rows", lambda plan: compile_query(larger(plan, rows=1))),
    "ad hoc, a group more": (
        "ad_hoc",
        "two filters",
        lambda plan: compile_query(larger(plan, groups=1)),
    ),
    "ad hoc, a row more behind a join": (
        "ad_hoc",
        "join",
        lambda plan: compile_query(larger(plan, rows=1)),
    ),
    "keys merged after truncation": ("ad_hoc", "persons", merged_after_truncation),
    "keys refined after truncation": ("ad_hoc", "everything", refined_after_truncation),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_query_that_breaks_its_claim_is_caught(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, name, broken = MUTANTS[mutant]
    if broken is refined_after_truncation:
        monkeypatch.setattr(contributions, "packing", lambda _: None)
    monkeypatch.setattr(duckdb_engine, "compile_query", broken)

    assert audit.worst(planned(form, name), 20).largest > 1


@pytest.mark.parametrize("mutant", [each for each in MUTANTS if each.startswith("ad hoc")])
def test_a_claim_broken_in_the_wide_form_is_caught(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, name, broken = MUTANTS[mutant]
    monkeypatch.setattr(contributions, "packing", lambda _: None)
    monkeypatch.setattr(duckdb_engine, "compile_query", broken)

    assert audit.worst(planned(form, name), 20).largest > 1


@pytest.mark.parametrize("name", ["everything", "two filters", "join", "derived"])
def test_no_person_moves_a_wide_contribution_past_its_claim(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contributions, "packing", lambda _: None)

    assert 0.2 < audit.worst(planned("ad_hoc", name), 4).largest <= 1


AT_ROWS_FIRST = tuple(
    name for name in FORMS["ad_hoc"] if contributions.packing(planned("ad_hoc", name)) is not None
)
"""Queries whose contributions fit one integer."""


def always_at_rows_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_rows, "CELLS_PER_GROUP", 0)
    monkeypatch.setattr(first_rows, "LEAST_SHARE", 0.0)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("rows by offence, minute, hours", True),
        ("rows by offence, minute, hours where sex = 'f'", True),
        ("rows by offence, minute, hours where offence in ('a', 'b') and value >= 9", True),
        ("rows by offence, minute, hours where minute between 1 and 10", False),
        ("rows by offence, minute, hours where offence = 'a' and sex = 'f'", False),
        ("rows by offence, sex", False),
    ],
)
def test_rows_are_looked_at_first_by_public_facts(text: str, *, looks: bool) -> None:
    plan = choose(parse(text, "custody"), TABLE, ALLOWANCE, "ad_hoc")
    assert (first_rows.packed_rows(plan) is not None) == looks


@pytest.mark.parametrize("name", AT_ROWS_FIRST)
def test_looking_at_rows_before_totals_keeps_the_same_cells_and_sums(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned("ad_hoc", name)
    totalled = compile_query(plan)
    always_at_rows_first(monkeypatch)
    if plan.vector.groups < plan.cells:
        assert compile_query(plan) != totalled
    with duckdb.connect(config={"threads": 1}) as connection:
        for trial in range(6):
            # many with a row or two, some with many in one cell
            invented = audit.invent(plan, np.random.default_rng([7, trial]), 40)
            invented.store(connection, plan.source)
            looked = private_query.exact_vector(plan, connection)
            monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: totalled)
            assert np.array_equal(looked, private_query.exact_vector(plan, connection))
            monkeypatch.setattr(duckdb_engine, "compile_query", compile_query)
            assert looked.any()


@pytest.mark.parametrize("name", AT_ROWS_FIRST)
def test_no_person_moves_a_query_that_looks_at_rows_first_past_its_claim(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_at_rows_first(monkeypatch)

    assert 0.2 < audit.worst(planned("ad_hoc", name), 4).largest <= 1


def test_rows_that_share_a_cell_unseen_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # the last comparison tells whether the g-th row is alone in its cell
    always_at_rows_first(monkeypatch)
    plan = planned("ad_hoc", "rows", replace(ALLOWANCE, rows=1))
    whole = compile_query(plan)
    mutant = whole.replace(") is true as repeated", ") is null as repeated")
    assert mutant != whole
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: mutant)

    assert audit.worst(plan, 20).largest > 1


@pytest.mark.parametrize("name", ["rows", "filter", "join"])
def test_packed_fields_that_overlap_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = contributions.Packed.fields

    def narrow(packed: contributions.Packed) -> Iterator[tuple[str, int, int, int]]:
        for own, low, width, below in fields(packed):
            yield own, low, width + 2, max(0, below - 1)

    monkeypatch.setattr(contributions.Packed, "fields", narrow)
    plan = planned("ad_hoc", name)
    mutant = compile_query(plan)
    monkeypatch.undo()

    assert mutant != compile_query(plan)
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: mutant)
    assert audit.worst(plan, 20).largest > 1


def test_a_histogram_whose_bins_are_bounded_one_by_one_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = contributions.shared_bins
    monkeypatch.setattr(contributions, "shared_bins", lambda part, _: shared(part, 10**6))

    assert audit.worst(planned("ad_hoc", "tree"), 10).largest > 1


@pytest.mark.parametrize("name", ["rows", "sum", "variance", "filter", "join", "derived"])
def test_totals_that_are_not_clipped_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contributions, "clipped", unclipped)
    monkeypatch.setattr(contributions, "packing", lambda _: None)

    assert audit.worst(planned("ad_hoc", name), 20).largest > 1


def test_a_join_that_doubles_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned("prefix", "join")
    doubled = compile_query(plan).replace(
        ' where "custody"', ' join range(2) on true where "custody"'
    )
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: doubled)

    assert audit.worst(plan, 20).largest > 1


def large_sums(connection: duckdb.DuckDBPyConnection, plan: QueryPlan) -> float:
    """Excess of one person in sums near 2^53, where not every integer is a double."""
    high = 2**45 + 1
    worst = 0.0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        others = {n: [row(int(rng.integers(high - 2**30, high)))] for n in range(400)}
        for person in (401, 402):
            invented = audit.Invented(
                table=TABLE,
                people=others | {person: [row(high)]},
                referred={"station": [], "region": []},
            )
            whole, rest = audit.recorded(plan, connection, invented, person)
            worst = max(worst, float(np.abs(whole - rest).sum()) / plan.vector.l1)
    return worst


def row(value: int) -> audit.Row:
    return {
        "offence": 0,
        "sex": 0,
        "hours": 0,
        "value": value,
        "wait": 0,
        "minute": 0,
        "station_id": 0,
    }


@pytest.mark.parametrize("form", ["prefix", "ad_hoc"])
def test_a_sum_in_doubles_is_caught_where_whole_numbers_are_not(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = choose(
        parse("sum(value)", "custody"), TABLE, Allowance(in_all=1, groups=1, rows=1), form
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        assert large_sums(connection, plan) == 1
        monkeypatch.setattr(
            duckdb_engine, "compile_query", in_doubles if form == "prefix" else in_doubles_of_all
        )
        assert large_sums(connection, plan) > 1


def in_doubles_of_all(plan: QueryPlan) -> str:
    name = '"sum_value"'
    return compile_query(plan).replace(f"sum({name})", f"sum(cast({name} as double))")


EPSILON = 1.0


@pytest.mark.parametrize(("form", "name"), SAMPLE)
def test_the_epsilon_that_draws_show_is_never_above_the_claim(form: Form, name: str) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, 0.0)

    assert audit.shown_epsilon(plan, added, 400) <= EPSILON


@pytest.mark.full
@pytest.mark.parametrize(("form", "name"), SHAPES)
def test_noise_that_is_off_shows_in_every_shape(
    form: Form, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, 0.0)
    monkeypatch.setattr(noise, "_draw", lambda values, _: values)

    assert audit.shown_epsilon(plan, added, 400) > 2 * EPSILON


@pytest.mark.full
@pytest.mark.parametrize("delta", [0.0, 1e-5])
@pytest.mark.parametrize(("form", "name"), SHAPES)
def test_the_epsilon_that_many_draws_show_is_never_above_the_claim(
    form: Form, name: str, delta: float
) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, delta)

    assert audit.shown_epsilon(plan, added, 6_000, delta=delta) <= EPSILON


def test_draws_show_most_of_a_claim_that_is_reached() -> None:
    plan = planned("prefix", "rows", Allowance(in_all=2))
    added = private_query.noise_of(plan, EPSILON, 0.0)

    assert 0.6 < audit.shown_epsilon(plan, added, 10_000) <= EPSILON


@pytest.mark.parametrize(("form", "name"), SAMPLE)
def test_noise_that_is_off_shows_an_epsilon_above_the_claim(
    form: Form, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(form, name)
    added = private_query.noise_of(plan, EPSILON, 0.0)
    monkeypatch.setattr(noise, "_draw", lambda values, _: values)

    assert audit.shown_epsilon(plan, added, 400) > 2 * EPSILON


@pytest.mark.parametrize("form", ["prefix", "prepared", "ad_hoc"])
def test_a_bound_off_by_one_shows_an_epsilon_above_the_claim(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(form, "rows", Allowance(in_all=1, groups=1, rows=1))
    added = private_query.noise_of(plan, EPSILON, 0.0)
    honest = audit.shown_epsilon(plan, added, 5000)
    broken = compile_query(larger(plan, rows=1))
    monkeypatch.setattr(duckdb_engine, "compile_query", lambda _: broken)

    assert honest <= EPSILON < audit.shown_epsilon(plan, added, 5000)


def test_a_randomised_response_shows_its_known_epsilon() -> None:
    rng = np.random.default_rng(7)  # a coin, not privacy noise
    truth = math.e / (1 + math.e)
    one, other = (rng.random(40_000) < share for share in (truth, 1 - truth))

    shown = lower_bound(one.astype(float), other.astype(float))

    assert 0.8 < shown <= 1


def test_equal_inputs_show_nothing() -> None:
    same = np.random.default_rng(1).normal(size=2000)

    assert lower_bound(same, same.copy()) == 0


def test_a_distinguishing_event_is_shown_as_far_as_the_draws_allow() -> None:
    assert lower_bound(np.ones(2000), np.zeros(2000)) > 4
    assert lower_bound(np.ones(2000), np.zeros(2000), delta=0.999) == 0


def test_a_bound_needs_draws() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        lower_bound(np.ones(1), np.ones(5))
