"""Hazards of budgets: who pays, when, and what repetition or another name would bring."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from minimisation import BudgetExceededError, StoreError, UseCaseError
from minimisation.forces.log import Log
from minimisation.statistics import (
    compiler,
    private_query,
)
from minimisation.statistics.accounting import NOTHING, Account, Spend
from minimisation.statistics.desk import Answer, Asking, BlockAnswer, Desk, ask, ask_block
from minimisation.statistics.ledger import Ledger
from minimisation.statistics.planner import choose
from minimisation.statistics.text_form import parse
from tests.minimisation.custody import (
    ALLOWANCE,
    TABLE,
    planned,
    row,
    stored,
)

ASKING = Asking(purpose="testing", analyst="a")
FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def desks(
    connection: duckdb.DuckDBPyConnection, folder: Path, budgets: dict[str, float]
) -> list[Desk]:
    if not connection.execute("select 1 from duckdb_tables()").fetchall():
        stored({n: [row(n % 4)] * 3 for n in range(1, 30)}).store(connection, "by_offence")
    return [
        Desk(
            force=force,
            connection=connection,
            ledger=Ledger(
                log=Log(
                    path=folder / f"{force}.sqlite",
                    anchor=folder / f"{force}-anchor.sqlite",
                    key=b"k" * 32,
                    name=f"{force}/ledger",
                ),
                releases=folder / force,
                clock=lambda: FIRST,
            ),
            account=Account(epsilon=budget),
            snapshot="one",
        )
        for force, budget in budgets.items()
    ]


def answered(members: list[Desk], text: str = "rows by offence", epsilon: float = 0.6) -> Answer:
    return ask(planned(text), members, epsilon, 0.0, ASKING)


def spent(members: list[Desk]) -> list[float]:
    return [desk.ledger.spent().basic for desk in members]


def test_all_forces_answer_together_and_each_pays(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0, "brackwell": 1.0})
    answer = answered(members)
    assert spent(members) == [0.6, 0.6]
    assert answer.table.num_rows == 4
    rows = answer.table.column("rows").to_pylist()
    assert 0 < sum(rows) < 2 * 2 * 87  # both forces' people, within the bound and the noise


def test_a_force_that_cannot_pay_costs_the_others_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0, "brackwell": 0.5})
    with pytest.raises(BudgetExceededError):
        answered(members)
    assert spent(members) == [0.0, 0.0]


def test_an_error_after_the_start_has_paid(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    connection.execute("drop table by_offence")
    with pytest.raises(StoreError):
        answered(members)
    assert spent(members) == [0.6]


def test_an_identical_request_is_free_and_byte_identical(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    first = answered(members)
    again = [answered(members) for _ in range(5)]
    assert spent(members) == [0.6]
    assert all(each.table.equals(first.table) for each in again)
    assert again[0].costs["ashmere"] == NOTHING


@pytest.mark.parametrize(
    ("text", "epsilon"),
    [
        ("rows by offence", 0.6000001),
        ("rows by offence where hours >= 0", 0.6),
        ("rows, persons by offence", 0.6),
    ],
)
def test_a_nearly_identical_request_is_charged(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, text: str, epsilon: float
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 2.0})
    answered(members)
    answered(members, text, epsilon)
    assert spent(members) == [pytest.approx(0.6 + epsilon)]
    newer = [replace(desk, snapshot="two") for desk in members]
    answered(newer)
    assert spent(members) == [pytest.approx(1.2 + epsilon)]


def test_another_name_for_a_table_does_not_reset_the_budget(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    answered(members)
    connection.execute("create view renamed as from by_offence")
    copy = replace(TABLE, prepared=(replace(TABLE.prepared[0], table="renamed"),))
    plan = choose(parse("rows by offence", "custody"), copy, ALLOWANCE)
    assert plan.source == "renamed"
    with pytest.raises(BudgetExceededError):
        ask(plan, members, 0.6, 0.0, ASKING)


def test_disjoint_rows_are_no_discount(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    # one person may have rows on both sides of a filter
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    answered(members, "rows where offence = 'a'", 0.5)
    answered(members, "rows where offence = 'b'", 0.5)
    assert spent(members) == [1.0]


def test_a_budget_stops_reconstruction_by_subsets(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    for low in range(3):
        answered(members, f"rows where hours between {low / 2} and 24", 0.3)
    with pytest.raises(BudgetExceededError):
        answered(members, "rows where hours between 9 and 24", 0.3)


def test_a_refusal_comes_before_any_row_is_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 0.1})
    connection.close()  # whoever touches it now gets another error
    with pytest.raises(BudgetExceededError, match="budget"):
        answered(members)
    with pytest.raises(UseCaseError, match="declared"):
        planned("rows where offence = 'e'")


def test_the_cost_of_a_query_is_that_of_its_noise() -> None:
    plan = planned("rows, persons by offence", "prefix")
    added = private_query.noise_of(plan, 0.7, 0.0)
    spend = Spend.of(added, plan.vector.l1, plan.vector.l2_squared)
    assert spend.epsilon == pytest.approx(0.7)
    assert spend.epsilon <= 0.7
    assert compiler.compile_query(plan).count("as bigint") == 2


BLOCK = ("rows by offence", "persons by offence", "histogram(hours), rows by offence")


def block(
    members: list[Desk], epsilon: float = 0.05, delta: float = 0.0, texts: tuple[str, ...] = BLOCK
) -> BlockAnswer:
    return ask_block([planned(text) for text in texts], members, epsilon, delta, ASKING)


def test_a_block_is_one_entry_of_each_ledger_and_identical_ones_are_free(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0, "brackwell": 1.0})
    first = block(members)
    assert spent(members) == pytest.approx([0.15, 0.15])
    assert [len(desk.ledger.charged()) for desk in members] == [1, 1]
    again = block(members)
    assert all(old.equals(new) for old, new in zip(first.tables, again.tables, strict=True))
    assert set(again.costs.values()) == {NOTHING}
    assert block(members, texts=BLOCK[::-1]).costs["ashmere"] != NOTHING


def test_a_block_has_the_figures_of_its_queries(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 10_000.0})
    together = block(members, 1000.0)
    for text, table in zip(BLOCK, together.tables, strict=True):
        assert table.equals(answered(members, text, 1000.0).table), "noise is 0 at this epsilon"


def test_a_long_block_is_charged_by_the_tightest_rule_and_a_short_one_by_the_sum(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 4.0})
    members = [replace(members[0], account=Account(epsilon=4.0, delta=1e-5))]
    block(members, 0.05, 1e-6, ("rows by offence",) * 10)
    assert spent(members) == [0.5]
    block(members, 0.05, 1e-6, ("rows by offence",) * 200)
    assert 0.5 < spent(members)[0] <= 0.5 + 3.6
    assert members[0].ledger.spent().delta == 10**12, "1e-6, once"


def test_a_block_that_one_force_cannot_pay_costs_the_others_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0, "brackwell": 0.14})
    with pytest.raises(BudgetExceededError):
        block(members)
    assert spent(members) == [0, 0]


def test_a_block_that_fails_at_a_later_query_has_paid_for_all_of_them(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = desks(connection, tmp_path, {"ashmere": 1.0})
    run, ran = private_query.run, []

    def breaks(*given: object) -> object:
        ran.append(given)
        if len(ran) > 1:
            raise StoreError("the store cannot be read")
        return run(*given)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(private_query, "run", breaks)
    with pytest.raises(StoreError):
        block(members)
    assert spent(members) == pytest.approx([0.15])
