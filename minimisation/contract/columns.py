"""One column of a use case: its role for disclosure, its public domain, where it comes from."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from minimisation.contract.domains import Bounds, Domain
from minimisation.contract.sources import AnyAfter, Source

Role: TypeAlias = Literal[
    "direct_identifier", "quasi_identifier", "sensitive_attribute", "target", "other"
]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A named column that a use case may touch; anything not named is never read."""

    name: str
    """Name in the analysis table; lower-case letters, digits and underscores."""
    role: Role
    """Disclosure role: direct identifier, quasi-identifier, sensitive attribute, target, other."""
    domain: Domain | None = None
    """Public domain; None only for direct identifiers, which no statistic may use."""
    protected: bool = False
    """Whether it is, or stands for, a protected characteristic (Equality Act 2010 s.4)."""
    category: str | None = None
    """DPA 2018 s.35(8) sensitive-processing type or s.38 category, if any; the pack prints it."""
    optional: bool = False
    """Whether a missing value is allowed (it becomes its own category)."""
    observed: Literal["before", "after"] = "before"
    """Whether the fact is known before the as-of date (a feature) or only after (a label)."""
    source: Source | None = None
    """Where it comes from in the harmonised tables; None when a flat file supplies it by name."""
    title: str = ""
    """Plain-language name for reports; the name itself where empty."""

    def __post_init__(self) -> None:
        """Refuse a column that could leak or could not be computed.

        Raises:
            ValueError: naming the column and the rule.
        """
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(
                f"column name ({self.name}) must be lower-case letters, digits, underscores"
            )
        if self.role not in get_args(Role):
            raise ValueError(f"role ({self.role}) must be one of {', '.join(get_args(Role))}")
        if self.domain is None and self.role != "direct_identifier":
            raise ValueError(
                f"column '{self.name}' must declare a public domain (categories or bounds)"
            )
        if isinstance(self.source, AnyAfter) != (self.observed == "after") and self.source:
            msg = f"column '{self.name}' must be observed after the as-of date exactly if it is"
            raise ValueError(f"{msg} an any_after label")

    @property
    def label(self) -> str:
        """What a reader sees: the title, or the name."""
        return self.title or self.name.replace("_", " ")

    @property
    def numeric(self) -> bool:
        """Whether the domain is an interval rather than a list of categories."""
        return isinstance(self.domain, Bounds)
