"""Compares two folders of results setting by setting, and flags what became slower or larger.

Times are compared as ratios to the baseline that was run in turn with them, so that a busier
machine is no regression; without a baseline, as they are, if both were measured on one machine.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from benchmarks.results import Results, Row

THRESHOLD = 1.25
"""A ratio of medians above this is a regression, unless the runs of both overlap."""

Verdict: TypeAlias = Literal["slower", "faster", "same", "larger", "lost", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One setting in both."""

    key: str
    """The setting."""
    what: str
    """What was compared: time over its baseline, seconds, peak memory, or that it ran at all."""
    before: float | None
    """Median in the first folder."""
    after: float | None
    """Median in the second."""
    verdict: Verdict
    """What became of it."""

    @property
    def ratio(self) -> float | None:
        """After over before."""
        if self.before is None or self.after is None:
            return None
        return self.after / max(self.before, 1e-12)

    @property
    def regressed(self) -> bool:
        """Whether it is flagged."""
        return self.verdict in ("slower", "larger", "lost")


def changes(old: Results, new: Results, threshold: float = THRESHOLD) -> list[Change]:
    """Every setting that was done in the first folder and was run in the second."""
    same_machine = old.header().get("machine") == new.header().get("machine")
    after = {row.key: row for row in new.rows()}
    found = []
    for row in old.rows():
        other = after.get(row.key)
        if row.own is None or other is None or other.status in ("not run", "skipped"):
            continue
        if other.own is None:
            found.append(
                Change(key=row.key, what=other.status, before=None, after=None, verdict="lost")
            )
            continue
        found.append(_time(row, other, threshold, same_machine=same_machine))
        found.append(_memory(row, other, threshold))
    return found


def _time(row: Row, other: Row, threshold: float, *, same_machine: bool) -> Change:
    what, pair = "time over baseline", (row.ratios, other.ratios)
    if not all(pair):
        seconds = [each.own.seconds if each.own else () for each in (row, other)]
        what, pair = "seconds", (seconds[0], seconds[1])
    before, after = (statistics.median(each) for each in pair)
    verdict: Verdict = verdict_of(*pair, threshold)
    if what == "seconds" and not same_machine:
        verdict = "cannot tell"
    return Change(key=row.key, what=what, before=before, after=after, verdict=verdict)


def verdict_of(before: Sequence[float], after: Sequence[float], threshold: float) -> Verdict:
    """Slower or faster where medians differ by the threshold and the runs do not overlap."""
    ratio = statistics.median(after) / max(statistics.median(before), 1e-12)
    if ratio > threshold and min(after) > max(before):
        return "slower"
    if ratio < 1 / threshold and max(after) < min(before):
        return "faster"
    return "same"


def _memory(row: Row, other: Row, threshold: float) -> Change:
    before, after = (float(each.own.peak_bytes) if each.own else 0.0 for each in (row, other))
    larger = before > 0 and after / before > threshold
    verdict: Verdict = "larger" if larger else "same"
    return Change(key=row.key, what="peak memory", before=before, after=after, verdict=verdict)
