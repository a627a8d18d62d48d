"""What an inquiry is: a question about the question itself, answered inside the assessment."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.findings import Finding
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an inquiry found."""

    summary: str
    """What was done, in one plain sentence."""
    findings: tuple[Finding, ...]
    """Figures with their intervals."""
    data: dict[str, Any] = field(default_factory=dict)
    """Further figures as JSON values, such as the points of a curve."""


class Inquiry(Protocol):
    """A frozen value; reaches people only through `Forces.assess`."""

    @property
    def topic(self) -> str:
        """Under what its line of evidence is found, such as `curve/months`."""

    @property
    def title(self) -> str:
        """What is asked, in one line."""

    def run(self, study: Study) -> Answer:
        """Find out.

        Raises:
            NotApplicableError: if the study's question has no such answer; the reason is shown.
        """
