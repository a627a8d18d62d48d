"""The tables of a use case's TOML file, and the contract's values that they stand for."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Contribution,
    Floor,
    GroupedStatistics,
    Statistic,
    UseCase,
    UseCaseError,
)
from minimisation.contract import sources
from minimisation.contract.columns import OpenColumn, Role
from minimisation.contract.constraints import Constraint
from minimisation.contract.domains import OpenText
from minimisation.contract.usecase import Recording
from minimisation.forces.toml_file import Strict

Where = dict[str, list[str]]


class SourceTable(Strict):
    """`source = { … }`: exactly one of the forms of `minimisation.contract.sources`."""

    field: str | None = None
    years_since: str | None = None
    month: str | None = None
    count_before: str | None = None
    any_after: str | None = None
    dated_by: str | None = None
    date: str | None = None
    months: Annotated[int, Field(gt=0)] | None = None
    where: Where = {}

    def value(self, key: str) -> sources.Source:
        """The contract's source.

        Raises:
            UseCaseError: unless exactly one form is given, with what it needs.
        """
        forms = ("field", "years_since", "month", "count_before", "any_after")
        given = [form for form in forms if getattr(self, form) is not None]
        if len(given) != 1:
            raise UseCaseError(f"{key} must have exactly one of {', '.join(forms)}")
        if self.field:
            return sources.Field(column=self.field, dated_by=self.dated_by)
        if self.years_since:
            return sources.YearsSince(column=self.years_since)
        if self.month:
            return sources.Month(column=self.month)
        table = self.count_before or self.any_after
        if table is None or self.date is None or self.months is None:
            raise UseCaseError(f"{key} must name a date column and a number of months")
        form = sources.CountBefore if self.count_before else sources.AnyAfter
        where = {name: tuple(labels) for name, labels in self.where.items()}
        return form(table=table, date=self.date, months=self.months, where=where)


class ColumnTable(Strict):
    """`[columns.NAME]`."""

    role: Role = "other"
    categories: list[str] | None = None
    low: float | None = None
    high: float | None = None
    step: float = 1.0
    edges: list[float] = []
    protected: bool = False
    category: str | None = None
    optional: bool = False
    observed: Literal["before", "after"] = "before"
    title: str = ""
    source: SourceTable | None = None
    open_text: bool = False
    longest: int | None = None

    def open_value(self, name: str) -> OpenColumn:
        """The contract's column of open text.

        Raises:
            UseCaseError: if it also says what only a column with a public domain has.
        """
        allowed = {"open_text", "longest", "role", "category", "title", "source"}
        fields = type(self).model_fields.items()
        said = {key for key, own in fields if getattr(self, key) != own.default}
        if extra := said - allowed:
            msg = f"columns.{name} must not have {', '.join(sorted(extra))}"
            raise UseCaseError(f"{msg}: it is open text, whose labels are not public")
        source = self.source.value(f"columns.{name}.source") if self.source else None
        if not isinstance(source, sources.Field | None):
            raise UseCaseError(f"columns.{name}.source must be a field, as it is open text")
        return OpenColumn(
            name=name,
            domain=OpenText() if self.longest is None else OpenText(longest=self.longest),
            role=self.role,
            category=self.category,
            source=source,
            title=self.title,
        )

    def value(self, name: str) -> Column:
        """The contract's column."""
        return Column(
            name=name,
            role=self.role,
            domain=self._domain(name),
            protected=self.protected,
            category=self.category,
            optional=self.optional,
            observed=self.observed,
            source=self.source.value(f"columns.{name}.source") if self.source else None,
            title=self.title,
        )

    def _domain(self, name: str) -> Categories | Bounds | None:
        if self.longest is not None:
            raise UseCaseError(f"columns.{name}.longest must come with open_text = true")
        if self.categories is not None and self.low is None and self.high is None:
            return Categories(values=tuple(self.categories))
        if self.categories is None and self.low is not None and self.high is not None:
            return Bounds(low=self.low, high=self.high, step=self.step, edges=tuple(self.edges))
        if self.categories is None and self.low is None and self.high is None:
            return None
        raise UseCaseError(f"columns.{name} must have either categories or low and high")


