"""What tests of private statistics share."""

from collections.abc import Iterator

import duckdb
import pytest


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, on one thread."""
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened
