"""One column of a use case: its role for disclosure, its public domain, where it comes from.

A column of open text is a type of its own, so that no option can be given one.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from minimisation.contract.domains import Bounds, Domain, OpenText
from minimisation.contract.sources import AnyAfter, Field, Source

Role: TypeAlias = Literal[
    "direct_identifier", "quasi_identifier", "sensitive_attribute", "target", "other"
]

NEVER_SHOWN = ("person_id", "linkage_token", "given_name", "family_name", "birth_date", "text")
"""Harmonised columns that no released table may name labels of: they say who somebody is, or are
free text."""


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
        _check_name(self.name)
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


@dataclass(frozen=True, kw_only=True)
class OpenColumn:
    """A column of open text, of which `persons by unknown(NAME)` is all that may be asked."""

    name: str
    """As of a `Column`."""
    domain: OpenText = field(default_factory=OpenText)
    """The shape of its labels, which is all that is public of them."""
    role: Role = "other"
    """Disclosure role; never direct identifier or target."""
    category: str | None = None
    """As of a `Column`."""
    source: Field | None = None
    """Stored column that it comes from; None when a flat file supplies it by name."""
    title: str = ""
    """Plain-language name for reports; the name itself where empty."""

    def __post_init__(self) -> None:
        """Refuse a column whose labels say who somebody is.

        Raises:
            ValueError: naming the column and the rule.
        """
        _check_name(self.name)
        stored = self.source.column if self.source else self.name
        if self.role in ("direct_identifier", "target") or stored.split(".")[-1] in NEVER_SHOWN:
            msg = f"open text '{self.name}' must not be a direct identifier, free text or a target"
            raise ValueError(f"{msg}: its labels are shown where enough persons share them")

    @property
    def refusal(self) -> str:
        """Why it may not be used in any other way, and what to do."""
        msg = f"column '{self.name}' must be asked as `persons by unknown({self.name})`"
        return f"{msg}: it is open text; declare its categories to use it otherwise"


def _check_name(name: str) -> None:
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"column name ({name}) must be lower-case letters, digits, underscores")
