"""`sandbox evidence`, `verify` and `export`: the evidence pack, written, compared and checked."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from click import Context
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from minimisation import UseCaseError

if TYPE_CHECKING:
    from sandbox.pack.material import Material
    from sandbox.study import Study

stdout = Console()
stderr = Console(stderr=True)

PlanPath = Annotated[Path, typer.Argument(help="Study plan, a TOML file.", show_default=False)]
Workspace = Annotated[Path, typer.Option(help="Folder for stores, feeds and results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Pack = Annotated[Path, typer.Argument(help="A pack's folder or zip.", show_default=False)]


Update = Annotated[
    bool, typer.Option("--update", help="Keep what people wrote into an earlier one.")
]


class WriteUnlessNamed(TyperGroup):
    """Takes `sandbox evidence PLAN` for `sandbox evidence write PLAN`."""

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:  # noqa: ANN401 - click's own
        """Put the usual command before a plan."""
        if args and args[0] not in self.commands:
            args = ["write", *args]
        return super().resolve_command(ctx, args)


evidence_app = typer.Typer(
    cls=WriteUnlessNamed,
    help="Evidence packs: `sandbox evidence PLAN` writes one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@evidence_app.command("write")
def write_command(  # noqa: PLR0913, PLR0917 - one parameter per flag
    plan: PlanPath,
    workspace: Workspace = Path("workspace"),
    out: Annotated[Path | None, typer.Option(help="Folder of the pack.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Leave controlled figures out.")] = False,  # noqa: FBT002 - a flag
    update: Update = False,  # noqa: FBT002 - a flag
    screening: Annotated[
        Path | None, typer.Option(help="Answered screening questions, a TOML file.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Ed25519 key that signs the manifest.")] = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Write the pack of a plan that was compared: a folder and a zip beside it."""
    from sandbox.study import Study  # noqa: PLC0415 - engines load when needed

    study = Study(plan_path=plan, workspace=workspace)
    folder = out or study.results / ("pack-public" if public else "pack")
    archive = write_pack(study, folder, public=public, update=update, screening=screening, key=key)
    paths = {"folder": str(folder), "zip": str(archive), "page": str(folder / "evidence.html")}
    shown = json.dumps(paths) if as_json else paths["page"]
    stdout.print(shown, soft_wrap=True, highlight=False)


def write_pack(  # noqa: PLR0913 - as above
    study: "Study",
    folder: Path,
    *,
    public: bool = False,
    update: bool = False,
    screening: Path | None = None,
    key: Path | None = None,
) -> Path:
    """Write the pack of a study and return the zip.

    Raises:
        UseCaseError: if there is no evidence yet, or an earlier pack holds answers and `update`
            is not given.
    """
    from minimisation.forces.actors import ActorKey  # noqa: PLC0415 - engines load when needed
    from sandbox.pack import folder as packs  # noqa: PLC0415 - as above
    from sandbox.pack.build import build  # noqa: PLC0415 - as above

    written = packs.answers(folder)
    if written and not update:
        raise UseCaseError(
            f"pack ({folder.name}) holds answers in its blanks; give --update to keep them, or "
            "another --out"
        )
    material = material_of(study, public=public, screening=screening, answers=written)
    return packs.write(
        folder,
        build(material),
        material,
        runs=study.evidence.read_bytes(),
        key=ActorKey.read(key) if key else None,
    )


