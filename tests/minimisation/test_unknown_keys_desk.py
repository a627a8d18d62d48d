"""Unknown keys at the desk: who pays, what is served again, and what a refusal costs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from minimisation import BudgetExceededError, StoreError, UseCaseError
from minimisation.contract.columns import OpenColumn
from minimisation.forces.log import Log
from minimisation.statistics import unknown_keys
from minimisation.statistics.accounting import Account, Amount
from minimisation.statistics.audit import Invented, Row
from minimisation.statistics.catalogue import StoredTable
from minimisation.statistics.desk import Answer, Asking, Desk, ask_keys
from minimisation.statistics.ledger import Ledger
from minimisation.statistics.planner import Allowance
from minimisation.statistics.text_form import parse

TABLE = StoredTable(name="stops", columns=(), open_columns=(OpenColumn(name="street"),))
PLAN = unknown_keys.choose(parse("persons by unknown(street)", "stops"), TABLE, Allowance(groups=1))
ASKING = Asking(purpose="testing", analyst="a")
NOON = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def opened(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Ninety SYNTHETIC people in three streets, and one who is alone in a fourth."""
    people: dict[int, list[Row]] = {n: [{"street": f"Street {n % 3}"}] * 2 for n in range(1, 91)}
    people[91] = [{"street": "Quiet Close"}] * 500
    Invented(table=TABLE, people=people, referred={}).store(connection, "stops")
    return connection


def desks(
    connection: duckdb.DuckDBPyConnection, folder: Path, accounts: Mapping[str, Account]
) -> list[Desk]:
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
                clock=lambda: NOON,
            ),
            account=account,
            snapshot="one",
        )
        for force, account in accounts.items()
    ]


ENOUGH = Account(epsilon=3.0, delta=1e-4)
TWO = {"ashmere": ENOUGH, "brackwell": ENOUGH}


def asked(members: list[Desk], epsilon: float = 1.0, delta: float = 1e-6) -> Answer:
    return ask_keys(PLAN, members, epsilon, delta, ASKING)


def test_each_force_pays_epsilon_and_delta_and_only_shared_keys_leave(
    opened: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(opened, tmp_path, TWO)
    answer = asked(members, epsilon=2.0)
    assert answer.table.column("street").to_pylist() == ["Street 0", "Street 1", "Street 2"]
    assert all(45 < persons < 75 for persons in answer.table.column("persons").to_pylist())
    charge = Amount(rho=2 * 10**9, epsilon=2 * 10**9, delta=10**12)
    assert answer.costs == {"ashmere": charge, "brackwell": charge}
    assert [desk.ledger.spent() for desk in members] == [charge, charge]


def test_what_is_kept_holds_no_key_that_was_held_back(
    opened: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    asked(desks(opened, tmp_path, TWO))
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"Street 0" in content for content in written)
    assert not any(b"Quiet Close" in content for content in written)


def test_the_same_release_is_free_and_the_same_to_the_byte(
    opened: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(opened, tmp_path, TWO)
    first = asked(members)
    again = asked(members)
    assert again.table.equals(first.table)
    assert set(again.costs.values()) == {Amount()}
    assert members[0].ledger.spent().epsilon == 10**9
    asked(members, delta=2e-6)
    assert members[0].ledger.spent().epsilon == 2 * 10**9, "another threshold is another release"


def test_other_data_costs_again(opened: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    members = desks(opened, tmp_path, TWO)
    asked(members)
    asked([replace(desk, snapshot="two") for desk in members])
    assert [desk.ledger.spent().epsilon for desk in members] == [2 * 10**9] * 2


@pytest.mark.parametrize(
    "poor",
    [Account(epsilon=3.0), Account(epsilon=3.0, delta=1.9e-6), Account(epsilon=0.5, delta=1e-7)],
    ids=["no delta", "delta of which half is less than asked", "too little of either"],
)
def test_a_budget_without_delta_refuses_and_nobody_pays(
    opened: duckdb.DuckDBPyConnection, tmp_path: Path, poor: Account
) -> None:
    members = desks(opened, tmp_path, {"ashmere": ENOUGH, "brackwell": poor})
    with pytest.raises(BudgetExceededError):
        asked(members)
    assert [desk.ledger.spent() for desk in members] == [Amount(), Amount()]


def test_delta_adds_up_until_it_is_spent(opened: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    members = desks(opened, tmp_path, {"ashmere": Account(epsilon=100.0, delta=6e-6)})
    for epsilon in (1.0, 1.1, 1.2):
        asked(members, epsilon)
    with pytest.raises(BudgetExceededError):
        asked(members, 1.3)


def test_without_delta_nothing_is_reserved(
    opened: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(opened, tmp_path, TWO)
    with pytest.raises(UseCaseError, match="no threshold hides a key for certain"):
        asked(members, delta=0.0)
    assert members[0].ledger.verify() == 0


def test_a_store_that_fails_after_the_start_has_paid(
    opened: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    members = desks(opened, tmp_path, TWO)
    opened.execute("drop table stops")
    with pytest.raises(StoreError, match="nothing was released"):
        asked(members)
    assert [desk.ledger.spent().epsilon for desk in members] == [10**9] * 2
