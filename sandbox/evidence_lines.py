"""The kinds of line in evidence and in the plan register, and the check every line passes.

Published as a JSON Schema (2020-12) by `json_schema`, for readers in other languages.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from minimisation import UseCaseError
from minimisation.forces.toml_file import explain
from sandbox.findings import Finding

SCHEMA = 1
"""Version of the line format that this code writes and reads."""

Status: TypeAlias = Literal["done", "not applicable", "refused", "failed"]


class Part(BaseModel):
    """A piece of a line; keys that a later release of the same schema adds are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


class FloorFacts(Part):
    """The floor as the plan fixed it."""

    measure: str
    value: float
    direction: Literal["at_least", "at_most"]


class ColumnFacts(Part):
    """Public facts about one column; its name is the key it stands under."""

    title: str = ""
    role: str = ""
    category: str | None = None
    protected: bool = False


class QuestionFacts(Part):
    """What was asked: of people (target, features) or of groups (by, statistics)."""

    kind: Literal["binary-outcome", "grouped-statistics"]
    target: str | None = None
    features: tuple[str, ...] = ()
    top_share: float = 0.01
    by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()


class UseCaseFacts(Part):
    """Public facts about the use case, as its file states them."""

    name: str
    title: str
    purpose: str = ""
    unit: Literal["person", "record"]
    as_of: date | None = None
    notes: str = ""
    columns: dict[str, ColumnFacts] = {}
    question: QuestionFacts

    def label(self, name: str) -> str:
        """A column's plain-language label: its title, or its name."""
        title = self.columns[name].title if name in self.columns else ""
        return title or name.replace("_", " ")


class EarlierPlan(Part):
    """A plan registered before: kept so that a quietly edited floor is seen."""

    version: Literal[1] = Field(alias="schema")
    kind: Literal["registered plan"]
    plan: str
    use_case: str
    floor: FloorFacts
    data: dict[str, str] = {}
    at: AwareDatetime


class Header(Part):
    """First line: the plan, written before the first option runs."""

    version: Literal[1] = Field(alias="schema")
    kind: Literal["plan"]
    plan: str
    title: str
    purpose: str = ""
    use_case: UseCaseFacts
    floor: FloorFacts
    forces: tuple[str, ...] = ()
    options: dict[str, str] = {}
    repeats: int = Field(ge=1)
    held_out_share: float | None = None
    data_status: Literal["demo", "public", "protected"]
    synthetic_demo: bool = False
    people: int | None = None
    data: dict[str, str] = {}
    earlier_plans: tuple[EarlierPlan, ...] = ()
    at: AwareDatetime


class ForceEgress(Part):
    """What left one force."""

    messages: int = 0
    rows: int = 0
    cells: int = 0
    sent: int = 0
    received: int = 0
    person_rows: int = 0


class Cost(Part):
    """What one run took, in its own process."""

    wall_seconds: float | None = None
    release_seconds: float | None = None
    assess_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: float | None = None


class Loss(Part):
    """A release's privacy loss as charged by the forces."""

    epsilon: float
    delta: float
    unit: str
    neighbours: str = ""
    bounds: tuple[tuple[str, int], ...] | dict[str, int] = ()
    forces: int = 1
    mechanism: str = ""
    rho: float | None = None
    epsilon_everywhere: float
    delta_everywhere: float


class Released(Part):
    """Size of the released table, where the release is one."""

    rows: int = 0
    columns: tuple[str, ...] = ()


class Row(Part):
    """One run of one option: an option that does not apply, is refused or fails is one too."""

    version: Literal[1] = Field(alias="schema")
    kind: Literal["run"]
    plan: str
    use_case: str
    option: str
    summary: str = ""
    parameters: dict[str, Any] = {}
    repeat: int = Field(ge=0)
    status: Status
    reason: str = ""
    artefact: str = ""
    findings: tuple[Finding, ...] = ()
    egress: dict[str, ForceEgress] = {}
    payload_kinds: tuple[str, ...] = ()
    cost: Cost = Cost()
    privacy_loss: Loss | None = None
    remarks: tuple[str, ...] = ()
    released: Released = Released()
    seed: int | None = None
    jobs: int | None = None
    versions: dict[str, str] = {}
    held_out: str = ""
    machine: str = ""
    at: AwareDatetime


class Inquiry(Part):
    """What was measured about the question and its data, rather than about one option.

    A profile of the forces' records, a data-need curve, an audit of the label: one line each.
    """

    version: Literal[1] = Field(alias="schema")
    kind: Literal["inquiry"]
    plan: str
    topic: str
    """What it is about, such as `profile` or `curve/months`; of each topic the last line counts."""
    summary: str = ""
    """What was done, in one plain sentence."""
    findings: tuple[Finding, ...] = ()
    data: dict[str, Any] = {}
    """Further figures, of a form that the topic fixes; no cell of a protected table is in it."""
    controlled: bool = False
    """Whether its figures come from protected data and stay in controlled access."""
    seconds: float | None = None
    versions: dict[str, str] = {}
    at: AwareDatetime


Line: TypeAlias = Header | Row | Inquiry | EarlierPlan

KINDS: dict[object, type[Header] | type[Row] | type[Inquiry] | type[EarlierPlan]] = {
    "plan": Header,
    "run": Row,
    "inquiry": Inquiry,
    "registered plan": EarlierPlan,
}
"""Model of each kind of line."""


def check(line: Mapping[str, object], what: str) -> Line:
    """A decoded line as a value.

    Args:
        line: the JSON object.
        what: what to call it in an error.

    Raises:
        UseCaseError: naming the key and the rule, never the offending value.
    """
    version, kind = line.get("schema"), line.get("kind")
    if version != SCHEMA:
        raise UseCaseError(
            f"{what}: schema ({version}) must be {SCHEMA}, which this version of the sandbox "
            "reads; use the version that wrote the file, or run `sandbox compare` again"
        )
    if kind not in KINDS:
        raise UseCaseError(f"{what}: kind ({kind}) must be one of {', '.join(map(str, KINDS))}")
    try:
        return KINDS[kind].model_validate(dict(line))
    except ValidationError as error:
        raise UseCaseError(f"{what}: {explain(error)}") from None


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of one line of an evidence file: the plan, a run or an inquiry."""
    models = [model.model_json_schema(by_alias=True) for model in (Header, Row, Inquiry)]
    definitions: dict[str, object] = {}
    for model in models:
        definitions |= model.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One line of evidence, schema {SCHEMA}",
        "oneOf": models,
        "$defs": definitions,
    }
