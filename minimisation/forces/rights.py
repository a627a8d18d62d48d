"""A person's requests, carried out in every store and followed up: erasure and rectification.

DPA 2018 ss.46 to 48. Influence on a release or a model that is out is recorded, not removable.
"""

import time
from collections.abc import Callable, Iterator

import duckdb

from minimisation.contract.errors import StoreError
from minimisation.forces.actors import Credential
from minimisation.forces.acts import ERASE, RECTIFY
from minimisation.forces.archived import Archived
from minimisation.forces.history import Reached, Request
from minimisation.forces.home import Home
from minimisation.forces.lineage import Derivative
from minimisation.forces.remnants import Remnants, needles
from minimisation.forces.rewrite import Edit, Erase, rewrite
from minimisation.forces.search import linkage_tokens, search, snapshots_with

Look = Callable[[], Remnants]
"""Searches for the person wherever they could be."""

LIVE = "live store"


def erase(
    home: Home, person: str, *, by: Credential | None, why: str, look: Look | None = None
) -> Request:
    """Remove a person from the live store and from every archived one.

    Args:
        home: the force.
        person: id in any spelling.
        by: the data protection officer.
        why: the request, named so that it names nobody.
        look: the search before and after; None: the force's own folder alone.

    Returns:
        What was done and what it reached; it is in the force's history too.

    Raises:
        PolicyError: if whoever asks may not.
        StoreError: if nothing was loaded yet.
    """
    actor = home.permit(ERASE, by)
    _check_loaded(home)
    tokens = linkage_tokens(home.vaults(), person)
    if look is None:
        look = lambda: search(home, person, home.paths.root, {"linkage token": tokens})  # noqa: E731
    edit, held = Erase(person=person), snapshots_with(home.vaults(), person)
    before, began = look(), time.perf_counter()
    with home.changing():
        token = home.tokens.of(person)
        home.note(ERASE, actor, why, what=f"{ERASE.what}: begun", people=(token,))
        removed = _rewrite(home, edit)
        for entry in home.archive.entries():
            if entry.snapshot in held:
                _rewrite_archived(home, entry, edit)
        for name in sorted({name for snapshot in held for name in snapshot.names}):
            home.note(ERASE, actor, why, people=(token,), snapshot=name)
        home.tokens.destroy(person)
    seconds, after = time.perf_counter() - began, look()
    secret = needles({"person id": [person], "linkage token": tokens})
    request = Request(
        kind="erase",
        at=home.clock(),
        seconds=round(seconds, 3),
        why=why,
        actor=str(actor),
        rows=removed,
        reached=tuple(_reached(home, before, after, frozenset(secret))),
    )
    home.history.record(request)
    return request


def rectify(home: Home, person: str, edit: Edit, *, by: Credential | None, why: str) -> Request:
    """Change or merge a person's records in every store; the wrong version is destroyed.

    Returns:
        What was done and which stores held the wrong record.

    Raises:
        PolicyError: if whoever asks may not.
        UseCaseError: if the new value is of another type.
        StoreError: if nothing was loaded yet.
    """
    actor = home.permit(RECTIFY, by)
    _check_loaded(home)
    held, began = snapshots_with(home.vaults(), person), time.perf_counter()
    names = frozenset(name for snapshot in held for name in snapshot.names)
    with home.changing():
        token = home.tokens.of(person)
        home.note(RECTIFY, actor, why, what=f"{RECTIFY.what}: begun", people=(token,))
        changed = _rewrite(home, edit)
        places = {LIVE: changed}
        for entry in home.archive.entries():
            if entry.snapshot in held:
                name = f"archived snapshot {entry.snapshot.name}"
                places[name] = _rewrite_archived(home, entry, edit)
        home.note(RECTIFY, actor, why, people=(token,))
    done = [Reached(place=place, reached=True) for place, rows in places.items() if rows]
    request = Request(
        kind="rectify",
        at=home.clock(),
        seconds=round(time.perf_counter() - began, 3),
        why=why,
        actor=str(actor),
        rows=changed,
        reached=(*done, *map(_influence, home.lineage.of(home.force, names) if done else ())),
    )
    home.history.record(request)
    return request


def _check_loaded(home: Home) -> None:
    if home.snapshots.live() is None:
        msg = f"the store of force '{home.force}' must be loaded first"
        raise StoreError(f"{msg}; run: sandbox forces load")


def _rewrite(home: Home, edit: Edit) -> int:
    """Rewrite the live store; the old one is not archived, its key is gone with its record."""
    changed = 0

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        nonlocal changed
        changed = rewrite(connection, home.key.derive("ranks"), edit)

    home.snapshots.replace(fill, [], lambda _: None, reread=True)
    home.tidy()
    return changed


def _rewrite_archived(home: Home, entry: Archived, edit: Edit) -> int:
    with home.archive.rewriting(entry) as connection:
        return rewrite(connection, home.key.derive("ranks"), edit)


def _reached(
    home: Home, before: Remnants, after: Remnants, secret: frozenset[str]
) -> Iterator[Reached]:
    """Every place that held the person before, in a name that does not name them."""
    live = home.snapshots.live()
    archived = [entry.snapshot.name for entry in home.archive.entries()]
    left = {remnant.where for remnant in after.found}
    places: dict[str, bool] = {}
    for remnant in before.found:
        place, gone = remnant.where, remnant.where not in left
        if place.startswith("snapshot "):
            # a rewritten archive file keeps the name of its snapshot in front of its own
            own = place.split()[1]
            now = next((name for name in archived if name.startswith(own)), None)
            place = LIVE if now is None else f"archived snapshot {own}"
            prefix = f"snapshot {now or (live.name if live else own)}"
            gone = not any(each.startswith(prefix) for each in left)
        elif any(spelling in place.lower() for spelling in secret):
            place = "a file named after the person"
        places[place] = places.get(place, True) and gone
    yield from (Reached(place=place, reached=gone) for place, gone in places.items())
    yield from map(_influence, after.influenced)


def _influence(made: Derivative) -> Reached:
    kept = f"epsilon {made.epsilon:g}" if made.epsilon is not None else "no formal guarantee"
    note = f"influence is recorded, not removable ({kept})"
    return Reached(place=f"{made.kind.value} '{made.name}'", reached=False, note=note)
