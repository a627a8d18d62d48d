"""A study plan: use case, data, options and floor, fixed and hashed before anything is run."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from minimisation import PayloadKind, UseCase, UseCaseError
from minimisation.forces.toml_file import Strict, explain, read_text
from sandbox.use_case_files import load
from sandbox.use_case_tables import ColumnTable, FloorTable, UseCaseFile


class DemoTable(Strict):
    """`[data.demo]`: invented forces, marked SYNTHETIC."""

    people: Annotated[int, Field(ge=100)] = 60_000
    seed: int = 1


class LinkageTable(Strict):
    """`[data.linkage]`: columns of which linkage tokens are made at load; none of them is kept."""

    given_name: str = "given_name"
    family_name: str = "family_name"
    birth_date: str = "birth_date"
    postcode: str | None = None


class DataTable(Strict):
    """`[data]`: exactly one of demo, folder, file and files."""

    status: Literal["demo", "public", "protected"]
    demo: DemoTable | None = None
    folder: str | None = None
    file: str | None = None
    files: dict[str, str] = {}
    force_column: str | None = None
    person: str | None = None
    token: str | None = None
    linkage: LinkageTable | None = None
    columns: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}

    def check(self) -> None:
        """Check what pydantic cannot.

        Raises:
            UseCaseError: naming the key and the rule.
        """
        given = [self.demo, self.folder, self.file, self.files or None]
        if sum(each is not None for each in given) != 1:
            raise UseCaseError("data must have exactly one of demo, folder, file and files")
        if self.file is not None and self.force_column is None:
            raise UseCaseError("data.force_column must name the column that tells forces apart")
        if self.linkage is not None and self.token is not None:
            raise UseCaseError("data must have a token column or linkage, not both")
        if (self.status == "demo") != (self.demo is not None):
            raise UseCaseError("data.status must be 'demo' exactly if data.demo is given")


class PolicyTable(Strict):
    """`[policy]`: what every participating force permits; a protected force releases no rows."""

    kinds: list[str] | None = None
    minimum_contributors: Annotated[int, Field(ge=1)] = 1
    epsilon: Annotated[float, Field(ge=0)] = 10.0
    delta: Annotated[float, Field(ge=0, lt=1)] = 1e-4
    period: Literal["week", "month", "year"] = "year"

    def allowed(self, status: str) -> frozenset[PayloadKind]:
        """Kinds of payload that may leave.

        Raises:
            UseCaseError: if a kind is unknown.
        """
        if self.kinds is None:
            everything = frozenset(PayloadKind)
            return everything - {PayloadKind.ROWS} if status == "protected" else everything
        names = {kind.value: kind for kind in PayloadKind}
        unknown = [kind for kind in self.kinds if kind not in names]
        if unknown:
            raise UseCaseError(
                f"policy.kinds ({', '.join(unknown)}) must be among: {', '.join(names)}"
            )
        return frozenset(names[kind] for kind in self.kinds)


class AttacksTable(Strict):
    """`[attacks]`: what every option is attacked with at its first repeat; see `sandbox.attacks`.

    Later repeats are attacked for membership alone, on as many people.
    """

    set: Literal["membership", "quick", "full"] = "full"


class GovernanceTable(Strict):
    """`[governance]`: what the evidence pack says about the form; it changes nothing measured."""

    marking: str = ""
    starts: date | None = None
    submitted: date | None = None
    proposal: str = ""


class PlanFile(Strict):
    """A whole plan file."""

    title: str = ""
    use_case: str
    repeats: Annotated[int, Field(ge=1, le=1000)] = 10
    seed: int = 1
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.3
    options: list[str] = []
    option_files: list[str] = []
    parameters: dict[str, dict[str, int | float | str | bool]] = {}
    domains: dict[str, ColumnTable] = {}
    floor: FloorTable | None = None
    data: DataTable
    policy: PolicyTable = PolicyTable()
    attacks: AttacksTable = AttacksTable()
    governance: GovernanceTable = GovernanceTable()


@dataclass(frozen=True)
class Plan:
    """A checked plan and the use case it resolves to."""

    file: PlanFile
    """The plan as written."""
    definition: UseCaseFile
    """The use case's file, with the plan's floor and domains put in."""
    folder: Path
    """Folder that relative paths start from."""

    @cached_property
    def use_case(self) -> UseCase:
        """The use case as it will be asked."""
        return self.definition.value()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the plan and its use case, computed before anything is run.

        What the form says is left out: a date of submission changes nothing that is measured.
        """
        plan = _plain(self.file)
        plan.pop("governance")
        content = {"plan": plan, "use_case": _plain(self.definition)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def title(self) -> str:
        """The plan's own title, or its use case's."""
        return self.file.title or self.use_case.title

    def path(self, name: str) -> Path:
        """A path named in the plan."""
        return self.folder / name


def read_plan(path: Path) -> Plan:
    """A plan from its TOML file.

    Raises:
        UseCaseError: if the file is missing or breaks a rule; the message names the key.
    """
    if not path.is_file():
        raise UseCaseError(f"plan ({path.name}) must be an existing TOML file")
    return parse_plan(read_text(path), path.parent, path.name)


def parse_plan(text: str, folder: Path, what: str) -> Plan:
    """A plan from TOML text.

    Raises:
        UseCaseError: naming the key and the rule.
    """
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UseCaseError(f"plan ({what}) must be valid TOML: {error}") from None
    if isinstance(content.get("floor"), list):
        raise UseCaseError(f"plan ({what}): floor must be given once; write one [floor] table")
    try:
        file = PlanFile.model_validate(content)
    except ValidationError as error:
        raise UseCaseError(f"plan ({what}): {explain(error)}") from None
    file.data.check()
    file.policy.allowed(file.data.status)
    definition = _resolve(file, load(file.use_case, folder))
    plan = Plan(file=file, definition=definition, folder=folder)
    try:
        names = {column.name for column in plan.use_case.declared}
    except ValueError as error:
        raise UseCaseError(f"plan ({what}): {error}") from None
    for key, given in (("data.columns", file.data.columns), ("data.codes", file.data.codes)):
        for name in given:
            if name not in names:
                raise UseCaseError(
                    f"plan ({what}): {key}.{name} must be a column of use case "
                    f"'{plan.use_case.name}': {', '.join(sorted(names))}"
                )
    return plan


def _resolve(file: PlanFile, definition: UseCaseFile) -> UseCaseFile:
    columns = dict(definition.columns)
    for name, domain in file.domains.items():
        if name not in columns:
            raise UseCaseError(
                f"domains.{name} must be a column of use case '{definition.name}': "
                f"{', '.join(sorted(columns))}"
            )
        given = domain.model_fields_set & {"categories", "low", "high", "step", "edges"}
        cleared = dict.fromkeys(("categories", "low", "high"), None) | {"edges": []}
        update = cleared | {key: getattr(domain, key) for key in given}
        columns[name] = columns[name].model_copy(update=update)
    floor = definition.floor if file.floor is None else file.floor
    return definition.model_copy(update={"columns": columns, "floor": floor})


def _plain(model: Strict) -> Any:  # noqa: ANN401 - JSON values
    return json.loads(model.model_dump_json())
