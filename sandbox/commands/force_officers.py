"""`sandbox forces create`, `actor`, `dismiss`, `backup-key`, `restore-key`: actors and the key."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from minimisation import StoreError, UseCaseError
from minimisation.forces import acts
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.backup import open_key, seal_key
from minimisation.forces.keys import KeyFile
from sandbox.commands.force_desk import (
    DEFAULT,
    As,
    ForceName,
    Stores,
    house,
    signer,
    stderr,
)

EMPTY_POLICY = """\
# What this force permits. What is not written here is denied.
# Fingerprints come from `sandbox forces actor`; a refusal names the step that is not listed.
#
# [purpose.stop-search]
# who = ["0123456789abcdef"]
# kinds = ["statistics"]
# minimum_contributors = 10
# minimum_cell = 5
# epsilon = 1.0
# delta = 1e-6
# period = "year"
#
# [purpose.stop-search.steps]
# private-query = "unpinned"  # or the SHA-256 of its code, by minimisation.forces.code_digest
# private-query-unknown-keys = "unpinned"  # labels that enough records share leave as written
"""


def create(
    force: ForceName,
    approver: Annotated[Path, typer.Option(help="Key file of the approver; made if missing.")],
    name: Annotated[str, typer.Option(help="The approver's name.")] = "approver",
    stores: Stores = DEFAULT,
) -> None:
    """Make a force: its encryption key, its logs, and the approver who may act for it."""
    with house(stores, force, new=True) as home:
        key = ActorKey.read(approver) if approver.is_file() else ActorKey.create(approver)
        if home.register.actors():
            raise StoreError(f"force '{force}' must not exist yet")
        actor = Actor(name=name, role=Role.APPROVER, public=key.public)
        home.enrol(actor, None)
        if not home.paths.policy.exists():
            home.paths.policy.write_text(EMPTY_POLICY, "utf-8")
        stderr.print(f"back up the key of '{force}' now: without it the data is lost")
        sys.stdout.write(f"{actor.fingerprint}\n")


def actor(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    key: Annotated[Path, typer.Argument(help="The new actor's key file; made if missing.")],
    name: Annotated[str, typer.Option(help="Their name.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What they may do.", show_default=False)],
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Register an actor by key; prints the fingerprint that a policy names."""
    with house(stores, force) as home:
        by = signer(home, as_key, acts.ENROL)
        private = ActorKey.read(key) if key.is_file() else ActorKey.create(key)
        made = Actor(name=name, role=role, public=private.public)
        home.enrol(made, by)
        sys.stdout.write(f"{made.fingerprint}\n")


def dismiss(
    force: ForceName,
    fingerprint: Annotated[str, typer.Argument(help="As `sandbox forces actor` printed it.")],
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Forget an actor, as when a key is lost; take the fingerprint out of the policy, too."""
    with house(stores, force) as home:
        home.dismiss(fingerprint, signer(home, as_key, acts.DISMISS))


def backup_key(
    force: ForceName,
    out: Annotated[Path, typer.Argument(help="File to write; keep it away from the data.")],
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Write the force's key, encrypted under the passphrase in SANDBOX_PASSPHRASE."""
    with house(stores, force) as home:
        home.permit(acts.BACK_UP, signer(home, as_key, acts.BACK_UP))
        if out.exists():
            raise UseCaseError(f"backup ({out.name}) must not exist yet")
        out.write_text(seal_key(home.key, _passphrase()), "utf-8")
        out.chmod(0o600)


def restore_key(
    backup: Annotated[Path, typer.Argument(help="File that backup-key wrote.", exists=True)],
    out: Annotated[Path, typer.Argument(help="Key file to write.")],
) -> None:
    """Write a force's key file again from its backup and SANDBOX_PASSPHRASE."""
    KeyFile(path=out).write(open_key(backup.read_text("utf-8"), _passphrase()))


def _passphrase() -> str:
    try:
        return os.environ["SANDBOX_PASSPHRASE"]
    except KeyError:
        raise UseCaseError("SANDBOX_PASSPHRASE must hold the passphrase of the backup") from None
