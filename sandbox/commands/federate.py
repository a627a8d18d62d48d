"""`sandbox federate`: a deployed federation on this machine's loopback address, for trying."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from minimisation import PolicyError, SandboxError, UseCaseError

if TYPE_CHECKING:
    from sandbox.study import Study

federate_app = typer.Typer(
    help="Forces on nodes of their own: keys, certificates, server and nodes, for trying.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

stdout = Console()
stderr = Console(stderr=True)

PlanPath = Annotated[Path, typer.Argument(help="Study plan, a TOML file.", show_default=False)]
Workspace = Annotated[Path, typer.Option(help="Folder for stores, feeds and results.")]
HERE = Path("workspace")


@federate_app.command()
def up(
    plan: PlanPath,
    nodes: Annotated[
        int | None, typer.Option(help="Only so many of the forces, the first ones.", min=1)
    ] = None,
    workspace: Workspace = HERE,
) -> None:
    """Make keys and certificates, start a server and one node per force, and leave them running."""
    from federated.deployment import Loopback  # noqa: PLC0415 - engines load when needed
    from federated.left_running import RUNNING  # noqa: PLC0415 - as above
    from federated.orders import digests  # noqa: PLC0415 - as above

    study, folder = _study(plan, workspace), _folder(workspace)
    if (folder / RUNNING).exists():
        raise UseCaseError("no federation must be running; stop it: sandbox federate down")
    stderr.print("loading the forces' stores")
    names = tuple(study.stores)[:nodes]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    approved = folder / "approved.json"
    approved.write_text(json.dumps(digests(), indent=1), "utf-8")
    common = {
        "opener": "sandbox.force_node:node",
        "plan": str(plan.resolve()),
        "workspace": str(workspace.resolve()),
        "approved": str(approved),
    }
    stderr.print(f"starting a server and {len(names)} nodes")
    with Loopback(folder=folder, nodes={name: common | {"force": name} for name in names}) as all_:
        all_.detach()
    _show(folder)


@federate_app.command()
def status(workspace: Workspace = HERE) -> None:
    """Show what runs."""
    _show(_folder(workspace))


@federate_app.command()
def run(
    option: Annotated[
        str, typer.Argument(help="federated-newton, -averaging, -private or -trees.")
    ] = "federated-newton",
    parameters: Annotated[str, typer.Option(help="The option's parameters, as JSON.")] = "{}",
    seed: Annotated[int, typer.Option(help="Seed of everything that is not privacy noise.")] = 1,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="File of private training: written every round, gone on from if there."),
    ] = None,
    workspace: Workspace = HERE,
) -> None:
    """Fit one model over the nodes; it goes to standard output as JSON."""
    from federated.deployment import Loopback  # noqa: PLC0415 - as above

    folder = _folder(workspace)
    federation = Loopback.attached(folder)
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    anyone = next(iter(federation.nodes.values()))
    federation.run(
        {
            "forces": ",".join(federation.nodes),
            "option": option,
            "parameters": parameters,
            "seed": seed,
            "use-case": "sandbox.force_node:use_case",
            "plan": str(anyone["plan"]),
            "workspace": str(anyone["workspace"]),
            "result": str(result),
            "checkpoint": str(checkpoint.resolve()) if checkpoint else "",
        }
    )
    if not result.is_file():
        raise SandboxError(f"the run must leave a result; see {folder.name}/run.log")
    stdout.print(result.read_text("utf-8"), soft_wrap=True, highlight=False, markup=False)


@federate_app.command()
def down(workspace: Workspace = HERE) -> None:
    """Stop the server and every node; keys and logs stay until the next `up`."""
    from federated.left_running import stop_detached  # noqa: PLC0415 - as above

    stdout.print(f"{stop_detached(_folder(workspace))} programs stopped", highlight=False)


@federate_app.command("forget-roster")
def forget_roster(
    plan: PlanPath,
    force: Annotated[str, typer.Option(help="The force whose operator decides.")],
    why: Annotated[str, typer.Option(help="Reason, for the force's log.")],
    workspace: Workspace = HERE,
) -> None:
    """Let a force take part in a secure sum with another roster; logged, and not without risk.

    Totals over two rosters that differ by one force give that force's part away by subtraction.
    """
    from federated.record import forget_roster as forget  # noqa: PLC0415 - as above
    from sandbox.force_node import memory_of  # noqa: PLC0415 - as above

    study = _study(plan, workspace)
    if force not in study.stores:
        raise UseCaseError(f"force ({force}) must be one of: {', '.join(study.stores)}")
    if not why.strip():
        raise PolicyError("why must give a reason")
    home = study.stores[force]
    forget(memory_of(home), home.audit, study.plan.use_case.name, why)
    stdout.print(f"{force} takes part with the next roster that it is offered", highlight=False)


def _study(plan: Path, workspace: Path) -> "Study":
    from sandbox.study import Study  # noqa: PLC0415 - as above

    return Study(plan_path=plan, workspace=workspace)


def _folder(workspace: Path) -> Path:
    return workspace.resolve() / "federation"


def _show(folder: Path) -> None:
    from federated.left_running import states  # noqa: PLC0415 - as above

    table = Table("Program", "Process", "State", "Log")
    for name, (pid, runs) in states(folder).items():
        table.add_row(name, str(pid), "running" if runs else "ended", f"{name}.log")
    stdout.print(table)
