"""The ledger: nobody wins twice, nothing is free, and nothing can be taken back unseen."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.statistics.accounting import UNITS, Account, Spend
from minimisation.statistics.chain import Cell, Chain
from minimisation.statistics.ledger import Ledger, Reservation

KEY = b"k" * 32
ONE = Account(epsilon=1.0)
ADD_A_REFUND = (
    "insert into line select 4, hash, state, 4, purpose, analyst, period, -units, 0, request, at"
    " from line where number = 3"
)
SPAWN = multiprocessing.get_context("spawn")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 5, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    return Ledger(path=tmp_path / "ledger.sqlite", key=KEY, cap=Account(epsilon=3.0), clock=clock)


def reserve(ledger: Ledger, epsilon: float, request: str = "q", analyst: str = "a") -> Reservation:
    spend = Spend.pure(epsilon)
    return ledger.reserve(ONE, spend, purpose="p", analyst=analyst, request=request)


def test_a_reservation_is_charged_before_anything_runs(ledger: Ledger) -> None:
    reserve(ledger, 0.4)
    assert ledger.spent().units == 0.4 * UNITS
    assert ledger.verify() == 1


def test_the_budget_can_be_used_to_the_last_unit_and_no_further(ledger: Ledger) -> None:
    for number in range(10):
        reserve(ledger, 0.1, f"q{number}")
    with pytest.raises(BudgetExceededError, match="budget of the year"):
        reserve(ledger, 1e-9)
    assert ledger.verify() == 10


def test_the_force_caps_its_analysts_together(ledger: Ledger) -> None:
    for analyst in "abc":
        reserve(ledger, 0.9, analyst=analyst)
    reserve(ledger, 0.3, analyst="d")
    assert ledger.spent(analyst="d").units == 0.3 * UNITS
    with pytest.raises(BudgetExceededError, match="force"):
        reserve(ledger, 0.1, analyst="e")


def test_a_refusal_costs_nothing(ledger: Ledger) -> None:
    with pytest.raises(BudgetExceededError):
        reserve(ledger, 1.1)
    assert ledger.spent().units == 0
    assert ledger.verify() == 0


def test_what_has_not_started_can_be_cancelled_and_what_has_cannot(ledger: Ledger) -> None:
    first, second = reserve(ledger, 0.4), reserve(ledger, 0.5)
    ledger.cancel(first)
    ledger.start(second)
    with pytest.raises(StoreError, match="must be reserved"):
        ledger.cancel(second)
    with pytest.raises(StoreError, match="must be reserved"):
        ledger.cancel(first)
    assert ledger.spent().units == 0.5 * UNITS
    assert ledger.verify() == 4


def test_a_release_is_kept_for_identical_requests_alone(ledger: Ledger) -> None:
    reservation = reserve(ledger, 0.4, "rows by sex|week 9")
    assert ledger.cached("rows by sex|week 9") is None
    ledger.start(reservation)
    ledger.commit(reservation, b"\x00noisy\xff")
    assert ledger.cached("rows by sex|week 9") == b"\x00noisy\xff"
    assert ledger.cached("rows by sex|week 10") is None
    assert ledger.spent().units == 0.4 * UNITS


def test_a_release_cannot_be_committed_before_it_started(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="must be started"):
        ledger.commit(reserve(ledger, 0.1), b"")


def test_a_made_up_reservation_is_refused(ledger: Ledger) -> None:
    reserve(ledger, 0.1)
    with pytest.raises(StoreError, match="must be reserved"):
        ledger.cancel(Reservation(number=1, request="0" * 64))


def test_a_budget_lasts_a_period_and_the_year_adds_up(ledger: Ledger, clock: Clock) -> None:
    weekly = replace(ledger, period="week")
    reserve(weekly, 0.8)
    clock.now += timedelta(days=7)
    reserve(weekly, 0.7)
    assert weekly.spent().units == 0.7 * UNITS
    assert weekly.spent_in_year(2025).units == 1.5 * UNITS
    with pytest.raises(BudgetExceededError, match="week"):
        reserve(weekly, 0.4)


def test_a_clock_that_was_turned_back_is_noticed(ledger: Ledger, clock: Clock) -> None:
    reserve(ledger, 0.1)
    clock.now -= timedelta(days=400)
    with pytest.raises(StoreError, match="clock"):
        reserve(ledger, 0.1)


@pytest.mark.parametrize(
    "change",
    [
        "update line set units = 1 where number = 2",
        "delete from line where number = 2",
        "update line set analyst = 'b' where number = 1",
        ADD_A_REFUND,
    ],
)
def test_a_changed_ledger_does_not_verify(ledger: Ledger, change: str) -> None:
    for number in range(3):
        reserve(ledger, 0.1, f"q{number}")
    with sqlite3.connect(ledger.path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(StoreError, match="as it was written"):
        ledger.verify()


def test_a_ledger_restored_from_a_copy_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    reserve(ledger, 0.1)
    shutil.copy(ledger.path, tmp_path / "old")
    reserve(ledger, 0.8)
    shutil.copy(tmp_path / "old", ledger.path)
    with pytest.raises(StoreError, match="turned back"):
        reserve(ledger, 0.8)


def test_a_ledger_that_was_deleted_is_noticed(ledger: Ledger) -> None:
    reserve(ledger, 0.9)
    ledger.path.unlink()
    with pytest.raises(StoreError, match="turned back"):
        reserve(ledger, 0.9)


def test_a_missing_anchor_is_noticed(ledger: Ledger) -> None:
    reserve(ledger, 0.9)
    ledger._chain.anchor.unlink()
    with pytest.raises(StoreError, match="anchor"):
        ledger.spent()


def test_a_file_that_is_no_ledger_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not a database, but long enough to be read as one" * 30)
    with pytest.raises(StoreError, match="ledger cannot be used"):
        Ledger(path=tmp_path / "x", key=KEY, cap=ONE).spent()


def test_an_account_of_another_kind_is_refused(ledger: Ledger) -> None:
    other = Account(epsilon=1.0, delta=1e-6, accountant="zcdp")
    with pytest.raises(ValueError, match="accountant"):
        ledger.reserve(other, Spend.pure(0.1), purpose="p", analyst="a", request="q")


def race(path: Path, number: int) -> None:
    ledger = Ledger(path=path, key=KEY, cap=ONE)
    try:
        reserve(ledger, 0.6, f"q{number}", analyst=f"a{number}")
    except BudgetExceededError:
        os._exit(4)
    os._exit(0)


def test_of_processes_that_race_for_the_last_of_it_exactly_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    racers = [SPAWN.Process(target=race, args=(path, number)) for number in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert sorted(racer.exitcode or 0 for racer in racers) == [0, 4, 4, 4]
    assert Ledger(path=path, key=KEY, cap=ONE).verify() == 1


def die(path: Path, *, started: bool) -> None:
    ledger = Ledger(path=path, key=KEY, cap=ONE)
    reservation = reserve(ledger, 0.6)
    if started:
        ledger.start(reservation)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("started", [False, True])
def test_a_process_that_is_killed_has_paid(tmp_path: Path, started: bool) -> None:  # noqa: FBT001
    path = tmp_path / "ledger.sqlite"
    process = SPAWN.Process(target=die, args=(path,), kwargs={"started": started})
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    survivor = Ledger(path=path, key=KEY, cap=ONE)
    assert survivor.spent().units == 0.6 * UNITS
    with pytest.raises(BudgetExceededError):
        reserve(survivor, 0.6)


def test_a_ledger_that_crashed_before_its_anchor_goes_on(ledger: Ledger) -> None:
    reserve(ledger, 0.1)
    before = ledger._chain.anchor.read_text()
    reserve(ledger, 0.1)
    ledger._chain.anchor.write_text(before)
    reserve(ledger, 0.1)
    assert ledger.verify() == 3


def test_a_full_disk_means_that_nothing_runs(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Chain.append

    def fail(self: Chain, connection: sqlite3.Connection, cells: Sequence[Cell]) -> int:
        real(self, connection, cells)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "append", fail)
        with pytest.raises(StoreError, match="cannot be used"):
            reserve(ledger, 0.1)
    assert ledger.verify() == 0
