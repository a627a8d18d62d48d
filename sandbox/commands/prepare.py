"""`sandbox forces prepare`: a use case coded and ranked beside each store, for private queries."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from minimisation import UseCaseError

stderr = Console(stderr=True)

WHAT = "prepare a use case"
"""What the approver signs, and what the log says."""


def prepare_command(
    use_case: Annotated[str, typer.Argument(help="A use case, by name or file.")],
    force: Annotated[
        list[str] | None, typer.Option(help="Force to prepare it at; all if none.")
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(help="Query whose population and keys get stored ranks, such as: rows by sex"),
    ] = None,
    as_key: Annotated[
        Path | None, typer.Option("--as", help="The approver's key file (Ed25519, PEM).")
    ] = None,
    stores: Annotated[Path, typer.Option(help="Folder of the forces.")] = Path(
        "workspace/stores/tables"
    ),
) -> None:
    """Code and rank a use case's table beside each store; built again whenever a store changes."""
    from minimisation.forces.actors import ActorKey, Role  # noqa: PLC0415 - engines load when needed
    from minimisation.forces.acts import Act  # noqa: PLC0415 - as above
    from minimisation.forces.audit import Event  # noqa: PLC0415 - as above
    from minimisation.statistics.prepared_form import PreparedForm  # noqa: PLC0415 - as above
    from sandbox.houses import force_home, officer  # noqa: PLC0415 - as above
    from sandbox.use_case_files import load  # noqa: PLC0415 - as above

    act = Act(what=WHAT, event=Event.ALTERATION, roles=frozenset({Role.APPROVER}))
    case = load(use_case, Path.cwd()).value()
    known = sorted(path.parent.name for path in stores.glob("*/live.json"))
    names = force or known
    if not names or not set(names) <= set(known):
        raise UseCaseError(
            f"force ({', '.join(names) or 'none'}) must be loaded in {stores}: {', '.join(known)}"
        )
    for name in names:
        home = force_home(stores, stores.parent.parent / "keys", name)
        try:
            by = officer(home, Role.APPROVER) if as_key is None else ActorKey.read(as_key)
            home.note(act, home.permit(act, by), case.name)
            form = PreparedForm(home=home, use_case=case)
            form.declare(tuple(question or ()))
            table = form.table()
            ranked = len(table.prepared) if table is not None else 0
            stderr.print(f"{name}: prepared, ranked for {ranked} questions", highlight=False)
        finally:
            home.close()