def material_of(
    study: "Study",
    *,
    public: bool = False,
    screening: Path | None = None,
    answers: dict[str, str] | None = None,
) -> "Material":
    """What a study's pack is made from."""
    from sandbox.evidence import load  # noqa: PLC0415 - as above
    from sandbox.pack import benchmarks, safe, stores  # noqa: PLC0415 - as above
    from sandbox.pack import screening as questions  # noqa: PLC0415 - as above
    from sandbox.pack.material import Governance, Material  # noqa: PLC0415 - as above
    from sandbox.report.comparison import Comparison  # noqa: PLC0415 - as above

    given = study.plan.file.governance
    evidence = safe.without_truth(load(study.evidence))
    if evidence.header.plan != study.plan.digest:
        raise UseCaseError(
            f"evidence must be of this plan as it stands; run: sandbox compare {study.plan_path}"
        )
    hidden = public and evidence.header.data_status == "protected"
    return Material(
        comparison=Comparison(evidence),
        governance=Governance(
            marking=given.marking,
            starts=given.starts,
            submitted=given.submitted,
            proposal=given.proposal,
        ),
        plan=study.plan_path.name,
        answers=answers or {},
        stores={} if hidden else stores.facts(study),
        benchmarks=benchmarks.results(),
        screening=questions.answered(screening) if screening else (),
        public=public,
    )


@evidence_app.command("diff")
def diff_command(
    before: Pack,
    after: Pack,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Compare two packs: what changed, figure by figure."""
    from sandbox.pack.diff import diff  # noqa: PLC0415 - as above

    changes = diff(before, after)
    if as_json:
        rows = [each.as_json() for each in changes]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return
    if not changes:
        stdout.print("No figure differs.")
        return
    table = Table("Section", "Where", "Before", "After")
    for each in changes:
        table.add_row(each.section, each.where, each.before or "absent", each.after or "absent")
    stdout.print(table)


def verify_command(
    pack: Pack,
    evidence: Annotated[
        Path | None, typer.Option(help="Evidence file to derive from; else the pack's own.")
    ] = None,
    signed_by: Annotated[str, typer.Option(help="Fingerprint that must have signed.")] = "",
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Check every number of a pack: match, drift, or cannot-check. Exit code 8 on drift."""
    from sandbox.pack.verify import verify  # noqa: PLC0415 - as above

    report = verify(pack, evidence)
    if signed_by and report.signer != signed_by:
        raise UseCaseError(
            f"pack must be signed by {signed_by}; it is signed by {report.signer or 'nobody'}"
        )
    if as_json:
        content = {
            "source": report.source,
            "signer": report.signer,
            "altered": list(report.altered),
            "numbers": [
                {"anchor": c.anchor, "status": c.status, "faces": list(c.faces)}
                for c in report.checked
                if c.numeric or c.status == "drift"
            ],
        }
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
    else:
        _say(report)
    if report.drifted:
        raise typer.Exit(DRIFT)


DRIFT = 8
"""Exit code where a number is not what it should be."""


def _say(report: Any) -> None:  # noqa: ANN401 - loaded when needed
    stdout.print(f"Derived again from {report.source}.", soft_wrap=True, highlight=False)
    stdout.print(f"Signed by {report.signer}." if report.signer else "Not signed.")
    for status in ("match", "drift", "cannot-check"):
        stdout.print(f"{status}: {report.count(status)} numbers", highlight=False)
    for path in report.altered:
        stdout.print(f"altered since it was written: {path}", soft_wrap=True, highlight=False)
    for each in report.drifted[:50]:
        stdout.print(
            f"drift at {each.anchor} in {', '.join(each.faces)}; should be: {each.text}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )


def export_command(
    option: Annotated[str, typer.Argument(help="The option that was chosen.")],
    plan: PlanPath,
    workspace: Workspace = Path("workspace"),
    out: Annotated[Path | None, typer.Option(help="Plan to write.")] = None,
) -> None:
    """Write the chosen option as a plan of its own, with what approved it."""
    from sandbox.pack.export import export  # noqa: PLC0415 - as above
    from sandbox.study import Study  # noqa: PLC0415 - as above

    study = Study(plan_path=plan, workspace=workspace)
    path = out or study.plan_path.with_name(f"{study.plan_path.stem}-{option}.toml")
    if path.exists():
        raise UseCaseError(f"plan ({path.name}) must not exist yet; choose another --out")
    path.write_text(export(study, option, path), "utf-8")
    stdout.print(str(path), soft_wrap=True, highlight=False)
