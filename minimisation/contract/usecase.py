"""A use case: the one question, the people it is about, and the columns it may touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from minimisation.contract.columns import Column, OpenColumn
from minimisation.contract.constraints import Constraint
from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.errors import UseCaseError
from minimisation.contract.privacy import Unit
from minimisation.contract.questions import BinaryOutcome, GroupedStatistics, Question
from minimisation.contract.sources import Where

FORCE = "force"
"""The group key that every use case has without declaring it."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The least usefulness that would serve the purpose, fixed before any result is seen."""

    measure: str
    """Name of a headline measure, such as `auc` or `total_variation`."""
    value: float
    """The threshold."""
    direction: Literal["at_least", "at_most"]
    """Whether larger or smaller is better."""

    def met(self, value: float) -> bool:
        """Whether a measured value meets the floor."""
        return value >= self.value if self.direction == "at_least" else value <= self.value


@dataclass(frozen=True, kw_only=True)
class BusinessAsUsual:
    """What would be done without the proposal: a points rule, or totals already known."""

    points: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Binary outcome: column → (category, bin label, or `per_unit`) → points; they add up."""
    known: tuple[str, ...] = ()
    """Grouped statistics: the keys whose totals are known today; the rest is spread evenly."""


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """How much of one person a private statistic may use."""

    groups: int = 1
    """Most groups that one person can fall into."""
    rows: int = 1
    """Most rows that one person can have in a group."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What was recorded, and what it should stand for: arrests, for suspected offences."""

    recorded: str
    """Column that counts, or says, what was recorded."""
    events: tuple[str, ...] = ()
    """Columns whose sum it is a part of; empty: every row is one event."""


