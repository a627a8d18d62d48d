"""The events of the private group-by as peers read them: a plain store, and the plain query."""

from pathlib import Path
from typing import Any

import duckdb

from benchmarks.accuracy import error
from benchmarks.setting import Setting

PLAIN = "select area, count(*) as n, sum(value) as total from events group by area"
EPSILON = 1.0
MOST_ROWS = 10
"""Rows of one person that may count, the bound of the prefix form."""
LOW, HIGH = 0, 100


def connect(setting: Setting, path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the plain store."""
    return duckdb.connect(
        str(path),
        read_only=True,
        config={"threads": setting.threads, "memory_limit": setting.duckdb_memory},
    )


def figures(
    connection: duckdb.DuckDBPyConnection,
    counts: dict[Any, float],
    sums: dict[Any, float],
    bounds: str,
    delta: float = 0.0,
) -> dict[str, float | int | str]:
    """Errors of released counts and sums, by area."""
    exact = connection.execute(PLAIN).fetchall()
    found: dict[str, float | int | str] = {"epsilon": EPSILON, "delta": delta, "bounds": bounds}
    if counts:
        found["count error"] = error({area: n for area, n, _ in exact}, counts)
    if sums:
        found["sum error"] = error({area: int(total) for area, _, total in exact}, sums)
    return found
