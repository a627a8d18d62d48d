"""The encrypted store: what is on disk, what a wrong key does, and what a connection can reach."""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from minimisation import StoreError
from minimisation.contract.errors import MissingEngineError
from minimisation.forces import crypto_module, vault
from minimisation.forces.vault import Vault

KEY = b"K" * 32
CANARY = "Zebediah-Canary"
"""A planted value; it is in every row."""


def bytes_hold(folder: Path, *values: str) -> list[str]:
    """Names of files in a folder in which any of the values can be read."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(value.encode() in content for value in values):
                found.append(path.name)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Vault:
    made = Vault(force="ashmere", path=tmp_path / "a" / "store.duckdb", key=KEY)
    made.path.parent.mkdir()
    with made.create() as connection:
        connection.execute(
            f"create table person as select '{CANARY}' || i as name, i from range(9) t(i)"
        )
    return made


def test_what_was_written_is_read_back(store: Vault) -> None:
    with store.open() as connection:
        assert connection.execute("select count(*), max(i) from person").fetchone() == (9, 8)


@pytest.fixture
def uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compression hides strings from a byte scan, so it would prove nothing."""
    monkeypatch.setitem(vault.CLOSED, "force_compression", "uncompressed")


@pytest.mark.usefixtures("uncompressed")
def test_no_value_is_in_the_store_or_its_log_as_plain_text(tmp_path: Path) -> None:
    made = Vault(force="ashmere", path=tmp_path / "store.duckdb", key=KEY)
    sizes = {}
    with made.create() as connection:
        connection.execute("create table person (name varchar)")
        connection.execute("checkpoint force")
        connection.execute("insert into person select ? || i from range(100) t(i)", [CANARY])
        wal = tmp_path / "store.duckdb.wal"
        sizes = {"wal": wal.stat().st_size, "store": made.path.stat().st_size}
        assert bytes_hold(tmp_path, CANARY, "person", "name") == []
    assert min(sizes.values()) > 1000
    assert bytes_hold(tmp_path, CANARY, "person", "name") == []


def test_mutant_without_a_key_is_found_by_the_byte_scan(tmp_path: Path) -> None:
    config: dict[str, str | bool | int | float | list[str]] = {"force_compression": "uncompressed"}
    with duckdb.connect(str(tmp_path / "plain.duckdb"), config=config) as connection:
        connection.execute(
            "create table person as select ? || i as name from range(9) t(i)", [CANARY]
        )
    assert bytes_hold(tmp_path, CANARY) == ["plain.duckdb"]


def spilled(folder: Path) -> Iterator[bool]:
    """Sort more than fits in memory; whether each spill file seen shows the planted value."""
    made = Vault(force="ashmere", path=folder / "store.duckdb", key=KEY, threads=2, memory="60MB")
    with made.create() as connection:
        connection.execute(
            f"create table person as select i, '{CANARY}' || (i * 7919 % 1000003) as name "
            "from range(1000000) t(i)"
        )
    seen: dict[str, bool] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            for path in folder.glob("spill-*/*"):
                try:
                    shows = CANARY.encode() in path.read_bytes()
                except OSError:
                    continue
                seen[path.name] = seen.get(path.name, False) or shows

    with made.open() as connection:
        watcher = threading.Thread(target=watch)
        watcher.start()
        connection.execute("create temp table sorted as select name, i from person order by name")
        done.set()
        watcher.join()
    yield from seen.values()


def test_no_value_is_in_spill_files_as_plain_text(tmp_path: Path) -> None:
    shown = list(spilled(tmp_path))
    assert shown, "the query must spill, or this test proves nothing"
    assert not any(shown)
    assert not list(tmp_path.glob("spill-*"))


def test_mutant_without_spill_encryption_is_found_by_the_byte_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vault.CLOSED, "temp_file_encryption", False)  # noqa: FBT003 - a value
    assert any(spilled(tmp_path))


def test_a_wrong_key_is_refused_and_nothing_is_lost(store: Vault) -> None:
    before = store.path.read_bytes()
    with pytest.raises(StoreError, match="own key"):
        replace(store, key=b"x" * 32).open()
    assert store.path.read_bytes() == before
    store.verify()


def test_a_missing_file_is_named(store: Vault) -> None:
    with pytest.raises(StoreError, match="must exist"):
        replace(store, path=store.path.with_name("other.duckdb")).open()


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(store: Vault, part: float) -> None:
    content = store.path.read_bytes()
    store.path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(StoreError, match=r"whole|cannot be read"):
        store.verify()


def test_a_flipped_bit_is_refused_or_changes_nothing(store: Vault) -> None:
    with store.open() as connection:
        rows = connection.execute("from person").fetchall()
    content = store.path.read_bytes()
    refused = 0
    for place in range(0, len(content), 30011):
        altered = bytearray(content)
        altered[place] ^= 1
        store.path.write_bytes(altered)
        try:
            store.verify()
        except StoreError:
            refused += 1
            continue
        with store.open() as connection:  # the flip was in a spare header or a free block
            assert connection.execute("from person").fetchall() == rows
    assert refused
    store.path.write_bytes(content)
    store.verify()


def test_an_existing_file_is_never_written_over(store: Vault) -> None:
    with pytest.raises(StoreError, match="new file"), store.create():
        pass


def test_without_the_secure_module_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto_module, "PACKAGE", "no_such_package")
    made = Vault(force="ashmere", path=tmp_path / "store.duckdb", key=KEY)
    with pytest.raises(MissingEngineError, match="pip install"), made.create():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_module_of_another_duckdb_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb, "__version__", "0.0.0")
    assert crypto_module.module_path() is None


def test_a_process_without_the_secure_module_reads_and_never_spills(store: Vault) -> None:
    code = f"""
        from pathlib import Path
        from minimisation.forces import crypto_module
        from minimisation.forces.vault import Vault
        crypto_module.PACKAGE = "no_such_package"
        v = Vault(force="ashmere", path=Path({str(store.path)!r}), key=b"K" * 32, memory="60MB")
        c = v.open()
        print(c.execute("select count(*) from person").fetchone()[0])
        try:
            c.execute("create temp table t as select i, md5(i::varchar) x from range(3000000) t(i)")
        except Exception as error:
            print(type(error).__name__)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["9", "Error"], "DuckDB's own crypto refuses to write"
    assert not list(store.path.parent.glob("spill-*/*"))


def test_a_small_store_is_read_without_the_secure_module_unless_memory_is_limited(
    store: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    load = crypto_module.load

    def loaded(connection: duckdb.DuckDBPyConnection) -> bool:
        asked.append(True)
        return load(connection)

    monkeypatch.setattr(crypto_module, "load", loaded)
    for memory, times in ((None, 0), ("1GB", 1)):
        with replace(store, memory=memory).open() as connection:
            assert connection.execute("select count(*) from person").fetchone() == (9,)
        assert len(asked) == times
    monkeypatch.setattr(vault, "SMALL", 1)
    store.open().close()
    assert len(asked) == 2, "a large store is read by OpenSSL's"


def test_a_killed_writer_leaves_no_plain_text(tmp_path: Path) -> None:
    code = f"""
        import os
        from pathlib import Path
        from minimisation.forces.vault import Vault
        v = Vault(force="a", path=Path({str(tmp_path / "s.duckdb")!r}), key=b"K" * 32)
        with v.create() as c:
            c.execute("create table person as select '{CANARY}' || i n from range(200000) t(i)")
            c.execute("insert into person values ('{CANARY}')")
            os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert any(tmp_path.iterdir())
    assert bytes_hold(tmp_path, CANARY) == []
