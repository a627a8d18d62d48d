"""Record and replay for every shape of query: nobody moves one past its claim, mutants do."""

from collections.abc import Callable, Iterator

import pytest

from minimisation.statistics import audit, contributions, duckdb_engine
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.planner import Allowance, Form, QueryPlan
from tests.minimisation.custody_shapes import SHAPES, larger, planned


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
