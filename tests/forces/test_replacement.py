"""Weekly replacement: a kill at any instant leaves the old store or the new one, never a mix."""

import importlib.util
import json
import multiprocessing
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from minimisation import StoreError
from minimisation.forces import crypto_module
from minimisation.forces import snapshots as snapshots_module
from minimisation.forces.records import write_record
from minimisation.forces.snapshots import Snapshot, Snapshots
from minimisation.forces.vault import Vault

HERE = Path(__file__).parent
CONTEXT = multiprocessing.get_context("forkserver")


def _weekly() -> ModuleType:
    """`weekly.py` beside this file, importable by the processes that are killed."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    spec = importlib.util.find_spec("weekly")
    assert spec is not None
    CONTEXT.set_forkserver_preload(["weekly"])
    return importlib.import_module("weekly")


weekly = _weekly()


def run(target: Callable[..., None], *args: object) -> int | None:
    process = CONTEXT.Process(target=target, args=args)
    process.start()
    process.join(60)
    return process.exitcode


def check_after_a_kill(folder: Path, old: int, new: int) -> int:
    """One of two weeks is live, the next load succeeds, and nothing is left lying about."""
    seen = weekly.week_of(folder)
    assert seen in (old, new)
    weekly.load_week(folder, new + 1)
    assert weekly.week_of(folder) == new + 1
    snapshots, archive = weekly.force_in(folder)
    root = snapshots.paths.root
    assert len(list((root / "snapshots").iterdir())) == 1
    assert not list(root.rglob("*.partial"))
    names = {entry.snapshot.name for entry in archive.entries()}
    assert {path.stem for path in (root / "archive").glob("*.duckdb")} == names
    for entry in archive.entries():
        archive.vault(entry).verify()
    archive.purge(everything=True)
    return int(seen)


def test_a_reader_sees_what_was_loaded_last(tmp_path: Path) -> None:
    for week in (1, 2, 3):
        weekly.load_week(tmp_path, week)
        assert weekly.week_of(tmp_path) == week


@pytest.mark.slow
def test_a_kill_at_every_change_to_the_file_system_leaves_one_of_two_weeks(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 0)
    old, outcomes, instant = 0, set(), 1
    while run(weekly.kill_at, str(tmp_path), old + 1, instant) != 0:
        outcomes.add(check_after_a_kill(tmp_path, old, old + 1) - old)
        old += 2
        instant += 1
    assert instant > 15
    assert outcomes == {0, 1}, "kills must fall on both sides of the swap"


@pytest.mark.full
@pytest.mark.slow
def test_two_hundred_kills_at_random_instants_leave_one_of_two_weeks(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, kills=200)


@pytest.mark.slow
def test_a_few_kills_at_random_instants_leave_one_of_two_weeks(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, kills=10)


def kill_at_random(folder: Path, kills: int) -> bool:
    rng = random.Random(7)  # noqa: S311 - instants of kills, not a secret
    weekly.load_week(folder, 0)
    for _ in range(kills):
        old = weekly.week_of(folder)
        process = CONTEXT.Process(target=weekly.load_for_ever, args=(str(folder), old + 1))
        process.start()
        time.sleep(0.05 + rng.random() * 0.6)
        process.kill()
        process.join(60)
        seen = weekly.week_of(folder)
        assert seen >= old
        snapshots, archive = weekly.force_in(folder)
        with snapshots.held():
            archive.reconcile(snapshots)
            snapshots.tidy(archive.names())
            archive.purge(everything=True)
        assert weekly.week_of(folder) == seen
    return True


def test_readers_see_old_or_new_while_weeks_are_replaced(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 1)
    seen: list[int] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(weekly.week_of(tmp_path))
            except (AssertionError, StoreError, duckdb.Error) as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for week in range(2, 8):
        weekly.load_week(tmp_path, week)
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert len(set(seen)) > 1
    assert weekly.week_of(tmp_path) == 7


def test_a_reader_keeps_what_it_opened_when_it_is_replaced(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 1)
    snapshots, archive = weekly.force_in(tmp_path)
    with snapshots.open() as connection:
        weekly.load_week(tmp_path, 2)
        archive.purge(everything=True)
        assert connection.execute("select distinct week from crime").fetchall() == [(1,)]


def test_mutant_that_changes_the_live_store_table_by_table_shows_a_mix(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 1)
    snapshots, _ = weekly.force_in(tmp_path)
    live = snapshots.vault(snapshots.live())
    with live._connect() as connection:
        crypto_module.require(connection)
        live._attach(connection, "force", "read_write")
        connection.execute(f"update force.{weekly.TABLES[0]} set week = 2")  # and killed here
    with pytest.raises(AssertionError, match="mix"):
        weekly.week_of(tmp_path)


def test_mutant_that_swaps_before_the_store_is_complete_is_caught(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 0)
    snapshots, _ = weekly.force_in(tmp_path)
    material, name = b"m" * 32, "hasty"
    wrapped = snapshots.key.wrap(material, "store", name)
    early = Snapshot(name=name, made=snapshots.clock(), wrapped=wrapped)

    def hasty() -> None:
        with snapshots._vault(name, material).create() as connection:
            write_record(snapshots.paths.live, early.record())
            connection.execute(f"create table {weekly.TABLES[0]} as select 1 as week")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hasty()
    with pytest.raises((AssertionError, StoreError, duckdb.Error)):
        weekly.week_of(tmp_path)


def test_mutant_that_writes_the_live_record_in_place_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weekly.load_week(tmp_path, 0)

    def in_place(path: Path, content: dict[str, object]) -> None:
        path.write_text(json.dumps(content)[:40])
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshots_module, "write_record", in_place)
    with pytest.raises(KeyboardInterrupt):
        weekly.load_week(tmp_path, 1)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="live record"):
        weekly.week_of(tmp_path)


def test_mutant_that_forgets_to_tidy_leaves_files_lying_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Snapshots, "tidy", lambda *_: None)
    weekly.load_week(tmp_path, 0)
    weekly.load_week(tmp_path, 1)
    with pytest.raises(AssertionError):
        check_after_a_kill(tmp_path, 0, 1)


def test_a_store_that_does_not_verify_is_not_made_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weekly.load_week(tmp_path, 1)

    def damaged(_: object) -> None:
        raise StoreError("the store of force 'ashmere' must be whole")

    monkeypatch.setattr(Vault, "verify", damaged)
    with pytest.raises(StoreError, match="whole"):
        weekly.load_week(tmp_path, 2)
    monkeypatch.undo()
    assert weekly.week_of(tmp_path) == 1
    assert weekly.force_in(tmp_path)[1].entries() == []


def test_a_failed_fill_leaves_the_old_week_and_no_file(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 1)
    snapshots, archive = weekly.force_in(tmp_path)
    before = sorted(snapshots.paths.snapshots.iterdir())
    with pytest.raises(StoreError), snapshots.held():
        snapshots.replace(lambda c: c.execute("select nothing"), [], archive.keep)
    assert sorted(snapshots.paths.snapshots.iterdir()) == before
    assert weekly.week_of(tmp_path) == 1


def test_a_wrong_key_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 1)
    snapshots, archive = weekly.force_in(tmp_path)
    wrong = replace(snapshots, key=replace(weekly.KEY, material=b"x" * 32))
    with pytest.raises(StoreError, match="must be the one"), wrong.held():
        wrong.replace(lambda _: pytest.fail("must not be reached"), [], archive.keep)
    with pytest.raises(StoreError, match="must be the one"):
        wrong.open()
    assert weekly.week_of(tmp_path) == 1


def test_two_processes_do_not_change_a_force_at_the_same_time(tmp_path: Path) -> None:
    snapshots, _ = weekly.force_in(tmp_path)
    with snapshots.held(), pytest.raises(StoreError, match="one process"), snapshots.held():
        pass


def test_an_empty_force_says_how_to_load(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="sandbox forces load"):
        weekly.force_in(tmp_path)[0].open()


def test_a_damaged_live_record_is_named_and_nothing_is_deleted(tmp_path: Path) -> None:
    weekly.load_week(tmp_path, 1)
    snapshots, archive = weekly.force_in(tmp_path)
    good = snapshots.paths.live.read_text()
    snapshots.paths.live.write_text("{")
    with pytest.raises(StoreError, match="live record"), snapshots.held():
        snapshots.tidy(archive.names())
    snapshots.paths.live.write_text(good)
    assert weekly.week_of(tmp_path) == 1
