"""One encrypted DuckDB file (AES-256-GCM), and the locked-down connections that reach it alone."""

import base64
import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from minimisation.contract.errors import StoreError
from minimisation.forces import crypto_module, sql

SCHEMA = "force"
"""Name under which a connection sees its one file."""

OLD = "old"
"""Name under which a rewrite sees the store that it replaces."""

CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "extension_directory": os.devnull,
    "python_enable_replacements": False,
    "temp_file_encryption": True,
}
"""Doors that are closed before a connection does anything.

Attaching an encrypted file loads `httpfs` from the home directory although autoloading is off, so
that extensions are looked for where none can be.
"""

SMALL = 8 * 2**20
"""Bytes of a store up to which DuckDB's own crypto reads it where memory is not limited.

OpenSSL's module takes longer to load than so much to decrypt, and so little needs no spilling.
"""

HEADERS = (4096, 8192)
"""Where the two encrypted headers of a DuckDB file begin."""

FILE_HEADERS = 3 * 4096
"""Bytes before the first block of a DuckDB file."""

BLOCK = 262_144
"""Bytes of a block, its header included; DuckDB's default."""

GAP = slice(28, 32)
"""Bytes of an encrypted block or header that DuckDB 1.5 neither encrypts nor authenticates.

They follow the nonce and the tag, and hold whatever stood there in memory: often four bytes of
a value in clear.
"""


@dataclass(frozen=True, kw_only=True)
class Vault:
    """A force's file and the key to it. No code path opens two forces on one connection."""

    force: str
    """Name of the force."""
    path: Path
    """The encrypted DuckDB file."""
    key: bytes = field(repr=False)
    """32 bytes; the file's own, unlike any other file's."""
    threads: int = 1
    """DuckDB threads per connection."""
    memory: str | None = None
    """DuckDB memory limit such as `4GB`; None: DuckDB's default."""

    def open(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection that can reach this file and nothing else.

        Where DuckDB's own crypto reads (a small store, or OpenSSL's module is missing) nothing may
        spill to disk.

        Raises:
            StoreError: if the file is missing, damaged, or not encrypted with this key.
        """
        try:
            size = self.path.stat().st_size
        except OSError:
            msg = f"the store of force '{self.force}' must exist; load its data first"
            raise StoreError(msg) from None
        connection = self._connect()
        try:
            small = self.memory is None and size <= SMALL
            if small or not crypto_module.load(connection):
                connection.execute("set max_temp_directory_size = '0KB'")
            self._attach(connection, SCHEMA, "read_only")
            connection.execute(f"use {SCHEMA}")
            lock(connection)
        except duckdb.Error as error:
            connection.close()
            raise self.explained(error) from None
        return connection

    @contextlib.contextmanager
    def create(
        self, inputs: Sequence[Path] = (), old: "Vault | None" = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that fills a new file; the file is on disk, complete, when it ends.

        Args:
            inputs: the only other files that the connection may read.
            old: another store of the same force, which the connection sees as `old`.

        Yields:
            The connection, locked.

        Raises:
            MissingEngineError: if there is no secure crypto module; nothing is written.
            StoreError: if the file exists, or `old` is another force's.
        """
        if old is not None and old.force != self.force:
            raise StoreError("two forces must never be open on one connection")
        if self.path.exists():
            raise StoreError(f"the store of force '{self.force}' must be a new file")
        with self._connect() as connection:
            crypto_module.require(connection)
            try:
                self._attach(connection, SCHEMA, "read_write")
                if old is not None:
                    old._attach(connection, OLD, "read_only")  # noqa: SLF001 - one class
                connection.execute(f"use {SCHEMA}")
                reach = [self.path, self.path.with_name(f"{self.path.name}.wal"), *inputs]
                lock(connection, reach)
                yield connection
                connection.execute(f"checkpoint {SCHEMA}")
            except duckdb.Error as error:
                raise self.explained(error) from None
        clear_gaps(self.path)
        sync(self.path)

    def verify(self) -> None:
        """Read every block of the file, so that damage anywhere in it shows.

        Raises:
            StoreError: if any block cannot be decrypted or read.
        """
        with self.open() as connection:
            try:
                for schema, table in tables(connection):
                    name = f"{sql.name(schema)}.{sql.name(table)}"
                    # a hash of every column reads every block, at a fraction of a cast's cost
                    connection.execute(f"select bit_xor(hash(t)) from {name} t").fetchall()
            except duckdb.Error as error:
                raise self.explained(error) from None

    def explained(self, error: duckdb.Error) -> StoreError:
        """The rule that an error of DuckDB stands for; its own text can quote data."""
        text = str(error)
        store = f"the store of force '{self.force}'"
        if "encryption key" in text:
            return StoreError(f"{store} must be opened with its own key; nothing was changed")
        if any(sign in text for sign in ("AES tag", "checksum", "read enough bytes", "Corrupt")):
            return StoreError(f"{store} must be whole: it is damaged; restore it from its backup")
        return StoreError(f"{store} cannot be read or written ({type(error).__name__})")

    def _connect(self) -> duckdb.DuckDBPyConnection:
        spill = self.path.parent / f"spill-{os.getpid()}-{secrets.token_hex(4)}"
        config = CLOSED | {"threads": self.threads, "temp_directory": str(spill)}
        if self.memory is not None:
            config |= {"memory_limit": self.memory}
        return duckdb.connect(":memory:", config=config)

    def _attach(self, connection: duckdb.DuckDBPyConnection, name: str, mode: str) -> None:
        # the key is bound, so that it is in no statement text, log or plan
        connection.execute(
            f"attach {sql.text(str(self.path))} as {name} (encryption_key $key, {mode})",
            {"key": base64.b64encode(self.key).decode()},
        )


def lock(connection: duckdb.DuckDBPyConnection, reach: Sequence[Path] = ()) -> None:
    """Cut a connection off from every file but `reach`, and forbid changing that."""
    paths = ", ".join(sql.text(str(path)) for path in reach)
    connection.execute(f"set allowed_paths = [{paths}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and name of every table in the file, in order."""
    query = (
        "select schema_name, table_name from duckdb_tables() where database_name = ? order by 1, 2"
    )
    return [(str(a), str(b)) for a, b in connection.execute(query, [SCHEMA]).fetchall()]


def clear_gaps(path: Path) -> None:
    """Overwrite the bytes of every block and header that are written in clear.

    Raises:
        StoreError: if the file is not made of whole blocks.
    """
    blocks, rest = divmod(path.stat().st_size - FILE_HEADERS, BLOCK)
    if rest:
        raise StoreError(f"a store ({path.name}) must be made of blocks of {BLOCK} bytes")
    with path.open("r+b") as file:
        for start in (*HEADERS, *range(FILE_HEADERS, FILE_HEADERS + blocks * BLOCK, BLOCK)):
            file.seek(start + GAP.start)
            file.write(bytes(GAP.stop - GAP.start))


def sync(path: Path) -> None:
    """Have the operating system write a file, and its name in its folder, to disk."""
    for each in (path, path.parent):
        if each.is_dir() and os.name != "posix":
            continue  # Windows has no handle for a folder; renames there are journalled
        handle = os.open(each, os.O_RDONLY if each.is_dir() else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_spill(folder: Path) -> None:
    """Remove what a killed connection left behind; it is encrypted under a key that is gone."""
    for each in folder.glob("spill-*"):
        shutil.rmtree(each, ignore_errors=True)
