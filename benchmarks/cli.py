"""`sandbox bench`: runs benchmarks, compares results, writes the page. Mounted by entry point."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from minimisation import SandboxError, UseCaseError
from sandbox import progress

app = typer.Typer(
    name="bench",
    help="Measure the analytics core on this machine, beside plain queries and peers.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
stdout = Console()
stderr = Console(stderr=True)

RESULTS = Path("benchmarks/results")
Folder = Annotated[Path, typer.Option("--results", help="Folder of result files.")]
QUICK_MINUTES = 2.5
"""After which the quick tier starts nothing: what runs then may take half a minute more."""
REGRESSED = 1
"""Exit code where a regression was flagged."""


@app.callback()
def bench(  # noqa: PLR0913, PLR0917 - options of one command
    context: typer.Context,
    tier: Annotated[
        Literal["quick", "full"], typer.Option(help="quick: 3 minutes; full: all there is.")
    ] = "quick",
    only: Annotated[str, typer.Option(help="One benchmark, by name.")] = "",
    results: Folder = RESULTS,
    data: Annotated[
        Path | None, typer.Option(help="Folder that keeps data; else a temporary one.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Start nothing after so many; the rest is not run. quick: 2.5."),
    ] = None,
    peers: Annotated[
        Path | None, typer.Option(help="Folder of peers' environments.", envvar="SANDBOX_PEERS")
    ] = None,
) -> None:
    """Run a tier; what is finished in the folder already is not run again."""
    if context.invoked_subcommand is not None:
        return
    with TemporaryDirectory(prefix="bench-") as temporary:
        if tier == "quick" and minutes is None:
            minutes = QUICK_MINUTES
        _run(tier, only, results, data or Path(temporary), minutes, peers)


def _run(  # noqa: PLR0913, PLR0917 - as above
    tier: str,
    only: str,
    results: Path,
    data: Path,
    minutes: float | None,
    peers: Path | None,
) -> None:
    from benchmarks.catalogue import WORKLOADS  # noqa: PLC0415 - engines load when needed
    from benchmarks.environments import Environments  # noqa: PLC0415 - as above
    from benchmarks.harness import Harness  # noqa: PLC0415 - as above
    from benchmarks.results import Results  # noqa: PLC0415 - as above

    environments = Environments(folder=peers) if peers else Environments.usual()
    harness = Harness(
        workloads=WORKLOADS,
        results=Results(folder=results),
        data=data.resolve(),
        environments=environments,
    )
    settings = harness.chosen(tier, only)
    with progress.shown(stderr, "starting") as tell:

        def say(what: str, done: int, total: int) -> None:
            tell(what, done, total)
            if not stderr.is_terminal:
                stderr.print(f"{done}/{total} {what}", highlight=False, soft_wrap=True)

        rows = harness.run(settings, say, minutes)
    for row in rows:
        if row.status != "done":
            stderr.print(
                f"{row.status}: {row.workload}, {row.case}, {row.rows:,} rows: {row.reason}",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
    stdout.print(str(results), soft_wrap=True, highlight=False)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="Folder of results.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="Folder of results.", show_default=False)],
    threshold: Annotated[float, typer.Option(min=1.0, help="Ratio that is flagged.")] = 1.25,
) -> None:
    """Flag settings that became slower or larger; exit code 1 if there are any."""
    from benchmarks.regressions import changes  # noqa: PLC0415 - as above
    from benchmarks.results import Results  # noqa: PLC0415 - as above

    for folder in (before, after):
        if not folder.is_dir():
            raise UseCaseError(f"results ({folder}) must be a folder; run: sandbox bench")
    found = changes(Results(folder=before), Results(folder=after), threshold)
    table = Table("Setting", "What", "Before", "After", "Ratio", "Verdict")
    for change in found:
        numbers = [change.before, change.after, change.ratio]
        shown = ["" if each is None else f"{each:.3g}" for each in numbers]
        if change.verdict != "same":
            table.add_row(change.key, change.what, *shown, change.verdict)
    stdout.print(table)
    flagged = sum(change.regressed for change in found)
    stdout.print(f"{flagged} of {len(found)} comparisons flagged")
    if flagged:
        sys.exit(REGRESSED)


@app.command()
def page(
    results: Folder = RESULTS,
    out: Annotated[Path, typer.Option(help="Page to write.")] = RESULTS / "index.html",
    docs: Annotated[Path | None, typer.Option(help="Markdown summary to write too.")] = None,
) -> None:
    """Write the page of plots and tables from results, and the summary in the documentation."""
    from benchmarks.page import render  # noqa: PLC0415 - as above
    from benchmarks.results import Results  # noqa: PLC0415 - as above
    from benchmarks.summary import summary  # noqa: PLC0415 - as above

    found = Results(folder=results)
    if not found.rows():
        raise UseCaseError(f"results ({results}) must hold at least one row; run: sandbox bench")
    render(found, out)
    stdout.print(str(out), soft_wrap=True, highlight=False)
    if docs is not None:
        docs.write_text(summary(found), "utf-8")
        stdout.print(str(docs), soft_wrap=True, highlight=False)


@app.command()
def peers(
    names: Annotated[
        list[str] | None, typer.Argument(help="Peers; all if none is named.", show_default=False)
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of environments.", envvar="SANDBOX_PEERS")
    ] = None,
) -> None:
    """Build peers' environments from their pinned requirements; needs the package index."""
    from benchmarks.environments import Environments  # noqa: PLC0415 - as above

    environments = Environments(folder=folder) if folder else Environments.usual()
    failed = []
    for name in names or Environments.known():
        stderr.print(f"building {name}", highlight=False)
        try:
            environments.build(name)
        except SandboxError as error:
            failed.append(str(error))
            stderr.print(f"error: {error}", highlight=False, markup=False)
        else:
            stdout.print(name, highlight=False)
    if failed:
        sys.exit(5)


def main() -> None:
    """Run without the sandbox's command line; errors are one line and an exit code."""
    try:
        app()
    except SandboxError as error:
        stderr.print(f"error: {error}", style="red", highlight=False, markup=False)
        sys.exit(error.exit_code)
