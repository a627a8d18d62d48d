"""What a pack is made from: the evidence, and what people and stores add to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sandbox.evidence_lines import Header, Inquiry, UseCaseFacts
from sandbox.report.comparison import Comparison

LAW_AS_AT = date(2025, 9, 1)
"""When the pack's references to law were last read through by its authors."""

PROFILE = "inquiry/profile"
"""Origin of figures about how many people, rows and filled columns there are."""

RESPONSE_DAYS = 10
"""Working days within which a data protection officer answers a submitted form."""


@dataclass(frozen=True, kw_only=True)
class Governance:
    """What the plan says about the form itself; it changes nothing that is measured."""

    marking: str = ""
    """Protective marking; empty: the cautious one for the data."""
    starts: date | None = None
    """When processing is to begin."""
    submitted: date | None = None
    """When the form goes to the data protection officer."""
    proposal: str = ""
    """The option that is proposed; empty: pooling the raw rows."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Everything that the sections read."""

    comparison: Comparison
    """The runs."""
    governance: Governance = Governance()
    """What the plan says about the form."""
    plan: str = "PLAN"
    """The plan's path, for commands."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Blank → what somebody wrote into an earlier pack."""
    stores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Force → facts of its store's life; empty where the stores are not at hand."""
    benchmarks: Mapping[str, Any] = field(default_factory=dict)
    """Name of a benchmark's result file → its content."""
    screening: tuple[tuple[str, str, str], ...] = ()
    """Answered screening questions: question, answer, advice."""
    public: bool = False
    """Whether the pack is to be published."""
    draw: bool = True
    """Whether figures are drawn; a pack is verified without."""

    @property
    def header(self) -> Header:
        """The plan as it was fixed."""
        return self.comparison.evidence.header

    @property
    def case(self) -> UseCaseFacts:
        """The use case."""
        return self.header.use_case

    @property
    def protected(self) -> bool:
        """Whether figures come from data that must stay inside."""
        return self.header.data_status == "protected"

    @property
    def marking(self) -> str:
        """Protective marking of every page."""
        default = "OFFICIAL-SENSITIVE" if self.protected else "OFFICIAL"
        mark = self.governance.marking or default
        return f"{mark} · SYNTHETIC" if self.header.synthetic_demo else mark

    @property
    def compare(self) -> str:
        """The command that runs the comparison."""
        return f"sandbox compare {self.plan}"

    @property
    def inquire(self) -> str:
        """The command that measures what is about the question rather than an option."""
        return f"sandbox inquire {self.plan}"

    def inquiry(self, topic: str) -> Inquiry | None:
        """What was measured about the question, if it was."""
        return self.comparison.evidence.inquiries.get(topic)

    @property
    def profile(self) -> Mapping[str, Any]:
        """How many people, rows and filled columns there are; empty if not measured."""
        found = self.inquiry("profile")
        return found.data if found else {}

    def measured(self, *measures: str) -> bool:
        """Whether any option has a value of one of these measures."""
        return any(
            finding.measure in measures and finding.value is not None
            for option in self.comparison.answered
            for row in option.done
            for finding in row.findings
        )


def working_days_after(start: date, days: int) -> date:
    """The day that many working days later; weekends are skipped, bank holidays are not known."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5  # noqa: PLR2004 - Saturday
    return day


def written(day: date | None) -> str:
    """A date as people write it: `7 November 2019`."""
    return "not stated" if day is None else f"{day.day} {day:%B %Y}"
