"""`sandbox screening`: the questions in the terminal, the answers as TOML."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from minimisation import UseCaseError

stdout = Console()
stderr = Console(stderr=True)


def screening_command(
    out: Annotated[Path, typer.Option(help="File of answers to write.")] = Path("screening.toml"),
    answers: Annotated[
        Path | None, typer.Option(help="Read answers from this file and show the advice.")
    ] = None,
) -> None:
    """Answer the screening questions, every one yes or no, and read the advice."""
    from sandbox.pack import screening  # noqa: PLC0415 - loaded when needed

    if answers is None:
        if out.exists():
            raise UseCaseError(f"answers ({out.name}) must not exist yet; choose another --out")
        given = screening.ask(_reply)
        out.write_text(screening.toml(given), "utf-8")
    else:
        given = screening.read(answers)
    part = ""
    for question, found in screening.advice(given):
        if question.part != part:
            part = question.part
            stdout.print(f"\n[bold]{part.capitalize()}[/bold]")
        said = "yes" if given[question.key] else "no"
        stdout.print(f"{question.text} {said}", highlight=False)
        stdout.print(f"  {found.words}", highlight=False)
    stdout.print(f"\n{screening.NOTICE}", highlight=False)
    if answers is None:
        stderr.print(f"answers are in {out}", soft_wrap=True, highlight=False)


def _reply(question: object) -> bool:
    """Ask until the answer is yes or no; an end of input leaves nothing written."""
    text = getattr(question, "text", "")
    while True:
        stderr.print(f"{text} [yes/no] ", end="", markup=False, highlight=False)
        line = sys.stdin.readline()
        if not line:
            raise UseCaseError("screening must be answered to the end; nothing was written")
        word = line.strip().lower()
        if word in ("y", "yes", "n", "no"):
            return word.startswith("y")
        stderr.print("yes or no", highlight=False)
