"""The typed questions that every option is asked."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Aggregate: TypeAlias = Literal["rows", "persons", "sum", "mean"]


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """One figure per group."""

    aggregate: Aggregate
    """rows (records), persons (distinct people), sum or mean of a bounded column."""
    column: str | None = None
    """The bounded column of a sum or mean; None for rows and persons."""

    def __post_init__(self) -> None:
        """Refuse an unknown aggregate, or a column where none belongs.

        Raises:
            ValueError: naming the rule.
        """
        if self.aggregate not in get_args(Aggregate):
            raise ValueError(
                f"aggregate ({self.aggregate}) must be one of {', '.join(get_args(Aggregate))}"
            )
        if (self.column is not None) != (self.aggregate in ("sum", "mean")):
            raise ValueError(
                f"aggregate ({self.aggregate}) must name a column exactly if it is sum or mean"
            )

    @property
    def name(self) -> str:
        """Column name of the figure in a release: `rows`, `mean_age`."""
        return self.aggregate if self.column is None else f"{self.aggregate}_{self.column}"


@dataclass(frozen=True, kw_only=True)
class GroupedStatistics:
    """Figures for every combination of the group keys' declared values."""

    by: tuple[str, ...]
    """Group keys: columns with a category domain, or `force`."""
    statistics: tuple[Statistic, ...]
    """What is released for each group, in order; the first must be rows or persons."""

    def __post_init__(self) -> None:
        """Refuse a question without keys or without a leading count.

        Raises:
            ValueError: naming the rule.
        """
        if not self.by or len(set(self.by)) != len(self.by):
            raise ValueError("by must list at least one group key, none twice")
        if not self.statistics or self.statistics[0].aggregate not in ("rows", "persons"):
            raise ValueError(
                "statistics must start with rows or persons, the count others are judged by"
            )


@dataclass(frozen=True, kw_only=True)
class BinaryOutcome:
    """Will this happen to this person? Asked of people not used to build the answer."""

    target: str
    """Column with domain 0..1, observed after the as-of date."""
    features: tuple[str, ...]
    """Columns known before the as-of date that the answer may use."""
    top_share: float = 0.01
    """Share of people that an officer would review, for precision among the top-ranked."""

    def __post_init__(self) -> None:
        """Refuse an empty or circular question.

        Raises:
            ValueError: naming the rule.
        """
        if not self.features or self.target in self.features:
            raise ValueError("features must list at least one column and never the target")
        if not 0 < self.top_share <= 0.5:  # noqa: PLR2004 - half is the largest sensible list
            raise ValueError(f"top_share ({self.top_share}) must be in (0, 0.5]")


Question: TypeAlias = GroupedStatistics | BinaryOutcome
