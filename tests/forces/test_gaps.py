"""DuckDB 1.5 leaves four bytes of every encrypted block as they were in memory: none may stay.

The planted value repeats four letters, so that any four bytes of it are one of four turns of them.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from invented import House, people, stops

from minimisation.forces import vault
from minimisation.forces.vault import Vault

KEY = b"K" * 32
MARK = b"ZQXJ"
TURNS = [MARK[turn:] + MARK[:turn] for turn in range(len(MARK))]
CHANCE = 3
"""Hits that chance alone gives in ten megabytes of ciphertext once in five million times."""


def hits(content: bytes) -> int:
    """How often four bytes in a row are four bytes of the planted value."""
    return sum(content.count(turn) for turn in TURNS)


def gaps(path: Path) -> set[bytes]:
    """What stands in the bytes of each header and block that DuckDB leaves unencrypted."""
    content = path.read_bytes()
    starts = (*vault.HEADERS, *range(vault.FILE_HEADERS, len(content), vault.BLOCK))
    return {content[start : start + vault.BLOCK][vault.GAP] for start in starts}


def filled(folder: Path, name: str = "store", rows: int = 200_000) -> Vault:
    """Two sorted copies of long strings: memory is used again and again."""
    made = Vault(force="ashmere", path=folder / f"{name}.duckdb", key=KEY)
    with made.create() as connection:
        long = f"repeat('{MARK.decode()}', 9)"
        connection.execute(
            f"create table person as select {long} || i as name, (i * 7919 % 10007) || {long} "
            f"as other from range({rows}) t(i)"
        )
        connection.execute("create table again as select * from person order by other")
    return made


def test_no_four_bytes_of_a_block_or_header_are_left_in_clear(tmp_path: Path) -> None:
    made = filled(tmp_path)
    made.verify()
    assert made.path.stat().st_size > vault.FILE_HEADERS + 8 * vault.BLOCK
    assert gaps(made.path) == {bytes(4)}


def test_mutant_that_leaves_the_gaps_of_blocks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "clear_gaps", lambda _path: None)
    made = filled(tmp_path)
    assert gaps(made.path) != {bytes(4)}


def test_mutant_that_forgets_the_headers_leaves_bytes_of_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "HEADERS", ())
    stores = [filled(tmp_path, f"store-{number}", 20_000) for number in range(3)]
    seen = {store.path.read_bytes()[start + 28 : start + 32] for store in stores
            for start in (4096, 8192)}  # fmt: skip
    assert seen != {bytes(4)}


def test_stores_archives_and_what_is_rewritten_have_no_gaps(house: House) -> None:
    rows = {"person": people(30), "stop_search": stops(range(1, 31))}
    house.load(rows)
    house.load(rows)
    house.erase()
    stores = sorted(house.home.paths.root.rglob("*.duckdb"))
    assert [store.parent.name for store in stores] == ["archive", "snapshots"]
    assert {gap for store in stores for gap in gaps(store)} == {bytes(4)}


def test_a_write_ahead_log_shows_no_four_bytes_of_a_value(tmp_path: Path) -> None:
    made = Vault(force="ashmere", path=tmp_path / "store.duckdb", key=KEY)
    with made.create() as connection:
        connection.execute("create table person (name varchar)")
        connection.execute("checkpoint force")
        for part in range(40):
            insert = "insert into person select repeat(?, 9) || i || ? from range(1000) t(i)"
            connection.execute(insert, [MARK.decode(), str(part)])
        log = tmp_path / "store.duckdb.wal"
        content = log.read_bytes()
    assert len(content) > 1_000_000
    assert hits(content) < CHANCE


def spilled(folder: Path) -> Iterator[bytes]:
    """What each spill file held, of a sort that does not fit in memory."""
    made = filled(folder, rows=400_000)
    small = Vault(force="ashmere", path=made.path, key=KEY, threads=2, memory="60MB")
    seen: dict[str, bytes] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            for path in folder.glob("spill-*/*"):
                try:
                    content = path.read_bytes()
                except OSError:
                    continue
                seen[path.name] = max(content, seen.get(path.name, b""), key=len)

    with small.open() as connection:
        watcher = threading.Thread(target=watch)
        watcher.start()
        connection.execute("create temp table sorted as select name from person order by other")
        done.set()
        watcher.join()
    yield from seen.values()


def test_spill_shows_no_four_bytes_of_a_value(tmp_path: Path) -> None:
    contents = list(spilled(tmp_path))
    assert sum(map(len, contents)) > 1_000_000, "the query must spill, or this proves nothing"
    assert sum(map(hits, contents)) < CHANCE


def test_mutant_with_spill_in_clear_is_full_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vault.CLOSED, "temp_file_encryption", False)  # noqa: FBT003 - a value
    assert sum(map(hits, spilled(tmp_path))) > 1000
