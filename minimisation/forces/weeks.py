"""A force's weeks: feeds in, the old store to the archive, and the archive's few doors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from minimisation.contract.errors import StoreError
from minimisation.contract.tables import TABLES
from minimisation.forces import sql
from minimisation.forces.actors import Credential
from minimisation.forces.acts import GRANT, LOAD, PURGE, RETRIEVE
from minimisation.forces.archived import Authorisation
from minimisation.forces.history import Week
from minimisation.forces.home import Home
from minimisation.forces.intake import Intake
from minimisation.forces.layout import KEY_KIND, Layout
from minimisation.forces.linkage.at_load import Linkage
from minimisation.forces.mapping import Mapping as SourceMapping
from minimisation.forces.tally import Tally

Sources = Sequence[tuple[SourceMapping, Sequence[Path]]]
"""Mapping and files of each feed."""

Fill = Callable[[duckdb.DuckDBPyConnection], Sequence[Tally]]
"""Writes the tables of a new store, and says what became of each source."""

Keys = Mapping[str, npt.NDArray[np.uint64]]
"""Table → hashes of its record ids."""


def load(  # noqa: PLR0913 - what a load consists of
    home: Home,
    sources: Sources,
    needed: Mapping[str, frozenset[str]],
    *,
    by: Credential | None,
    purpose: str = "",
    free_text: bool = False,
    linkage: Linkage | None = None,
) -> Week:
    """Take a week's feeds and make them the live store; the old one goes to the archive.

    Args:
        home: the force.
        sources: mapping and files of each feed.
        needed: table → columns that approved use cases name.
        by: an approver.
        purpose: what for.
        free_text: whether free text is switched on.
        linkage: makes the people's linkage tokens; None: they come with the feed, or not at all.

    Returns:
        What became of each feed.

    Raises:
        PolicyError: if whoever asks may not.
        UseCaseError: if a feed is not of its kind.
        StoreError: if rows do not reconcile or the store does not verify; nothing is replaced.
    """

    def fill(connection: duckdb.DuckDBPyConnection) -> Sequence[Tally]:
        intake = Intake(
            connection=connection,
            force=home.force,
            needed=needed,
            free_text=free_text,
            linkage=linkage,
        )
        intake.take_all(sources)
        layout = Layout(connection=connection, key=home.key.derive("ranks"))
        for table, columns in intake.columns.items():
            kinds = {name: column.kind for name, column in columns.items()}
            layout.lay(table, TABLES[table], kinds, f"accepted_{table}")
        layout.finish()
        return list(intake.tallies.values())

    inputs = [path for _, paths in sources for path in paths]
    return replace(home, fill, inputs, by=by, purpose=purpose)


def replace(
    home: Home, fill: Fill, inputs: Sequence[Path], *, by: Credential | None, purpose: str = ""
) -> Week:
    """Replace the live store by a new one; the old one goes to the archive.

    Raises:
        PolicyError: if whoever asks may not.
        StoreError: if it cannot be built or does not verify; nothing is replaced.
    """
    actor = home.permit(LOAD, by)
    with home.changing():
        home.note(LOAD, actor, purpose, what=f"{LOAD.what}: begun")
        before, made = _keys_of_live(home), dict[str, Any]()

        def counted(connection: duckdb.DuckDBPyConnection) -> None:
            made["tallies"] = tuple(fill(connection))
            made["live"] = _rows(connection)
            made["removed"] = _removed(before, _keys(connection) if before else {})

        fresh = home.snapshots.replace(counted, inputs, home.archive.keep)
        home.tidy()
        week = Week(snapshot=fresh.name, at=fresh.made, purpose=purpose, **made)
        home.history.record(week)
        home.note(LOAD, actor, purpose, snapshot=fresh.name)
    return week


def authorise(  # noqa: PLR0913 - what an authorisation consists of
    home: Home, snapshot: str, *, who: str, why: str, until: datetime, by: Credential | None
) -> datetime:
    """Grant the retrieval of an archived snapshot; returns when it can be read.

    Args:
        home: the force.
        snapshot: its name.
        who: the person who may read it.
        why: for which purpose.
        until: when the permission ends, with a time zone.
        by: an approver or the data protection officer.

    Raises:
        PolicyError: if whoever asks may not, or the permission leaves something open.
        StoreError: if there is no such snapshot.
        UseCaseError: if the force's policy, which says after how many hours, breaks a rule.
    """
    actor = home.permit(GRANT, by)
    given = Authorisation(who=who, why=why, until=until, by=actor.fingerprint)
    with home.changing():
        delay = timedelta(hours=home.policy.retrieval_hours)
        ready = home.archive.authorise(snapshot, given, delay)
        what = f"authorise retrieval for {who} until {until:%Y-%m-%d}"
        home.note(GRANT, actor, why, what=what, snapshot=snapshot)
    return ready


def retrieve(home: Home, snapshot: str, *, by: Credential | None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to an archived snapshot.

    Raises:
        PolicyError: if whoever asks may not, without an authorisation, before it is ready, or
            after it ended.
        StoreError: if there is no such snapshot or it expired.
    """
    actor = home.permit(RETRIEVE, by)
    connection = home.archive.retrieve(snapshot)
    home.note(RETRIEVE, actor, "", snapshot=snapshot)
    return connection


def purge(home: Home, *, by: Credential | None, everything: bool = False) -> list[str]:
    """Destroy what expired; returns the names of the snapshots that are gone.

    Raises:
        PolicyError: if whoever asks may not.
    """
    actor = home.permit(PURGE, by)
    with home.changing():
        gone = home.archive.purge(everything=everything)
        for name in gone:
            home.note(PURGE, actor, "", snapshot=name)
    return gone


def _kept_keys(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Table and key column of everything laid out."""
    rows = connection.execute(
        "select table_name, column_name from coded.kept where kind = ?", [KEY_KIND]
    ).fetchall()
    return [(str(table), str(key)) for table, key in rows]


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counts = {}
    for table, _ in _kept_keys(connection):
        row = connection.execute(f"select count(*) from coded.{sql.name(table)}").fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


def _keys(connection: duckdb.DuckDBPyConnection) -> Keys:
    return {
        table: np.asarray(
            connection.execute(
                f"select hash({sql.name(key)}) as h from coded.{sql.name(table)}"
            ).fetchnumpy()["h"],
            dtype=np.uint64,
        )
        for table, key in _kept_keys(connection)
    }


def _keys_of_live(home: Home) -> Keys:
    """Of the store that is replaced; nothing if there is none, or it is damaged."""
    try:
        with home.open() as connection:
            return _keys(connection)
    except (StoreError, duckdb.Error):
        return {}  # a damaged store must not keep the next week from being loaded


def _removed(before: Keys, now: Keys) -> dict[str, int]:
    nothing = np.array([], dtype=np.uint64)
    return {
        table: int(np.isin(keys, now.get(table, nothing), invert=True).sum())
        for table, keys in before.items()
    }
