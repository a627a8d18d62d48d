"""The cold archive: own keys, authorised and delayed retrieval, expiry that destroys."""

import contextlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from minimisation import PolicyError, StoreError
from minimisation.forces import archive as module
from minimisation.forces import vault
from minimisation.forces.archive import Archive
from minimisation.forces.archived import Authorisation, months_after
from minimisation.forces.keys import ForceKey
from minimisation.forces.paths import Paths
from minimisation.forces.snapshots import Snapshots

KEY = ForceKey(force="ashmere", material=b"M" * 32)
START = datetime(2024, 1, 31, 9, tzinfo=UTC)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def archive(tmp_path: Path, clock: Clock) -> Archive:
    """A force in its second week: the first is archived."""
    paths = Paths.of(tmp_path, "ashmere")
    made = Archive(paths=paths, key=KEY, clock=clock)
    for week in (1, 2):
        load(made, week)
    return made


def live(archive: Archive) -> Snapshots:
    return Snapshots(paths=archive.paths, key=KEY, clock=archive.clock)


def load(archive: Archive, week: int) -> None:
    snapshots = live(archive)

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"create table crime as select {week} as week")

    with snapshots.held():
        archive.reconcile(snapshots)
        snapshots.tidy(archive.names())
        snapshots.replace(fill, [], archive.keep)
        snapshots.tidy(archive.names())


def only(archive: Archive) -> str:
    (entry,) = archive.entries()
    return entry.snapshot.name


def permission(until: datetime) -> Authorisation:
    return Authorisation(who="DI Example", why="review of a closed case", until=until, by="ab12")


def test_the_replaced_week_is_archived_for_twelve_months(archive: Archive) -> None:
    (entry,) = archive.entries()
    assert entry.replaced == START
    assert entry.expires == datetime(2025, 1, 31, 9, tzinfo=UTC)


def test_an_archived_file_opens_neither_with_the_live_key_nor_as_the_live_store(
    archive: Archive,
) -> None:
    (entry,) = archive.entries()
    with pytest.raises(StoreError, match="must be the one"):
        KEY.unwrap(entry.snapshot.wrapped, "store", entry.snapshot.name)
    current = live(archive).live()
    assert current is not None
    now = live(archive).vault(current)
    with pytest.raises(StoreError, match="own key"):
        replace(now, path=archive.paths.archive / f"{entry.snapshot.name}.duckdb").open()


def test_retrieval_without_an_authorisation_is_refused(archive: Archive) -> None:
    with pytest.raises(PolicyError, match="authorised"):
        archive.retrieve(only(archive))


def test_retrieval_takes_hours_and_ends_with_the_permission(archive: Archive, clock: Clock) -> None:
    name = only(archive)
    ready = archive.authorise(name, permission(START + timedelta(days=2)))
    assert ready == START + timedelta(hours=3)
    clock.forward(hours=2, minutes=59)
    with pytest.raises(PolicyError, match="can be read from"):
        archive.retrieve(name)
    clock.forward(minutes=1)
    with archive.retrieve(name) as connection:
        assert connection.execute("select week from crime").fetchone() == (1,)
    clock.forward(days=2)
    with pytest.raises(PolicyError, match="has ended"):
        archive.retrieve(name)


@pytest.mark.parametrize("hours", [2.9, 12.1, 0, -1])
def test_the_delay_is_three_to_twelve_hours(archive: Archive, hours: float) -> None:
    with pytest.raises(ValueError, match="3 to 12"):
        archive.authorise(
            only(archive), permission(START + timedelta(days=2)), timedelta(hours=hours)
        )


@pytest.mark.parametrize("until", [START, START + timedelta(hours=3), START + timedelta(days=400)])
def test_a_permission_must_end_after_it_is_ready_and_before_expiry(
    archive: Archive, until: datetime
) -> None:
    with pytest.raises(PolicyError, match="must end"):
        archive.authorise(only(archive), permission(until))


