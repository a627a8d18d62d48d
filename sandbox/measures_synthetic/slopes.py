"""Regression on released rows against the same regression on real ones, slope by slope.

Sums of squares and products add up over forces; slopes and their intervals follow from the sums.
Karr, Kohnen, Oganian, Reiter and Sanil 2006, A framework for evaluating the utility of data altered
to protect confidentiality (interval overlap).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from minimisation import BinaryOutcome, Encoding, UseCase
from minimisation.contract.encoding import numbers

FEWEST = 50
"""Groups with fewer target rows are too small for a regression of their own."""

RIDGE = 1e-9
"""Least variance of a term, and what is added to correlations before they are inverted."""

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Regression:
    """What is explained by what: a linear probability model where the question is an outcome."""

    target: str
    """Numeric column that is explained."""
    features: Encoding
    """Terms that explain it."""
    groups: Encoding
    """Protected labels, each of which gets a regression of its own."""

    @classmethod
    def of(cls, use_case: UseCase, columns: tuple[str, ...]) -> "Regression | None":
        """The use case's regression over released columns; None where nothing is explained."""
        question = use_case.question
        if isinstance(question, BinaryOutcome):
            target: str | None = question.target
        else:
            target = next((s.column for s in question.statistics if s.column), None)
        rest = tuple(name for name in columns if name != target)
        if target not in columns or not rest:
            return None
        protected = tuple(each for each in use_case.protected if each.name in rest)
        return cls(
            target=target,
            features=Encoding.features(use_case, rest),
            groups=Encoding(columns=protected, binned=True, reference=False),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody (an empty name), then every group."""
        return ("", *self.groups.terms)

    def sums(self, table: pa.Table) -> Array:
        """Products of constant, terms and target, added over rows of each group.

        Returns:
            (groups + 1, terms + 2, terms + 2); rows without a target are left out.
        """
        outcome = numbers(table.column(self.target).combine_chunks())
        known = ~np.isnan(outcome)
        rows = table.filter(pa.array(known))
        width = len(self.features.terms) + 2
        design = np.ones((rows.num_rows, width))
        design[:, 1:-1] = self.features.encode(rows)
        design[:, -1] = outcome[known]
        belongs = np.ones((rows.num_rows, len(self.names)))
        belongs[:, 1:] = self.groups.encode(rows)
        return np.stack([(design * each[:, None]).T @ design for each in belongs.T])


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Slopes of one regression, in the order of its terms."""

    value: Array
    """Estimates; NaN where a term does not vary."""
    error: Array
    """Standard errors; NaN likewise."""

    @classmethod
    def of(cls, sums: Array) -> "Slopes":
        """Least squares from one group's sums, shape (terms + 2, terms + 2)."""
        rows, width = sums[0, 0], sums.shape[0] - 2
        value, error = np.full(width, np.nan), np.full(width, np.nan)
        if rows < 2:  # noqa: PLR2004 - one row has no slope
            return cls(value=value, error=error)
        centred = (sums[1:, 1:] - np.outer(sums[0, 1:], sums[0, 1:]) / rows) / rows
        own = np.flatnonzero(np.diag(centred)[:-1] > RIDGE)
        scale = np.sqrt(np.diag(centred)[own])
        alike = centred[np.ix_(own, own)] / np.outer(scale, scale)
        # terms that say the same share their slope, as they would under a pseudo-inverse
        inverse = np.linalg.inv(alike + RIDGE * np.eye(len(own)))
        slopes = inverse @ (centred[own, -1] / scale) / scale
        left = max(0.0, centred[-1, -1] - slopes @ centred[own, -1])
        spread = np.maximum(np.diag(inverse @ alike @ inverse), 0) / scale**2
        value[own] = slopes
        error[own] = np.sqrt(left * spread / max(1.0, rows - len(own) - 1))
        return cls(value=value, error=error)

    def difference(self, other: "Slopes") -> float:
        """Mean distance of another's slopes from these; a term that it has lost counts as 0."""
        own = np.isfinite(self.value)
        gaps = np.abs(self.value - np.nan_to_num(other.value))[own]
        return float(gaps.mean()) if own.any() else float("nan")

    def overlap(self, other: "Slopes") -> float:
        """Mean overlap of the 95 % intervals, 1 if equal and 0 where they do not meet."""
        own = np.isfinite(self.value)
        low, high = self.value - 1.96 * self.error, self.value + 1.96 * self.error
        least, most = other.value - 1.96 * other.error, other.value + 1.96 * other.error
        shared = np.maximum(np.minimum(high, most) - np.maximum(low, least), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = (shared / (high - low) + shared / (most - least)) / 2
        each = np.where((high == low) & (self.value == other.value), 1.0, np.nan_to_num(each))
        return float(each[own].mean()) if own.any() else float("nan")
