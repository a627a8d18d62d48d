"""`sandbox inquire`: how much data the question needs, and how its label came about."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

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
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(wanted[0].topic, total=len(wanted))

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        inquire(study, [each.topic for each in wanted], progress)
    lines = load(study.evidence).inquiries
    table = Table("Topic", "What was done", "Figures")
    for each in wanted:
        line = lines[each.topic]
        table.add_row(each.topic, line.summary, str(len(line.findings)))
    stdout.print(table)
