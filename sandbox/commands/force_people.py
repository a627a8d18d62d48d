"""`sandbox forces erase`, `rectify`, `remnants`: a person's requests.

A person's id can come from standard input (`-`), so that no shell keeps it.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from minimisation import UseCaseError
from minimisation.forces import acts, rights
from minimisation.forces.canonical import canonical
from minimisation.forces.home import Home
from minimisation.forces.remnants import Remnants
from minimisation.forces.rewrite import Edit, Merge, Rectify
from minimisation.forces.search import linkage_tokens, search
from minimisation.options.pseudonymisation import pseudonym
from sandbox.commands.force_desk import (
    DEFAULT,
    As,
    ForceName,
    PersonId,
    Stores,
    Why,
    house,
    names,
    person_id,
    signer,
    stderr,
)
from sandbox.use_case_files import shipped


def erase(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    person: PersonId,
    why: Why,
    workspace: Annotated[Path, typer.Option(help="Folder searched afterwards.")] = Path(
        "workspace"
    ),
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Erase a person from the live and every archived store, then search for what is left."""
    with house(stores, force) as home:
        by, wanted = signer(home, as_key, acts.ERASE), person_id(person)
        also = _also(home, wanted, linkage_tokens(home.vaults(), wanted))
        seen: list[Remnants] = []

        def look() -> Remnants:
            seen.append(search(home, wanted, workspace, also, apart=stores))
            return seen[-1]

        done = rights.erase(home, wanted, by=by, why=why, look=look)
        before, after = (len(each.found) for each in (seen[0], seen[-1]))
        stderr.print(f"{force}: {before} places before, {after} after, {done.seconds:.1f} s")
        _report(force, seen[-1])


def rectify(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    person: PersonId,
    why: Why,
    merge_into: Annotated[str | None, typer.Option(help="The same person's other id.")] = None,
    record: Annotated[str | None, typer.Option(help="Key of the record that is wrong.")] = None,
    column: Annotated[str | None, typer.Option(help="TABLE.COLUMN that is wrong.")] = None,
    value: Annotated[str | None, typer.Option(help="Right value; left out: missing.")] = None,
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Correct one value of a person's record, or merge two ids of one person."""
    with house(stores, force) as home:
        by, wanted = signer(home, as_key, acts.RECTIFY), person_id(person)
        if merge_into is not None:
            edit: Edit = Merge(person=wanted, into=merge_into)
        elif record is not None and column is not None and "." in column:
            table, _, own = column.partition(".")
            edit = Rectify(table=table, record=record, column=own, value=value)
        else:
            raise UseCaseError("rectify must be given --merge-into, or --record and --column")
        done = rights.rectify(home, wanted, edit, by=by, why=why)
        if not done.reached:
            stderr.print("nothing on record matched; the store was laid out again unchanged")


def remnants(
    person: PersonId,
    workspace: Annotated[Path, typer.Option(help="Folder searched too.")] = Path("workspace"),
    also: Annotated[
        list[str] | None, typer.Option(help="What else names the person, such as a token.")
    ] = None,
    stores: Stores = DEFAULT,
) -> None:
    """Find every place where a person's id or pseudonym survives, in every force."""
    wanted = person_id(person)
    for force in names(stores):
        with house(stores, force) as home:
            given = _also(home, wanted, also)
            _report(force, search(home, wanted, workspace, given, apart=stores))


def _also(home: Home, person: str, more: list[str] | None = None) -> dict[str, list[str]]:
    known = [pseudonym(home.secret, name, canonical(person)) for name in shipped()]
    return {"pseudonym": known, "given": more or []}


def _report(force: str, result: Remnants) -> None:
    for place in result.found:
        sys.stdout.write(f"{force}\t{place.where}\t{place.what}\n")
    for made in result.influenced:
        kept = f"epsilon {made.epsilon:g}" if made.epsilon is not None else "no formal guarantee"
        stderr.print(
            f"{force}: {made.kind.value} '{made.name}' was made from a snapshot that held the "
            f"person ({kept}); influence on what is out is recorded, not removable"
        )
    if result.not_searched:
        files = ", ".join(result.not_searched)
        stderr.print(
            f"{force}: encrypted or unreadable, not searched with this force's key: {files}"
        )
