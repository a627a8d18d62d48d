"""What a force's boundary needs of a store: a name, and a locked connection to one file."""

from typing import Protocol

import duckdb


class Store(Protocol):
    """A force's encrypted store: `Vault` for one file, `Home` for whatever is live."""

    @property
    def force(self) -> str:
        """Name of the force."""

    def open(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection that can reach this force's file and nothing else.

        Raises:
            StoreError: if the file is missing, damaged, or not encrypted with the force's key.
        """
