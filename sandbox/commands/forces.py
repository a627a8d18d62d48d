"""`sandbox forces` and `sandbox audit`: what a force does with its own stores.

Standard output is data; standard error is everything else. Keys come from files or the environment,
never from arguments.
"""

from collections.abc import Callable

import typer

from sandbox.commands import force_audit, force_officers, force_people, force_weeks

forces_app = typer.Typer(
    help="Forces' own encrypted stores.", no_args_is_help=True, rich_markup_mode=None
)
audit_app = typer.Typer(help="Forces' audit logs.", no_args_is_help=True, rich_markup_mode=None)

FORCES: dict[str, Callable[..., None]] = {
    "create": force_officers.create,
    "actor": force_officers.actor,
    "dismiss": force_officers.dismiss,
    "load": force_weeks.load,
    "replace": force_weeks.replace,
    "list": force_weeks.list_forces,
    "archive": force_weeks.archive,
    "retrieve": force_weeks.retrieve,
    "purge": force_weeks.purge,
    "erase": force_people.erase,
    "rectify": force_people.rectify,
    "remnants": force_people.remnants,
    "backup-key": force_officers.backup_key,
    "restore-key": force_officers.restore_key,
}
AUDIT: dict[str, Callable[..., None]] = {
    "accept-loss": force_audit.accept_loss,
    "show": force_audit.show,
    "verify": force_audit.verify,
}

for app, commands in ((forces_app, FORCES), (audit_app, AUDIT)):
    for name, command in commands.items():
        app.command(name)(command)
