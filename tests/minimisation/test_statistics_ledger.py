"""The ledger: nobody wins twice, nothing is free, and nothing can be taken back unseen."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.forces.log import Log, Writer
from minimisation.statistics.accounting import UNITS, Account, Amount, Spend
from minimisation.statistics.ledger import Ledger, Reservation, label

ONE = Account(epsilon=1.0)
SPAWN = multiprocessing.get_context("spawn")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 5, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def ledger_in(folder: Path, cap: Account | None = None) -> Ledger:
    """A ledger like that of a force's house."""
    log = Log(
        path=folder / "logs" / "ledger.sqlite",
        anchor=folder / "anchors" / "ledger.sqlite",
        key=b"k" * 32,
        name="ashmere/ledger",
    )
    return Ledger(log=log, releases=folder / "releases", cap=cap)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    return replace(ledger_in(tmp_path, Account(epsilon=3.0)), clock=clock)


def reserve(  # noqa: PLR0913, PLR0917 - each is one thing a test varies
    ledger: Ledger,
    epsilon: float,
    request: str = "q",
    analyst: str = "a",
    account: Account = ONE,
    purpose: str = "p",
) -> Reservation:
    spend = Spend.pure(epsilon)
    return ledger.reserve(account, spend, purpose=purpose, analyst=analyst, request=request)


def test_a_reservation_is_charged_before_anything_runs(ledger: Ledger) -> None:
    reserve(ledger, 0.5)
    assert ledger.spent() == Amount(rho=125_000_000, epsilon=500_000_000)
    assert ledger.verify() == 1


def test_the_budget_can_be_used_to_the_last_unit_and_no_further(ledger: Ledger) -> None:
    for number in range(10):
        reserve(ledger, 0.1, f"q{number}")
    with pytest.raises(BudgetExceededError, match="budget of the year"):
        reserve(ledger, 1e-9)
    assert ledger.verify() == 10


def test_the_force_caps_its_analysts_and_purposes_together(ledger: Ledger) -> None:
    for number, analyst in enumerate("abc"):
        reserve(ledger, 0.9, analyst=analyst, purpose=f"p{number}")
    reserve(ledger, 0.3, analyst="d")
    assert ledger.spent(analyst="d").basic == 0.3
    with pytest.raises(BudgetExceededError, match="force, all purposes"):
        reserve(ledger, 0.1, analyst="e")


def test_without_a_cap_a_purpose_has_its_budget_once_for_all_analysts(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    reserve(ledger, 0.6, analyst="a")
    with pytest.raises(BudgetExceededError, match="all analysts"):
        reserve(ledger, 0.6, analyst="b")
    reserve(ledger, 0.6, analyst="b", purpose="another")


def test_a_refusal_costs_nothing(ledger: Ledger) -> None:
    with pytest.raises(BudgetExceededError):
        reserve(ledger, 1.1)
    assert ledger.spent() == Amount()
    assert ledger.verify() == 0


def test_what_has_not_started_can_be_cancelled_and_what_has_cannot(ledger: Ledger) -> None:
    first, second = reserve(ledger, 0.4), reserve(ledger, 0.5)
    ledger.cancel(first)
    ledger.start(second)
    with pytest.raises(StoreError, match="must be reserved"):
        ledger.cancel(second)
    with pytest.raises(StoreError, match="must be reserved"):
        ledger.cancel(first)
    assert ledger.spent().basic == 0.5
    assert ledger.verify() == 4


def test_a_release_is_kept_for_identical_requests_alone(ledger: Ledger) -> None:
    reservation = reserve(ledger, 0.4, "rows by sex|week 9")
    assert ledger.cached("rows by sex|week 9") is None
    ledger.start(reservation)
    ledger.commit(reservation, b"\x00noisy\xff")
    assert ledger.cached("rows by sex|week 9") == b"\x00noisy\xff"
    assert ledger.cached("rows by sex|week 10") is None
    assert ledger.spent().basic == 0.4


def test_a_kept_release_that_was_changed_is_not_given_out(ledger: Ledger) -> None:
    reservation = reserve(ledger, 0.4)
    ledger.start(reservation)
    ledger.commit(reservation, b"noisy")
    (ledger.releases / reservation.request).write_bytes(b"exact")
    with pytest.raises(StoreError, match="sealed"):
        ledger.cached("q")


def test_a_release_cannot_be_committed_before_it_started(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="must be started"):
        ledger.commit(reserve(ledger, 0.1), b"")


def test_a_made_up_reservation_is_refused(ledger: Ledger) -> None:
    reserve(ledger, 0.1)
    with pytest.raises(StoreError, match="must be reserved"):
        ledger.cancel(Reservation(number=1, request="0" * 64))


def test_weekly_releases_add_up_within_a_period_and_begin_anew_after_it(
    ledger: Ledger, clock: Clock
) -> None:
    weekly = Account(epsilon=1.0, period="week")
    reserve(ledger, 0.8, account=weekly)
    with pytest.raises(BudgetExceededError, match="week"):
        reserve(ledger, 0.3, account=weekly)
    clock.now += timedelta(days=7)
    reserve(ledger, 0.7, account=weekly)
    assert ledger.spent("week").basic == 0.7
    assert ledger.spent("year").basic == 1.5
    with pytest.raises(BudgetExceededError, match="year"):
        reserve(ledger, 0.4, account=ONE)


def test_a_period_has_the_name_of_its_calendar() -> None:
    last = datetime(2024, 12, 30, tzinfo=UTC)  # a Monday in the first week of 2025
    assert [label(last, period) for period in ("week", "month", "year")] == [
        "2025-W01",
        "2024-12",
        "2024",
    ]


def test_assessments_are_counted_and_cost_no_budget(ledger: Ledger, clock: Clock) -> None:
    for _ in range(2):
        ledger.assess(2, purpose="p", analyst="a", what="repeat")
    with pytest.raises(BudgetExceededError, match="at most 2"):
        ledger.assess(2, purpose="p", analyst="b", what="repeat")
    ledger.assess(2, purpose="another", analyst="a", what="repeat")
    assert (ledger.assessed("p"), ledger.spent()) == (2, Amount())
    clock.now += timedelta(days=366)
    ledger.assess(2, purpose="p", analyst="a", what="repeat")


def test_a_clock_that_was_turned_back_is_noticed(ledger: Ledger, clock: Clock) -> None:
    reserve(ledger, 0.1)
    clock.now -= timedelta(days=400)
    with pytest.raises(StoreError, match="clock"):
        reserve(ledger, 0.1)


EDIT = "update entries set body = replace(body, '\"epsilon\":100000000', '\"epsilon\":1')"


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (f"{EDIT} where place = 2", 2),
        ("delete from entries where place = 2", 2),
        ("update entries set body = replace(body, '\"a\"', '\"b\"') where place = 1", 1),
        ("insert into entries select 4, body, mac from entries where place = 3", 4),
    ],
)
def test_the_first_entry_that_was_changed_is_named(
    ledger: Ledger, change: str, broken: int
) -> None:
    for number in range(3):
        reserve(ledger, 0.1, f"q{number}")
    with sqlite3.connect(ledger.log.path) as connection:
        assert connection.execute(change).rowcount == 1
    connection.close()
    with pytest.raises(StoreError, match=f"entry {broken}"):
        ledger.verify()


