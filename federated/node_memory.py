"""What a force's node must not forget between processes: rosters unmasked, rounds counted, keys.

Flower starts a fresh process for every message, and a force that forgot which roster it has
unmasked, or which round it has sold, would break the promises of the secure sum and of the ledger.
"""

import sqlite3
from collections.abc import Iterator, MutableMapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NodeMemory(MutableMapping[str, bytes]):
    """Names and bytes in one SQLite file; every write is on disk before it returns."""

    path: Path
    """The file; made with the rights of its owner alone."""

    def __post_init__(self) -> None:
        """Make the file where there is none."""
        self.path.touch(mode=0o600)
        with closing(self._open()) as connection, connection:
            connection.execute("create table if not exists memory (name primary key, held blob)")

    def __getitem__(self, name: str) -> bytes:
        """What is held under a name.

        Raises:
            KeyError: if nothing is.
        """
        with closing(self._open()) as connection:
            row = connection.execute("select held from memory where name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return bytes(row[0])

    def __setitem__(self, name: str, held: bytes) -> None:
        """Hold bytes under a name."""
        with closing(self._open()) as connection, connection:
            connection.execute("insert or replace into memory values (?, ?)", (name, held))

    def __delitem__(self, name: str) -> None:
        """Forget a name.

        Raises:
            KeyError: if nothing is held under it.
        """
        with closing(self._open()) as connection, connection:
            done = connection.execute("delete from memory where name = ?", (name,))
        if done.rowcount == 0:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Names, in order."""
        with closing(self._open()) as connection:
            rows = connection.execute("select name from memory order by name").fetchall()
        return iter(name for (name,) in rows)

    def __len__(self) -> int:
        """How many names there are."""
        return sum(1 for _ in self)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30)
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        return connection
