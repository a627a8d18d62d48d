"""One DuckDB file per force, and the locked-down connection through which it is read."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from minimisation.contract.errors import StoreError

LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "lock_configuration": True,
    "python_enable_replacements": False,
    "temp_file_encryption": True,
}
"""Every door that DuckDB leaves open by default, closed; and the settings locked."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """A force's file. No code path opens two of them on one connection."""

    force: str
    """Name of the force."""
    path: Path
    """The DuckDB file."""
    threads: int = 1
    """DuckDB threads per connection."""

    def open(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection that can reach this file and nothing else.

        Raises:
            StoreError: if the file is missing or is not a readable store.
        """
        if not self.path.is_file():
            raise StoreError(f"the store of force '{self.force}' must exist; load its data first")
        config = LOCKED | {"threads": self.threads}
        try:
            connection = duckdb.connect(str(self.path), read_only=True, config=config)
        except duckdb.Error as error:
            msg = f"the store of force '{self.force}' cannot be read ({type(error).__name__})"
            raise StoreError(msg) from None
        return connection
