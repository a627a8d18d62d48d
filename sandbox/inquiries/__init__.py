"""Inquiries: how much data is needed, how the label came about, what stands in for what.

One idea a file. Their lines of evidence stand beside the runs of the options, one per topic, and
come from the assessment account: on protected data they stay in controlled access.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minimisation import NotApplicableError, UseCaseError
from sandbox.evidence import append, load
from sandbox.inquiries.columns import ColumnsNeeded
from sandbox.inquiries.federated import FederatedBaselines
from sandbox.inquiries.federated_explained import FederatedExplained
from sandbox.inquiries.forces import ForcesNeeded
from sandbox.inquiries.geography import GeographyNeeded
from sandbox.inquiries.inquiry import Answer, Inquiry
from sandbox.inquiries.label_audit import LabelAudit
from sandbox.inquiries.months import MonthsNeeded
from sandbox.inquiries.people import PeopleNeeded
from sandbox.inquiries.profile import Profile
from sandbox.inquiries.proxies import Proxies
from sandbox.processes import RunFailedError, answer_of
from sandbox.study import Study

INQUIRIES: tuple[Inquiry, ...] = (
    Profile(),
    LabelAudit(),
    Proxies(),
    ColumnsNeeded(),
    PeopleNeeded(),
    MonthsNeeded(),
    GeographyNeeded(),
    ForcesNeeded(),
    FederatedBaselines(),
    FederatedExplained(),
)
"""All of them, in the order in which a reader needs them."""

__all__ = ["INQUIRIES", "Answer", "Inquiry", "chosen", "inquire", "line"]

Progress = Callable[[str, int, int], None]
"""Called with the topic that finished, how many are done, and how many there are."""


def chosen(topics: Sequence[str] = ()) -> tuple[Inquiry, ...]:
    """The inquiries of the named topics; all if none is named.

    Raises:
        UseCaseError: if a topic is unknown.
    """
    known = {inquiry.topic: inquiry for inquiry in INQUIRIES}
    for topic in topics:
        if topic not in known:
            raise UseCaseError(f"topic ({topic}) must be one of: {', '.join(known)}")
    return tuple(known[topic] for topic in topics) or INQUIRIES


def inquire(study: Study, topics: Sequence[str], progress: Progress) -> None:
    """Make inquiries, each in a process of its own, and append their lines to the evidence.

    Raises:
        UseCaseError: if the plan has not been compared yet, or a topic is unknown.
    """
    wanted = chosen(topics)
    if load(study.evidence).header.plan != study.plan.digest:
        raise UseCaseError("evidence must belong to this plan; run: sandbox compare PLAN")
    for done, inquiry in enumerate(wanted, start=1):
        order = {
            "plan": str(study.plan_path.resolve()),
            "workspace": str(study.workspace.resolve()),
            "topic": inquiry.topic,
        }
        try:
            found = answer_of(answer_order, order)
        except RunFailedError as error:
            found = _head(study, inquiry) | {"summary": f"failed: {error}"}
        append(study.evidence, found)
        progress(inquiry.topic, done, len(wanted))


def answer_order(order: dict[str, Any]) -> dict[str, Any]:
    """The line of one order: plan and workspace (paths), and topic."""
    study = Study(plan_path=Path(order["plan"]), workspace=Path(order["workspace"]))
    (inquiry,) = chosen([order["topic"]])
    return line(study, inquiry)


def line(study: Study, inquiry: Inquiry) -> dict[str, Any]:
    """The line of evidence of one inquiry; one that does not apply says why."""
    started = time.perf_counter()
    try:
        answer = inquiry.run(study)
    except NotApplicableError as error:
        return _head(study, inquiry) | {"summary": f"not applicable: {error}"}
    return _head(study, inquiry) | {
        "summary": answer.summary,
        "findings": [finding.as_json() for finding in answer.findings],
        "data": answer.data,
        "seconds": round(time.perf_counter() - started, 3),
    }


def _head(study: Study, inquiry: Inquiry) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "inquiry",
        "plan": study.plan.digest,
        "topic": inquiry.topic,
        "summary": "",
        "controlled": study.plan.file.data.status == "protected",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
