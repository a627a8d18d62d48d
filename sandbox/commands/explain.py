"""`sandbox explain`: what epsilon, bounds and floor would mean, before anything is spent."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from minimisation import UseCaseError

stdout = Console()


def explain_command(  # noqa: PLR0913, PLR0917 - one parameter per flag
    plan: Annotated[Path, typer.Argument(help="Study plan, a TOML file.", show_default=False)],
    epsilon: Annotated[float, typer.Option(help="Privacy loss at each force.")] = 1.0,
    delta: Annotated[float, typer.Option(help="Its failure probability.")] = 0.0,
    forces: Annotated[int, typer.Option(min=1, help="Forces that take part.")] = 1,
    people: Annotated[
        int | None, typer.Option(min=1, help="People or records in all, a public number.")
    ] = None,
    smallest: Annotated[int, typer.Option(min=1, help="Smaller cells are suppressed.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Turn privacy loss, bounds and floor into odds, intervals and cells; no data is opened."""
    from sandbox.pack.explain import explain  # noqa: PLC0415 - engines load when needed
    from sandbox.plan import read_plan  # noqa: PLC0415 - as above

    read = read_plan(plan)
    demo = read.file.data.demo
    number = people or (demo.people if demo else None)
    if number is None:
        raise UseCaseError(
            "people must be given for a plan with real data: --people NUMBER, "
            "a public number, never one counted for this"
        )
    found = explain(
        read.use_case,
        epsilon=epsilon,
        delta=delta,
        forces=forces,
        people=number,
        smallest=smallest,
    )
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=2, ensure_ascii=False) + "\n")
        return
    heads = ("They thought before", "At most, after one force", "At most, after all forces")
    _print("How sure an attacker can become that somebody is in the data", heads, found.odds)
    stdout.print(found.guess, highlight=False)
    _print("Intervals", ("Figure", "Rows in the cell", "95% interval"), found.widths)
    _print("Cells", ("Fact", "Value"), found.cells)
    stdout.print(found.floor, highlight=False)
    stdout.print("Nothing was opened and nothing was spent.", highlight=False)


def _print(title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(*headings, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    stdout.print(table)
