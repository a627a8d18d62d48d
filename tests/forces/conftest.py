"""Lets the tests of force stores share the modules that lie beside them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from invented import House, invented_house


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory."""
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A force with an approver and a data protection officer, and nothing loaded."""
    made = invented_house(tmp_path)
    yield made
    made.home.close()
