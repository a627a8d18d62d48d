"""Findings as rows of a table, whatever they are about."""

from collections.abc import Sequence

from sandbox.findings import Finding
from sandbox.report import formats
from sandbox.report.glossary import entry
from sandbox.report.pooling import pool


def figure_rows(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Measure, value with interval, whom it is about, baseline and note of each."""
    return [
        (
            capital(entry(each.measure).title),
            value(each),
            about(each),
            "none" if each.baseline is None else formats.number(each.baseline, 3),
            each.note or "none",
        )
        for each in findings
    ]


def value(finding: Finding) -> str:
    """A finding's value with its interval, or why there is none."""
    if finding.value is None:
        return finding.note or "not measured"
    named = entry(finding.measure)
    if named.count:
        return f"{finding.value:,.3g}"
    return formats.estimate(pool([finding]), share=named.share)


def about(finding: Finding) -> str:
    """Whom a finding is about."""
    who = [finding.force, finding.group.replace("=", " = ")]
    return ", ".join(each for each in who if each) or "everyone"


def capital(text: str) -> str:
    """With a leading capital."""
    return text[:1].upper() + text[1:]
