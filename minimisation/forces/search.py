"""Searches one force and a workspace for a person: what survives, and what they influenced."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from minimisation.contract.tables import PERSON
from minimisation.forces import remnants
from minimisation.forces.canonical import canonical
from minimisation.forces.snapshots import Snapshot
from minimisation.forces.vault import Vault

if TYPE_CHECKING:
    from minimisation.forces.home import Home


def search(
    home: "Home",
    person: str,
    workspace: Path,
    also: Mapping[str, Iterable[str]] | None = None,
    *,
    apart: Path | None = None,
) -> remnants.Remnants:
    """Search stores, archive, logs and the plain files of a workspace.

    Args:
        home: the force.
        person: id in any spelling.
        workspace: folder of releases, evidence and reports.
        also: what else names the person, such as pseudonyms of releases or a linkage token that
            is in no store any more.
        apart: folder of all forces; the others' folders in it are left to their own searches.
    """
    identifiers: dict[str, Iterable[str | None]] = {
        "person id": [person],
        "linkage token": linkage_tokens(home.vaults(), person),
        "audit token": [home.tokens.find(person)],
    }
    wanted = remnants.needles(identifiers | dict(also or {}))
    found, holding, searched = [], set[str](), 0
    for snapshot, vault in home.vaults():
        with vault.open() as connection:
            here = list(remnants.in_store(connection, f"snapshot {snapshot.name}", wanted))
        found += here
        holding |= set(snapshot.names) if here else set()
        searched += 1
    if home.tokens.find(person) is not None:
        found.append(remnants.Remnant(where="tokens", what="audit token"))
    skipped: list[str] = []
    for path in plain_files(home, workspace):
        others = apart is not None and path.is_relative_to(apart)
        if others and not path.is_relative_to(home.paths.root):
            continue
        where = str(path.relative_to(workspace)) if path.is_relative_to(workspace) else path.name
        seen = _in_any_file(path, where, wanted)
        if seen is None:
            skipped.append(where)
        found += seen or []
        searched += seen is not None
    erased = {str(entry["snapshot"]) for entry in home.log("audit").entries() if entry["people"]}
    return remnants.Remnants(
        found=tuple(found),
        influenced=home.lineage.of(home.force, frozenset(holding | erased)),
        searched=searched,
        not_searched=tuple(skipped),
    )


def snapshots_with(vaults: Iterable[tuple[Snapshot, Vault]], person: str) -> list[Snapshot]:
    """The snapshots that hold a person id."""
    wanted = remnants.needles({"person id": [person]})
    found = []
    for snapshot, vault in vaults:
        with vault.open() as connection:
            if next(remnants.in_store(connection, snapshot.name, wanted), None) is not None:
                found.append(snapshot)
    return found


def linkage_tokens(vaults: Iterable[tuple[Snapshot, Vault]], person: str) -> list[str]:
    """The person's tokens for matching across forces, in any snapshot."""
    found: dict[str, None] = {}
    for _, vault in vaults:
        with vault.open() as connection:
            try:
                query = f"select linkage_token from person where {PERSON} = ?"
                rows = connection.execute(query, [canonical(person)]).fetchall()
            except (duckdb.CatalogException, duckdb.BinderException):
                continue  # a store without a person table, or without tokens
            found |= {str(row[0]): None for row in rows if row[0]}
    return list(found)


def plain_files(home: "Home", workspace: Path) -> Iterator[Path]:
    """Every file of force and workspace but the stores, which are searched by their keys."""
    own = {home.paths.snapshots, home.paths.archive}
    seen: set[Path] = set()
    for root in (home.paths.root, workspace):
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.parent not in own and path != home.paths.tokens:
                if path.resolve() not in seen:
                    yield path
                seen.add(path.resolve())


def _in_any_file(
    path: Path, where: str, wanted: Mapping[str, str]
) -> list[remnants.Remnant] | None:
    if remnants.holds_ciphertext(path):
        return None
    if path.suffix == ".duckdb":
        return remnants.in_plain_store(path, where, wanted)
    return remnants.in_file(path, where, wanted)