@pytest.mark.parametrize("field", ["who", "why", "by"])
def test_a_permission_says_who_why_and_by_whom(field: str) -> None:
    with pytest.raises(PolicyError, match="who, why"):
        Authorisation(**(vars(permission(START)) | {field: " "}))


def test_a_forged_permission_or_expiry_is_found(archive: Archive) -> None:
    path = archive.paths.archive / f"{only(archive)}.json"
    record = json.loads(path.read_text())
    for change in (
        {"expires": "2099-01-01T00:00:00+00:00"},
        {"who": "x", "why": "y", "by": "z", "until": "2024-02-02T00:00:00+00:00",
         "ready": "2024-01-31T09:00:00+00:00"},
    ):  # fmt: skip
        path.write_text(json.dumps(record | change))
        with pytest.raises(StoreError, match="altered"):
            archive.retrieve(path.stem)


def test_nothing_is_purged_before_it_expires_and_everything_after(
    archive: Archive, clock: Clock
) -> None:
    name = only(archive)
    clock.now = START + timedelta(days=365)
    assert archive.purge() == []
    clock.now = datetime(2025, 1, 31, 9, tzinfo=UTC)
    assert archive.purge() == [name]
    assert list(archive.paths.archive.iterdir()) == []
    assert archive.purge() == []


def test_an_expired_snapshot_cannot_be_read_even_before_the_purge(
    archive: Archive, clock: Clock
) -> None:
    name = only(archive)
    archive.authorise(name, permission(START + timedelta(days=300)))
    clock.forward(days=366)
    with pytest.raises(StoreError, match="not expired"):
        archive.retrieve(name)


@pytest.mark.parametrize("instant", range(1, 6))
def test_a_purge_killed_at_any_step_leaves_nothing_readable_and_ends_when_run_again(
    archive: Archive, clock: Clock, monkeypatch: pytest.MonkeyPatch, instant: int
) -> None:
    name = only(archive)
    wrapped = archive.entries()[0].snapshot.wrapped
    clock.forward(days=366)
    left = instant

    def dying(honest: object) -> object:
        def step(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
            return honest(*args, **kwargs)  # type: ignore[operator]

        return step

    monkeypatch.setattr(module, "sync", dying(vault.sync))
    monkeypatch.setattr(os, "unlink", dying(os.unlink))
    with contextlib.suppress(KeyboardInterrupt):
        archive.purge()
    monkeypatch.undo()
    record = archive.paths.archive / f"{name}.json"
    if record.exists():
        assert wrapped not in record.read_text(errors="replace")
    archive.purge()
    assert list(archive.paths.archive.iterdir()) == []


def test_mutant_that_removes_the_file_but_not_the_key_is_caught(archive: Archive) -> None:
    (archive.paths.archive / f"{only(archive)}.duckdb").unlink()
    assert archive.entries(), "the key is still there, and opens any copy of the file"


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (datetime(2024, 1, 31, tzinfo=UTC), 1, datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), 12, datetime(2025, 2, 28, tzinfo=UTC)),
        (datetime(2024, 11, 30, tzinfo=UTC), 3, datetime(2025, 2, 28, tzinfo=UTC)),
        (datetime(2024, 5, 15, tzinfo=UTC), 0, datetime(2024, 5, 15, tzinfo=UTC)),
    ],
)
def test_months_end_on_the_same_day_or_the_last(
    start: datetime, months: int, end: datetime
) -> None:
    assert months_after(start, months) == end


def test_no_value_is_in_archived_files_as_plain_text(tmp_path: Path, clock: Clock) -> None:
    archive = Archive(paths=Paths.of(tmp_path, "ashmere"), key=KEY, clock=clock)
    snapshots = live(archive)

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("create table crime as select 'Zebediah-Canary' as who")

    for _ in range(2):
        with snapshots.held():
            snapshots.replace(fill, [], archive.keep)
            snapshots.tidy(archive.names())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".duckdb" for path in archive.paths.archive.iterdir())
    assert not [path for path in files if b"Zebediah" in path.read_bytes()]
