"""A force whose every week is recognisable, for tests that kill its replacement."""

import os
import signal
from pathlib import Path

import duckdb

from minimisation.forces.archive import Archive
from minimisation.forces.keys import ForceKey
from minimisation.forces.paths import Paths
from minimisation.forces.snapshots import Snapshots

KEY = ForceKey(force="ashmere", material=b"M" * 32)
TABLES = ("person", "crime", "custody")
ROWS = 3_000


def force_in(folder: Path) -> tuple[Snapshots, Archive]:
    paths = Paths.of(folder, "ashmere")
    return Snapshots(paths=paths, key=KEY), Archive(paths=paths, key=KEY)


def load_week(folder: Path, week: int) -> None:
    """Replace the store by one in which every value is the week's number."""
    snapshots, archive = force_in(folder)

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        for table in TABLES:
            connection.execute(f"create table {table} as select {week} as week from range({ROWS})")

    with snapshots.held():
        archive.reconcile(snapshots)
        snapshots.tidy(archive.names())
        snapshots.replace(fill, [], archive.keep)
        snapshots.tidy(archive.names())


def week_of(folder: Path) -> int:
    """The week that a reader sees; fails unless every table is whole and of that week."""
    snapshots, _ = force_in(folder)
    with snapshots.open() as connection:
        seen = set()
        for table in TABLES:
            query = f"select min(week), max(week), count(*) from {table}"
            row = connection.execute(query).fetchone()
            assert row is not None
            assert row[2] == ROWS
            seen |= {row[0], row[1]}
    assert len(seen) == 1, "a reader must never see a mix of two weeks"
    return int(seen.pop())


def kill_at(folder: str, week: int, instant: int) -> None:
    """Load a week in a process of its own, and die at the n-th change to the file system."""
    left = instant

    def counted(name: str) -> None:
        nonlocal left
        honest = getattr(os, name)

        def dying(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return honest(*args, **kwargs)

        setattr(os, name, dying)

    for name in ("replace", "rename", "unlink", "fsync", "open", "chmod"):
        counted(name)
    load_week(Path(folder), week)
    os._exit(0)


def load_for_ever(folder: str, first: int) -> None:
    """Load week after week until killed."""
    week = first
    while True:
        load_week(Path(folder), week)
        week += 1
