"""What tests of private statistics share."""

from collections.abc import Iterator

import duckdb
import pytest


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, on one thread."""
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


@pytest.fixture
def store(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Stations, and custody events of nobody yet."""
    connection.execute("create table station (station_id integer, size tinyint)")
    connection.execute("insert into station values (1, 0), (2, 1)")
    connection.execute(
        "create table events (person bigint, event integer, offence tinyint, sex tinyint,"
        " hours smallint, station_id integer)"
    )
    return connection
