"""People in the audit log: random tokens, and the table that says whose they are, row by row.

The log is append-only and a person has a right to erasure. So the log holds a random token, and the
only link to the person is a row here, under a keyed hash of the id; destroying the row leaves the
log whole and the token meaningless.
"""

import contextlib
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minimisation.contract.errors import StoreError
from minimisation.forces.canonical import canonical
from minimisation.forces.keys import ForceKey

SCHEMA = "create table if not exists token (who blob primary key, token text not null unique)"


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokens of one force."""

    path: Path
    """SQLite file."""
    key: ForceKey
    """The force's key."""

    def of(self, person: str) -> str:
        """The person's token, made if there is none."""
        with self._open() as connection:
            connection.execute(
                "insert or ignore into token values (?, ?)",
                [self._who(person), secrets.token_hex(16)],
            )
            return str(self._find(connection, person))

    def find(self, person: str) -> str | None:
        """The person's token, or None."""
        if not self.path.is_file():
            return None
        with self._open() as connection:
            return self._find(connection, person)

    def destroy(self, person: str) -> bool:
        """Overwrite the link between a person and their token; whether there was one."""
        if not self.path.is_file():
            return False
        with self._open() as connection:
            done = connection.execute("delete from token where who = ?", [self._who(person)])
            return done.rowcount > 0

    def _who(self, person: str) -> bytes:
        message = canonical(person).encode()
        return hmac.new(self.key.derive("audit people"), message, hashlib.sha256).digest()

    def _find(self, connection: sqlite3.Connection, person: str) -> str | None:
        row = connection.execute("select token from token where who = ?", [self._who(person)])
        found = row.fetchone()
        return str(found[0]) if found else None

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
                connection.execute("pragma secure_delete = on")  # deleted rows are overwritten
                connection.execute(SCHEMA)
                self.path.chmod(0o600)
                with connection:
                    yield connection
        except sqlite3.Error as error:
            msg = f"the tokens of force '{self.key.force}' cannot be read or written"
            raise StoreError(f"{msg} ({type(error).__name__})") from None
