"""Pools an option's repeats into one figure with one interval, and pairs two options.

The interval is the 2.5 to 97.5 percentile of all bootstrap replicates of all repeats together
(Efron and Tibshirani 1993, ch. 13), so that it carries both the chance of who was sampled and
the chance in making the release: what leaves in the end is one release, not their average.
Differences are taken replicate by replicate within a repeat, because every option is judged on
the same resampled people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.findings import Finding

PERCENTILES = (2.5, 97.5)
"""Ends of a 95% interval."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure over repeats."""

    value: float | None
    """Mean over repeats; None where no repeat could compute it."""
    low: float | None = None
    """Lower end of the 95% interval; None where there is no interval."""
    high: float | None = None
    """Upper end."""
    repeats: int = 0
    """Repeats that gave a value."""
    missing: int = 0
    """Repeats that measured it and gave no value."""
    notes: tuple[str, ...] = ()
    """Distinct notes of the pooled findings."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One option minus another, on the same people."""

    estimate: Estimate
    """The difference and its paired interval."""
    significant: bool | None
    """Whether the interval leaves out zero; None without an interval."""


def pool(findings: Sequence[Finding]) -> Estimate:
    """One finding per repeat as one figure.

    Without replicates the interval is the envelope of the repeats' own intervals.
    """
    valued = [finding for finding in findings if finding.value is not None]
    notes = tuple(dict.fromkeys(finding.note for finding in findings if finding.note))
    missing = len(findings) - len(valued)
    if not valued:
        return Estimate(value=None, missing=missing, notes=notes)
    low, high = _interval(valued)
    return Estimate(
        value=float(np.mean([finding.value for finding in valued if finding.value is not None])),
        low=low,
        high=high,
        repeats=len(valued),
        missing=missing,
        notes=notes,
    )


def _interval(findings: Sequence[Finding]) -> tuple[float | None, float | None]:
    if all(finding.replicates for finding in findings):
        low, high = np.percentile(np.concatenate([f.replicates for f in findings]), PERCENTILES)
        return float(low), float(high)
    lows = [finding.low for finding in findings if finding.low is not None]
    highs = [finding.high for finding in findings if finding.high is not None]
    if len(lows) == len(highs) == len(findings):
        return min(lows), max(highs)
    return None, None


def difference(one: Mapping[int, Finding], other: Mapping[int, Finding]) -> Difference | None:
    """One option minus another, paired by repeat and by position of the replicate.

    Args:
        one: repeat → finding.
        other: the same measure of the other option.

    Returns:
        None where no repeat gave both a value.
    """
    pairs = [(one[repeat], other[repeat]) for repeat in sorted(one.keys() & other.keys())]
    values = [a.value - b.value for a, b in pairs if a.value is not None and b.value is not None]
    if not values:
        return None
    value = float(np.mean(values))
    lengths_match = all(len(a.replicates) == len(b.replicates) > 0 for a, b in pairs)
    if len(values) < len(pairs) or not lengths_match:
        return Difference(estimate=Estimate(value=value, repeats=len(values)), significant=None)
    apart = np.concatenate([np.subtract(a.replicates, b.replicates) for a, b in pairs])
    low, high = (float(end) for end in np.percentile(apart, PERCENTILES))
    pooled = Estimate(value=value, low=low, high=high, repeats=len(values))
    return Difference(estimate=pooled, significant=low > 0 or high < 0)
