"""Writes docs/command-line.md from the commands themselves: `python -m sandbox.reference`."""

import sys
from collections.abc import Iterator

import click
import typer

from sandbox.cli import app

HEAD = """# Command line

Generated from the commands by `python -m sandbox.reference`.
Standard output is data; standard error is everything else.

| Exit code | Meaning |
|---|---|
| 0 | done |
| 2 | a plan, use case, file or argument breaks a rule |
| 3 | the option does not apply to the question |
| 4 | the privacy budget does not cover it |
| 5 | an engine is not installed |
| 6 | a force's policy refuses it |
| 7 | a force's store cannot be read or written |
| 8 | a number of an evidence pack is not what it should be |
"""


def reference() -> str:
    """The whole page as Markdown."""
    command = typer.main.get_command(app)
    return "\n".join([HEAD, *_pages(command, "sandbox")]).rstrip() + "\n"


def _pages(command: click.Command, path: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children:
        for name, child in children.items():
            yield from _pages(child, f"{path} {name}")
        return
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## `{path}`\n\n{(command.help or '').strip()}\n\n```\n{path} {usage}\n```\n"
    rows = [_row(parameter, context) for parameter in command.params]
    if rows:
        yield "| | | default |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _row(parameter: click.Parameter, context: click.Context) -> str:
    shown = (
        parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.make_metavar(context)
    )
    default = parameter.default
    hidden = default is None or default is False or callable(default) or parameter.required
    plain = "" if hidden else f"`{default}`"
    return f"| `{shown}` | {getattr(parameter, 'help', '') or ''} | {plain} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
