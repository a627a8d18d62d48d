"""The hash-chained log: every way of tampering with it is found, by the first entry it touches."""

import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation import StoreError
from minimisation.forces.log import Log
from minimisation.forces.log_chain import Chain, Head

KEY = b"k" * 32
ENTRIES = 5


def log_in(folder: Path) -> Log:
    return Log(path=folder / "log.sqlite", anchor=folder / "anchor.sqlite", key=KEY, name="test")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    filled = log_in(tmp_path)
    for number in range(1, ENTRIES + 1):
        filled.append({"what": f"act {number}"})
    return filled


def alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_untouched_log_verifies_and_keeps_its_order(log: Log) -> None:
    assert log.verify().count == ENTRIES
    assert [entry["what"] for entry in log.entries()] == [f"act {n}" for n in range(1, 6)]
    assert log.head() == log.verify()


TAMPERING: dict[str, tuple[tuple[str, ...], str]] = {
    "edit": (("update entries set body = '{}' where place = 3",), "entry 3"),
    "edit of a seal": (("update entries set mac = zeroblob(32) where place = 2",), "entry 2"),
    "deletion in the middle": (("delete from entries where place = 2",), "entry 2"),
    "deletion that closes the gap": (
        (
            "delete from entries where place = 2",
            "update entries set place = place - 1 where place > 2",
        ),
        "entry 2",
    ),
    "reordering": (
        (
            "update entries set place = 99 where place = 3",
            "update entries set place = 3 where place = 4",
            "update entries set place = 4 where place = 99",
        ),
        "entry 3",
    ),
    "exchange of bodies": (
        ("update entries set body = (select body from entries where place = 4) where place = 1",),
        "entry 1",
    ),
    "insertion": (("insert into entries values (6, '{}', zeroblob(32))",), "entry 6"),
    "start put before": (("insert into entries values (0, '{}', zeroblob(32))",), "entry 1"),
    "truncation by one": (("delete from entries where place = 5",), "entries 5 to 5"),
    "truncation by three": (("delete from entries where place > 2",), "entries 3 to 5"),
    "truncation to nothing": (("delete from entries",), "entries 1 to 5"),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found_and_its_first_entry_named(log: Log, kind: str) -> None:
    statements, where = TAMPERING[kind]
    alter(log.path, *statements)
    with pytest.raises(StoreError, match=where):
        log.verify()


END_TOUCHED = [kind for kind in TAMPERING if kind.startswith(("insertion", "truncation"))]


@pytest.mark.parametrize("kind", END_TOUCHED)
def test_nothing_is_added_behind_a_tampered_end(log: Log, kind: str) -> None:
    alter(log.path, *TAMPERING[kind][0])
    with pytest.raises(StoreError, match="anchor"):
        log.append({"what": "more"})


def test_a_log_that_is_ahead_of_its_anchor_after_a_crash_goes_on(log: Log) -> None:
    before = log.head()
    log.append({"what": "act 6"})
    log._set_anchor(log._anchor(), before)
    assert log.verify().count == 6
    log.append({"what": "act 7"})
    assert log.verify().count == 7


def test_a_deleted_log_file_is_found(log: Log) -> None:
    log.close()
    log.path.unlink()
    with pytest.raises(StoreError, match="entries 1 to 5"):
        log.verify()


def test_an_entry_added_without_the_key_is_found(log: Log) -> None:
    forger = replace(log, key=b"x" * 32)
    with pytest.raises(StoreError, match="anchor"):
        forger.append({"what": "forged"})
    seal = forger.chain.seal(bytes.fromhex(log.head().mac), 6, "{}").hex()
    alter(log.path, f"insert into entries values (6, '{{}}', x'{seal}')")
    with pytest.raises(StoreError, match="entry 6"):
        log.verify()


def test_entries_of_another_log_with_the_same_key_do_not_fit(log: Log) -> None:
    with pytest.raises(StoreError, match="anchor"):
        replace(log, name="other").verify()


def test_rolling_back_log_and_anchor_together_is_found_by_a_noted_head(log: Log) -> None:
    log.close()
    old = (log.path.read_bytes(), log.anchor.read_bytes())
    log.append({"what": "act 6"})
    noted = log.head()
    log.close()
    log.path.write_bytes(old[0])
    log.anchor.write_bytes(old[1])
    assert log.verify().count == ENTRIES  # inside the force alone it cannot be seen
    with pytest.raises(StoreError, match="entries 6 to 6"):
        log.verify(noted)


def test_a_missing_anchor_is_found(log: Log) -> None:
    log.close()
    log.anchor.unlink()
    for act in (log.verify, lambda: log.append({"what": "more"})):
        with pytest.raises(StoreError, match="missing or altered"):
            act()


def test_an_anchor_set_back_without_the_key_is_found(log: Log) -> None:
    alter(log.path, "delete from entries where place > 2")
    mac = bytes(
        sqlite3.connect(log.path).execute("select mac from entries where place = 2").fetchone()[0]
    )
    alter(log.anchor, f"update head set place = 2, mac = x'{mac.hex()}'")
    with pytest.raises(StoreError, match="missing or altered"):
        log.verify()


def test_mutant_without_an_anchor_misses_truncation(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Log, "_anchored", lambda *_: Head(count=0, mac="00" * 32))
    alter(log.path, "delete from entries where place > 2")
    assert log.verify().count == 2


def test_mutant_with_a_plain_hash_chain_can_be_mended_by_anybody(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Chain, "seal", lambda *_: b"s" * 32)  # a seal without key and content
    for number in range(1, 6):
        alter(log.path, f"update entries set mac = cast('{'s' * 32}' as blob) where place={number}")
    alter(log.anchor, f"update head set mac = cast('{'s' * 32}' as blob), seal = mac")
    alter(log.anchor, "update head set seal = mac")
    alter(log.path, "update entries set body = '{}' where place = 3")
    assert log.verify().count == ENTRIES


def add(folder: str, count: int) -> None:
    for number in range(count):
        log_in(Path(folder)).append({"number": number})


def test_processes_that_write_at_the_same_time_make_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add, args=(str(tmp_path), 10)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert log_in(tmp_path).verify().count == 30


def test_a_failure_while_the_log_is_held_adds_nothing(log: Log) -> None:
    with pytest.raises(ZeroDivisionError), log.writing() as writer:  # noqa: PT012
        writer.append({"what": "act 6"})
        raise ZeroDivisionError
    assert log.verify().count == ENTRIES


@settings(deadline=None, max_examples=20)
@given(st.integers(1, ENTRIES), st.sampled_from(["body", "mac", "place"]))
def test_changing_any_one_field_of_any_entry_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, column: str
) -> None:
    log = log_in(tmp_path_factory.mktemp("log"))
    for number in range(ENTRIES):
        log.append({"n": number})
    change = {"body": "body || ' '", "mac": "zeroblob(32)", "place": "place + 100"}[column]
    alter(log.path, f"update entries set {column} = {change} where place = {place}")
    with pytest.raises(StoreError):
        log.verify()


def test_a_log_from_an_older_backup_goes_on_once_its_loss_is_accepted(log: Log) -> None:
    log.close()
    backup = log.path.read_bytes()
    log.append({"what": "act 6"})
    log.append({"what": "act 7"})
    log.close()
    log.path.write_bytes(backup)
    with pytest.raises(StoreError, match="entries 6 to 7"):
        log.verify()
    assert log.accept_loss({"what": "disk failure", "actor": "D"}) == (6, 7)
    assert log.verify().count == 6
    assert log.entries()[-1]["lost"] == [6, 7]
    log.append({"what": "act 8"})
    assert log.verify().count == 7


def test_no_loss_is_accepted_where_nothing_is_missing_or_what_is_left_is_broken(log: Log) -> None:
    with pytest.raises(StoreError, match="must lack entries"):
        log.accept_loss({"what": "nothing"})
    alter(log.path, "delete from entries where place > 3")
    alter(log.path, "update entries set body = '{}' where place = 2")
    with pytest.raises(StoreError, match="entry 2"):
        log.accept_loss({"what": "hide it"})