class QuestionTable(Strict):
    """`[question]`."""

    kind: Literal["binary-outcome", "grouped-statistics"]
    target: str | None = None
    features: list[str] = []
    top_share: float = 0.01
    by: list[str] = []
    statistics: list[str] = []

    def value(self) -> BinaryOutcome | GroupedStatistics:
        """The contract's question."""
        if self.kind == "binary-outcome":
            if self.target is None:
                raise UseCaseError("question.target must name the outcome column")
            return BinaryOutcome(
                target=self.target, features=tuple(self.features), top_share=self.top_share
            )
        statistics = tuple(_statistic(text) for text in self.statistics)
        return GroupedStatistics(by=tuple(self.by), statistics=statistics)


class FloorTable(Strict):
    """`[floor]`: one measure, one threshold."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None

    def value(self) -> Floor:
        """The contract's floor.

        Raises:
            UseCaseError: unless exactly one threshold is given.
        """
        if self.at_least is not None and self.at_most is None:
            return Floor(measure=self.measure, value=self.at_least, direction="at_least")
        if self.at_most is not None and self.at_least is None:
            return Floor(measure=self.measure, value=self.at_most, direction="at_most")
        raise UseCaseError("floor must have exactly one of at_least and at_most")


class BusinessAsUsualTable(Strict):
    """`[business_as_usual]`."""

    points: dict[str, dict[str, float]] = {}
    known: list[str] = []


class ContributionTable(Strict):
    """`[contribution]`."""

    groups: Annotated[int, Field(ge=1)] = 1
    rows: Annotated[int, Field(ge=1)] = 1


class ConstraintTable(Strict):
    """`[[constraints]]`: a bound by a number, or by another column of the same row."""

    column: str
    at_least: float | str | None = None
    at_most: float | str | None = None
    where: Where = {}

    def value(self) -> Constraint:
        """The contract's constraint."""
        where = tuple((name, tuple(labels)) for name, labels in self.where.items())
        return Constraint(
            column=self.column, at_least=self.at_least, at_most=self.at_most, where=where
        )


class RecordingTable(Strict):
    """`[recording]`: what an audit of recording compares between protected groups."""

    recorded: str
    events: list[str] = []

    def value(self) -> Recording:
        """The contract's recording."""
        return Recording(recorded=self.recorded, events=tuple(self.events))


class UseCaseFile(Strict):
    """A whole use-case file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    purpose: str
    unit: Literal["person", "record"]
    as_of: date
    table: str = "records"
    notes: str = ""
    published: list[list[str]] = []
    where: Where = {}
    question: QuestionTable
    floor: FloorTable
    business_as_usual: BusinessAsUsualTable = BusinessAsUsualTable()
    contribution: ContributionTable = ContributionTable()
    constraints: list[ConstraintTable] = []
    geography: list[str] = []
    recording: RecordingTable | None = None
    columns: dict[str, ColumnTable]

    def value(self) -> UseCase:
        """The contract's use case."""
        return UseCase(
            name=self.name,
            title=self.title,
            purpose=self.purpose,
            unit=self.unit,
            as_of=self.as_of,
            table=self.table,
            columns=tuple(
                table.value(name) for name, table in self.columns.items() if not table.open_text
            ),
            open_columns=tuple(
                table.open_value(name) for name, table in self.columns.items() if table.open_text
            ),
            question=self.question.value(),
            floor=self.floor.value(),
            business_as_usual=BusinessAsUsual(
                points=self.business_as_usual.points, known=tuple(self.business_as_usual.known)
            ),
            where={name: tuple(labels) for name, labels in self.where.items()},
            published=tuple(tuple(keys) for keys in self.published),
            contribution=Contribution(groups=self.contribution.groups, rows=self.contribution.rows),
            constraints=tuple(table.value() for table in self.constraints),
            geography=tuple(self.geography),
            recording=self.recording.value() if self.recording else None,
            notes=self.notes,
        )


def _statistic(text: str) -> Statistic:
    aggregate, _, rest = text.partition("(")
    column = rest.removesuffix(")") or None
    return Statistic(aggregate=aggregate.strip(), column=column)  # type: ignore[arg-type]
