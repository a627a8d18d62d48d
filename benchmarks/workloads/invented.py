"""Invented people as plain columns: what workloads without a force's store run on."""

from pathlib import Path

import duckdb

from benchmarks.setting import Setting


def table_sql(rows: int, seed: int = 0) -> str:
    """SQL for so many people with text labels; the same on any number of threads."""

    def drawn(place: int) -> str:
        return f"(hash(i * 31 + {place + 100 * seed}) % 1000003)"

    ward = f"(({drawn(4)} * {drawn(5)}) // 1000003 % 64)"
    return f"""select i as person, (10 + {drawn(1)} % 80)::varchar as age,
        's' || {drawn(2)} % 2 as sex, 'e' || least({drawn(3)} % 9, 4) as ethnicity,
        'w' || lpad({ward}::varchar, 2, '0') as ward,
        'r' || {drawn(6)} % 7 as religion, 'p' || least({drawn(7)} % 12, 5) as priors,
        'd' || {drawn(8)} % 4 as disability from range({rows}) t(i)"""


LABELS = ("age", "sex", "ethnicity", "ward", "religion", "priors", "disability")
"""Columns that describe a person."""


def connected(setting: Setting, path: Path, name: str = "people") -> duckdb.DuckDBPyConnection:
    """A connection with a Parquet file's rows as a table in memory."""
    connection = duckdb.connect(
        config={
            "threads": setting.threads,
            "memory_limit": setting.duckdb_memory,
            "temp_directory": str(Path.cwd() / "spill"),
        }
    )
    connection.execute(f"create table {name} as select * from '{path}'")
    return connection
