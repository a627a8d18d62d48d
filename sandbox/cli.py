"""The command line. Standard output is data; standard error is everything else."""

import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from minimisation import BinaryOutcome, SandboxError, UseCaseError
from sandbox import progress
from sandbox.commands.budget import budget_app
from sandbox.commands.explain import explain_command
from sandbox.commands.federate import federate_app
from sandbox.commands.forces import audit_app, forces_app
from sandbox.commands.inquire import inquire_command
from sandbox.commands.pack import evidence_app, export_command, verify_command, write_pack
from sandbox.commands.prepare import prepare_command
from sandbox.commands.query import query_command
from sandbox.commands.screening import screening_command

if TYPE_CHECKING:
    from sandbox.study import Study

app = typer.Typer(
    help="Put one question through every data-minimisation option and measure each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
plan_app = typer.Typer(help="Study plans.", no_args_is_help=True, rich_markup_mode=None)

stdout = Console()
stderr = Console(stderr=True)

PlanPath = Annotated[Path, typer.Argument(help="Study plan, a TOML file.", show_default=False)]
Workspace = Annotated[Path, typer.Option(help="Folder for stores, feeds and results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes at a time; times are recorded as such.")]

DEMO_TOPICS = ("profile", "label-audit", "curve/columns")
"""Inquiries that the demonstration makes: those that take seconds."""


@app.command()
def demo(
    people: Annotated[int, typer.Option(min=500, help="Invented people over all forces.")] = 5_000,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of every option.")] = 2,
    workspace: Workspace = Path("workspace"),
    jobs: Jobs = 2,
) -> None:
    """Compare all options on invented forces, both kinds of question; write report and packs."""
    from sandbox.demo_study import demo_plans  # noqa: PLC0415 - engines load when needed

    plans = demo_plans(workspace, people=people, repeats=repeats)
    for plan in plans:
        _compare(plan, workspace, jobs)
    out = workspace / "report.html"
    _report([_study(plan, workspace).evidence for plan in plans], out)
    stdout.print(str(out), soft_wrap=True)
    for plan in plans:
        stdout.print(str(_pack(_study(plan, workspace))), soft_wrap=True)


@app.command()
def compare(
    plan: PlanPath,
    workspace: Workspace = Path("workspace"),
    jobs: Jobs = 2,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Run a plan: every option and repeat, resuming where it was interrupted, then the report."""
    _compare(plan, workspace, jobs)
    study = _study(plan, workspace)
    out = study.results / "report.html"
    _report([study.evidence], out)
    paths = {"evidence": str(study.evidence), "report": str(out)}
    stdout.print(json.dumps(paths) if as_json else str(out), soft_wrap=True, highlight=False)


@app.command()
def report(
    evidence: Annotated[list[Path], typer.Argument(help="Evidence files, one per plan.")],
    out: Annotated[Path, typer.Option(help="Page to write.")] = Path("report.html"),
) -> None:
    """Render the report page again from evidence alone."""
    for path in evidence:
        if not path.is_file():
            raise UseCaseError(f"evidence ({path}) must exist; run: sandbox compare PLAN")
    _report(evidence, out)
    stdout.print(str(out), soft_wrap=True, highlight=False)


@app.command()
def options(as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List the options: what leaves each force, and the parameters a plan can set."""
    from sandbox.registry import (  # noqa: PLC0415 - as above
        builtin_options,
        parameters_of,
        usual_options,
    )

    found, usual = builtin_options(), usual_options()
    if as_json:
        rows = {
            name: {
                "summary": option.summary,
                "parameters": parameters_of(option),
                "usual": name in usual,
            }
            for name, option in found.items()
        }
        sys.stdout.write(json.dumps(rows, indent=2, default=str) + "\n")
        return
    table = Table("Option", "What leaves each force", "Parameters")
    for name, option in found.items():
        parameters = parameters_of(option)
        shown = ", ".join(f"{key} = {value}" for key, value in parameters.items())
        table.add_row(name if name in usual else f"{name} *", option.summary, shown)
    stdout.print(table)
    stdout.print("* takes longer: compared where a plan names it")


@app.command("use-cases")
def use_cases(as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List the use cases that come with the sandbox."""
    from sandbox.use_case_files import load, shipped  # noqa: PLC0415 - as above

    cases = [load(name).value() for name in shipped()]
    if as_json:
        rows = [
            {
                "name": case.name,
                "title": case.title,
                "unit": case.unit,
                "columns": [c.name for c in case.columns],
            }
            for case in cases
        ]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table("Use case", "Question", "Kind", "Unit", "Floor")
    for case in cases:
        kind = "outcome" if isinstance(case.question, BinaryOutcome) else "statistics"
        sign = "≥" if case.floor.direction == "at_least" else "≤"
        floor = f"{case.floor.measure} {sign} {case.floor.value:g}"
        table.add_row(case.name, case.title, kind, case.unit, floor)
    stdout.print(table)


@plan_app.command("new")
def plan_new(
    file: Annotated[
        Path, typer.Argument(help="Your Parquet or CSV file; only its header is read.")
    ],
    use_case: Annotated[str | None, typer.Option(help="A use case, by name or file.")] = None,
    out: Annotated[Path, typer.Option(help="Plan to write.")] = Path("plan.toml"),
) -> None:
    """Write a commented starter plan from a file's header."""
    from sandbox.starter import starter_plan  # noqa: PLC0415 - as above

    draft = out.parent / "my-use-case.toml"
    plan, case = starter_plan(file, use_case, out.parent)
    for path in (out, *([draft] if case else [])):
        if path.exists():
            raise UseCaseError(f"plan ({path}) must not exist yet; choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(plan, "utf-8")
    if case:
        draft.write_text(case, "utf-8")
    stdout.print(str(out), soft_wrap=True, highlight=False)


# In the order in which a reader of `sandbox --help` needs them; commands come before groups.
app.command("inquire")(inquire_command)
app.command("query")(query_command)
app.command("explain")(explain_command)
app.command("screening")(screening_command)
app.command("verify")(verify_command)
app.command("export")(export_command)
app.add_typer(evidence_app, name="evidence")
app.add_typer(plan_app, name="plan")
app.add_typer(forces_app, name="forces")
forces_app.command("prepare")(prepare_command)
app.add_typer(budget_app, name="budget")
app.add_typer(audit_app, name="audit")
app.add_typer(federate_app, name="federate")


def _study(plan: Path, workspace: Path) -> "Study":
    from sandbox.study import Study  # noqa: PLC0415 - as above

    return Study(plan_path=plan, workspace=workspace)


def _compare(plan: Path, workspace: Path, jobs: int) -> None:
    from sandbox.compare import compare as run  # noqa: PLC0415 - as above

    study = _study(plan, workspace)
    stderr.print(f"[bold]{study.plan.title}[/bold]")
    with progress.shown(stderr, "loading") as tell:
        run(study, tell, jobs)


def _pack(study: "Study") -> Path:
    """The evidence pack of a demonstration, with the inquiries that take seconds; its page."""
    from sandbox.evidence import load  # noqa: PLC0415 - as above
    from sandbox.inquiries import inquire  # noqa: PLC0415 - as above

    done = load(study.evidence).inquiries
    if todo := [topic for topic in DEMO_TOPICS if topic not in done]:
        inquire(study, todo, lambda *_: None)
    write_pack(study, study.results / "pack", update=True)
    return study.results / "pack" / "evidence.html"


def _report(evidence: list[Path], out: Path) -> None:
    from sandbox.report import render  # noqa: PLC0415 - as above

    render(evidence, out)


def mount(onto: typer.Typer) -> None:
    """Add the commands that packages above this one offer by entry point, such as `bench`."""
    for point in entry_points(group="sandbox.commands"):
        onto.add_typer(point.load(), name=point.name)


def main() -> None:
    """Run the command line; errors that the user can act on are one line and an exit code."""
    mount(app)
    try:
        app()
    except SandboxError as error:
        stderr.print(f"error: {error}", style="red", highlight=False, markup=False)
        sys.exit(error.exit_code)
    except ValueError as error:
        stderr.print(f"error: {error}", style="red", highlight=False, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
