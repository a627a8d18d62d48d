"""What commands about a force share: their options, the way in, and how rows are shown."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from minimisation import StoreError, UseCaseError
from minimisation.forces.actors import ActorKey
from minimisation.forces.acts import Act
from minimisation.forces.home import Home
from sandbox.houses import force_home, officer

stdout, stderr = Console(), Console(stderr=True)

ForceName = Annotated[str, typer.Argument(help="Name of the force.", show_default=False)]

PersonId = Annotated[
    str, typer.Argument(help="Person id, or - to read it from standard input.", show_default=False)
]

Stores = Annotated[Path, typer.Option(help="Folder of the forces.")]

As = Annotated[Path | None, typer.Option("--as", help="Your private key file (Ed25519, PEM).")]

Why = Annotated[str, typer.Option(help="Why: the request or purpose.", show_default=False)]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

DEFAULT = Path("workspace/stores/tables")


@contextmanager
def house(stores: Path, force: str, *, new: bool = False) -> Iterator[Home]:
    """A force's house, closed again at the end.

    Raises:
        StoreError: if there is none of that name and none is to be made.
    """
    if not new and not (stores / force).is_dir():
        known = ", ".join(names(stores)) or "none"
        raise StoreError(f"force ({force}) must be one in {stores}: {known}")
    home = force_home(stores, stores.parent.parent / "keys", force)
    try:
        yield home
    finally:
        home.close()


def names(stores: Path) -> list[str]:
    """The forces that have a house in a folder."""
    signs = ("logs", "actors.json")
    return sorted(p.name for p in stores.glob("*") if any((p / sign).exists() for sign in signs))


def signer(home: Home, key: Path | None, act: Act) -> ActorKey | None:
    """The key of --as; without it that of the plan's first run, if the act is for its role."""
    if key is not None or not home.register.actors():
        return ActorKey.read(key) if key is not None else None
    for role in act.roles:
        if (found := officer(home, role)) is not None:
            return found
    allowed = ", ".join(sorted(role.value for role in act.roles))
    raise UseCaseError(f"--as must name the key file of one of: {allowed}")


def person_id(given: str) -> str:
    """The person id given, or read from standard input."""
    person = sys.stdin.readline().strip() if given == "-" else given
    if not person.strip():
        raise UseCaseError("the person id must not be empty")
    return person


def show_rows(rows: list[dict[str, str]], *, as_json: bool) -> None:
    """Print rows as a table that cuts no value, the first column on one line, or as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table()
    for place, name in enumerate(rows[0] if rows else ["nothing"]):
        table.add_column(name, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row.values())
    stdout.print(table)