@dataclass(frozen=True, kw_only=True)
class UseCase:
    """Everything fixed before data is touched. One TOML file each; see `sandbox use-cases`."""

    name: str
    """Kebab-case name."""
    title: str
    """One line that a person without prior knowledge understands."""
    purpose: str
    """The law-enforcement purpose the processing serves."""
    unit: Unit
    """Who is protected and sampled: a person, or a record where no person id exists."""
    as_of: date
    """Features are known before this date, labels after it."""
    table: str
    """Harmonised table whose rows are analysed: one row per person for a binary outcome."""
    columns: tuple[Column, ...]
    """All columns it may touch, direct identifiers included."""
    question: Question
    """What is asked."""
    floor: Floor
    """The usefulness below which an option does not serve the purpose."""
    business_as_usual: BusinessAsUsual
    """The rule that the proposal is compared with."""
    where: Where = field(default_factory=dict)
    """Which rows of the table belong to the population."""
    published: tuple[tuple[str, ...], ...] = ()
    """Margins that are public anyway: the keys of each published table."""
    contribution: Contribution = field(default_factory=Contribution)
    """Person-level bounds for private options."""
    constraints: tuple[Constraint, ...] = ()
    """What holds in every row by the nature of things; synthetic rows are held to it."""
    geography: tuple[str, ...] = ()
    """Columns (or `force`) that say where, from the finest to the coarsest."""
    recording: Recording | None = None
    """What an audit of recording compares between protected groups."""
    open_columns: tuple[OpenColumn, ...] = ()
    """Columns whose labels are not public: no option, measure or attack is given them."""
    notes: str = ""
    """Caveats that every artefact repeats, such as 'unit is the record'."""

    def __post_init__(self) -> None:
        """Check that the question and the columns fit together.

        Raises:
            UseCaseError: naming the key and the rule.
        """
        names = [column.name for column in self.declared]
        if len(set(names)) != len(names) or FORCE in names:
            raise UseCaseError(
                f"columns of use case '{self.name}' must be distinct and must not be '{FORCE}'"
            )
        if isinstance(self.question, BinaryOutcome):
            self._check_outcome(self.question)
        else:
            self._check_groups(self.question)
        for constraint in self.constraints:
            self._check_constraint(constraint)
        for name in self.geography:
            if name != FORCE and not isinstance(self.column(name).domain, Categories):
                raise UseCaseError(f"geography '{name}' must have a list of categories")
        for name in (self.recording.recorded, *self.recording.events) if self.recording else ():
            if not self.column(name).numeric:
                raise UseCaseError(f"column '{name}' of recording must have bounds")

    def _check_outcome(self, question: BinaryOutcome) -> None:
        target = self.column(question.target)
        if target.domain != Bounds(low=0, high=1) or target.observed != "after":
            msg = f"target '{target.name}' must have bounds 0 to 1 and be observed after the as-of"
            raise UseCaseError(msg + " date")
        for name in question.features:
            feature = self.column(name)
            if feature.observed == "after":
                msg = f"feature '{name}' must be known before the as-of date ({self.as_of})"
                raise UseCaseError(f"{msg}: it is observed after it; remove it from features")
            if feature.role == "direct_identifier":
                raise UseCaseError(f"feature '{name}' must not be a direct identifier")

    def _check_groups(self, question: GroupedStatistics) -> None:
        for key in question.by:
            if key != FORCE and not isinstance(self.column(key).domain, Categories):
                raise UseCaseError(
                    f"group key '{key}' must have a list of categories as its domain"
                )
        for statistic in question.statistics:
            if statistic.column and not self.column(statistic.column).numeric:
                raise UseCaseError(
                    f"column '{statistic.column}' of a {statistic.aggregate} must have bounds"
                )

    def _check_constraint(self, constraint: Constraint) -> None:
        for name in (constraint.column, *constraint.ends):
            if not self.column(name).numeric:
                raise UseCaseError(f"column '{name}' of a constraint must have bounds")
        for name, labels in constraint.where:
            domain = self.column(name).domain
            if not isinstance(domain, Categories) or not set(labels) <= set(domain.values):
                raise UseCaseError(f"where of a constraint must name declared labels of '{name}'")

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            UseCaseError: if the use case does not declare it, or declares it as open text.
        """
        for column in self.columns:
            if column.name == name:
                return column
        for text in self.open_columns:
            if text.name == name:
                raise UseCaseError(text.refusal)
        known = ", ".join(column.name for column in self.columns)
        raise UseCaseError(
            f"column '{name}' must be one that use case '{self.name}' declares: {known}"
        )

    @property
    def declared(self) -> tuple[Column | OpenColumn, ...]:
        """All columns, those of open text last."""
        return (*self.columns, *self.open_columns)

    @property
    def grouped(self) -> GroupedStatistics:
        """Its question, as one that groups.

        Raises:
            UseCaseError: if it asks anything else.
        """
        if not isinstance(self.question, GroupedStatistics):
            raise UseCaseError(f"question of use case '{self.name}' must be grouped statistics")
        return self.question

    @property
    def binary(self) -> BinaryOutcome:
        """Its question, as one about an outcome.

        Raises:
            UseCaseError: if it asks anything else.
        """
        if not isinstance(self.question, BinaryOutcome):
            raise UseCaseError(f"question of use case '{self.name}' must be a binary outcome")
        return self.question

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Names of the direct identifiers."""
        return tuple(c.name for c in self.columns if c.role == "direct_identifier")

    @property
    def quasi_identifiers(self) -> tuple[Column, ...]:
        """Columns an intruder may know from elsewhere."""
        return tuple(c for c in self.columns if c.role == "quasi_identifier")

    @property
    def protected(self) -> tuple[Column, ...]:
        """Columns that are or stand for a protected characteristic."""
        return tuple(c for c in self.columns if c.protected)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that the question itself needs, in declaration order."""
        if isinstance(self.question, BinaryOutcome):
            wanted = {*self.question.features, self.question.target}
        else:
            measured = {s.column for s in self.question.statistics if s.column}
            wanted = {*self.question.by, *measured}
        return tuple(c.name for c in self.columns if c.name in wanted)
