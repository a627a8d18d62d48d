"""`sandbox inquire`: how much data the question needs, and how its label came about."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sandbox import progress

stdout = Console()
stderr = Console(stderr=True)


def inquire_command(
    plan: Annotated[Path, typer.Argument(help="Study plan, a TOML file.", show_default=False)],
    topic: Annotated[
        list[str] | None, typer.Option(help="One topic, such as curve/months; all if none.")
    ] = None,
    workspace: Annotated[Path, typer.Option(help="Folder for stores, feeds and results.")] = Path(
        "workspace"
    ),
) -> None:
    """Ask how much data the question needs, and how its label came about; adds to the evidence."""
    from sandbox.evidence import load  # noqa: PLC0415 - engines load when needed
    from sandbox.inquiries import chosen, inquire  # noqa: PLC0415 - as above
    from sandbox.study import Study  # noqa: PLC0415 - as above

    study = Study(plan_path=plan, workspace=workspace)
    wanted = chosen(topic or ())
    with progress.shown(stderr, wanted[0].topic, len(wanted)) as tell:
        inquire(study, [each.topic for each in wanted], tell)
    lines = load(study.evidence).inquiries
    table = Table("Topic", "What was done", "Figures")
    for each in wanted:
        line = lines[each.topic]
        table.add_row(each.topic, line.summary, str(len(line.findings)))
    stdout.print(table)
