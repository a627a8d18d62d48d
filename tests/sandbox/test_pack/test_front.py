"""The first page's sentence on recording says what the figures say."""

from typing import Any

import pytest

from sandbox.evidence_lines import Inquiry, UseCaseFacts
from sandbox.findings import Finding
from sandbox.pack.sections.front import recording
from sandbox.use_case_files import load

CASE = UseCaseFacts.model_validate(load("serious-violence").model_dump(mode="json"))


def audit(*ratios: tuple[str, float | None, float, float]) -> Inquiry:
    line: dict[str, Any] = {
        "schema": 1,
        "kind": "inquiry",
        "plan": "aa",
        "topic": "label-audit",
        "data": {"recorded": "prior_arrests"},
        "at": "2026-11-02T10:00:00+00:00",
        "findings": [
            Finding(
                measure="recording_ratio",
                value=value,
                better="neither",
                low=low,
                high=high,
                group=group,
            )
            for group, value, low, high in ratios
        ],
    }
    return Inquiry.model_validate(line)


def test_groups_recorded_unalike_are_named_with_their_intervals() -> None:
    told = recording(
        audit(
            ("ethnicity=Black", 1.4, 1.2, 1.6),
            ("ethnicity=White", 0.77, 0.7, 0.84),
            ("sex=male", 1.0, 0.9, 1.1),
        ),
        CASE,
    )
    assert "“arrests”" in told
    assert "more of ethnicity = Black 1.40 (1.20 to 1.60)" in told
    assert "fewer of ethnicity = White 0.77 (0.70 to 0.84)" in told
    assert "sex" not in told
    assert "3 groups" in told


@pytest.mark.parametrize("bound", [1.0, 0.99])
def test_an_interval_that_holds_one_is_no_difference(bound: float) -> None:
    assert "no significant difference; 1 group looked at" in recording(
        audit(("sex=male", 1.1, bound, 1.3)), CASE
    )


def test_what_was_not_asked_is_not_told() -> None:
    assert recording(audit(), CASE) == ""
    assert recording(audit(("sex=missing", 2.0, 1.5, 2.5)), CASE) == ""
