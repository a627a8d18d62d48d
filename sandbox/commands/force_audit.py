"""`sandbox audit`: what was done in a force, and whether its logs are whole."""

import sys
from typing import Annotated

import typer

from minimisation import UseCaseError
from minimisation.forces import acts
from minimisation.forces.audit import Entry, Event
from minimisation.forces.log_chain import Head
from sandbox.commands.force_desk import (
    DEFAULT,
    As,
    AsJson,
    ForceName,
    Stores,
    Why,
    house,
    show_rows,
    signer,
)


def accept_loss(
    force: ForceName,
    why: Why,
    log: Annotated[str, typer.Option(help="Which log came back from an older backup.")] = "audit",
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Go on with a log that was restored from an older backup; the loss is entered in it."""
    with house(stores, force) as home:
        proved = home.register.prove(
            signer(home, as_key, acts.ACCEPT_LOSS), acts.ACCEPT_LOSS.what, acts.ACCEPT_LOSS.roles
        )
        entry = Entry(
            event=Event.ALTERATION,
            what="accept the loss of entries",
            purpose=why,
            outcome="done",
            actor=str(proved),
        )
        first, last = home.log(log).accept_loss(entry.body())
        sys.stdout.write(f"entries {first} to {last} of log '{log}' are lost\n")


def show(
    force: ForceName,
    as_key: As = None,
    stores: Stores = DEFAULT,
    last: Annotated[int, typer.Option(min=1, help="Newest entries.")] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show a force's audit log."""
    with house(stores, force) as home:
        home.permit(acts.READ_AUDIT, signer(home, as_key, acts.READ_AUDIT))
        entries = home.log("audit").entries()[-last:]
    columns = ("place", "at", "event", "what", "purpose", "actor", "outcome", "sent")
    show_rows([{name: str(entry[name]) for name in columns} for entry in entries], as_json=as_json)


def verify(
    force: ForceName,
    noted: Annotated[
        str | None, typer.Option(help="A head that was noted down elsewhere: COUNT:SEAL.")
    ] = None,
    stores: Stores = DEFAULT,
) -> None:
    """Check every link of a force's logs; prints the head to note down outside the force."""
    with house(stores, force) as home:
        for name in sorted(path.stem for path in home.paths.root.glob("logs/*.sqlite")):
            given = _head(noted) if noted and name == "audit" else None
            sys.stdout.write(f"{name} {home.log(name).verify(given)}\n")


def _head(noted: str) -> Head:
    count, _, mac = noted.partition(":")
    if not (count.isdigit() and mac):
        raise UseCaseError("noted must be COUNT:SEAL, as sandbox audit verify printed it")
    return Head(count=int(count), mac=mac)