def restored(ledger: Ledger, folder: Path) -> None:
    """Put back the ledger as it was in a folder."""
    ledger.log.close()
    for path in ledger.log.path.parent.glob("ledger.sqlite*"):
        path.unlink()
    shutil.copy(folder / "old", ledger.log.path)


def copied(ledger: Ledger, folder: Path) -> None:
    ledger.log.close()
    shutil.copy(ledger.log.path, folder / "old")


def test_a_ledger_restored_from_a_copy_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    reserve(ledger, 0.1)
    copied(ledger, tmp_path)
    reserve(ledger, 0.8)
    restored(ledger, tmp_path)
    with pytest.raises(StoreError, match="cut, edited or restored"):
        reserve(ledger, 0.8)
    with pytest.raises(StoreError, match="entries 2 to 2 are cut off"):
        ledger.verify()


def test_a_period_in_which_entries_were_lost_counts_as_spent(
    ledger: Ledger, tmp_path: Path, clock: Clock
) -> None:
    reserve(ledger, 0.1)
    copied(ledger, tmp_path)
    reserve(ledger, 0.8)
    restored(ledger, tmp_path)
    ledger.log.accept_loss({"what": "disk failure", "at": clock.now.isoformat()})
    with pytest.raises(BudgetExceededError, match="lost"):
        reserve(ledger, 0.1)
    clock.now += timedelta(days=366)
    reserve(ledger, 0.1)


def test_a_ledger_that_was_deleted_is_noticed(ledger: Ledger) -> None:
    reserve(ledger, 0.9)
    ledger.log.close()
    ledger.log.path.unlink()
    with pytest.raises(StoreError, match="cut, edited or restored"):
        reserve(ledger, 0.9)


def test_a_missing_anchor_is_noticed(ledger: Ledger) -> None:
    reserve(ledger, 0.9)
    ledger.log.close()
    ledger.log.anchor.unlink()
    with pytest.raises(StoreError, match="anchor"):
        ledger.spent()


def test_a_file_that_is_no_ledger_is_one_line(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.log.path.parent.mkdir()
    ledger.log.path.write_bytes(b"not a database, but long enough to be read as one" * 30)
    with pytest.raises(StoreError, match="cannot be read or written"):
        ledger.spent()


def race(folder: Path, number: int) -> None:
    try:
        reserve(ledger_in(folder), 0.6, f"q{number}", analyst=f"a{number}")
    except BudgetExceededError:
        os._exit(4)
    os._exit(0)


def test_of_processes_that_race_for_the_last_of_it_exactly_one_wins(tmp_path: Path) -> None:
    racers = [SPAWN.Process(target=race, args=(tmp_path, number)) for number in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert sorted(racer.exitcode or 0 for racer in racers) == [0, 4, 4, 4]
    assert ledger_in(tmp_path).verify() == 1


def die(folder: Path, *, started: bool) -> None:
    ledger = ledger_in(folder)
    reservation = reserve(ledger, 0.6)
    if started:
        ledger.start(reservation)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("started", [False, True])
def test_a_process_that_is_killed_has_paid(tmp_path: Path, started: bool) -> None:  # noqa: FBT001
    process = SPAWN.Process(target=die, args=(tmp_path,), kwargs={"started": started})
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    survivor = ledger_in(tmp_path)
    assert survivor.spent().epsilon == 0.6 * UNITS
    with pytest.raises(BudgetExceededError):
        reserve(survivor, 0.6)


def test_a_full_disk_means_that_nothing_runs(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Writer.append

    def fail(self: Writer, body: Mapping[str, Any]) -> int:
        real(self, body)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "append", fail)
        with pytest.raises(StoreError, match="cannot be read or written"):
            reserve(ledger, 0.1)
    assert ledger.verify() == 0
