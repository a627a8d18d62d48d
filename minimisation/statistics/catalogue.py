"""What a private query may rely on: integer-encoded tables, their public domains, their ranks.

A stored category is its place in the declared list, a stored number the whole multiple of its
step; both are asserted to lie in their domain at load. `person` is never null and comes from a
keyed hash of the person alone, so that it does not change when somebody else is removed. `rank`
numbers a person's rows from 1 by a keyed hash of the record, and the table is stored in its order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from minimisation.contract.columns import Column, OpenColumn
from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.encoding import MISSING
from minimisation.contract.errors import UseCaseError
from minimisation.statistics import arithmetic
from minimisation.statistics.arithmetic import Expression
from minimisation.statistics.parts import Grid
from minimisation.statistics.predicates import Predicate

PERSON, RANK, GROUP_RANK, ROW_RANK = "person", "rank", "group_rank", "row_rank"
"""Columns that a store adds to every table, the last two to prepared ones only."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A table that is joined N:1: every row here has at most one row there, asserted at load."""

    table: str
    """Stored table referred to; it has no person column."""
    by: str
    """Column here that holds its key."""
    key: str
    """Its unique key."""
    columns: tuple[Column, ...]
    """Its columns that a query may use, under `<table>.<name>`."""
    via: str = ""
    """The referred table that holds `by`; empty: the table that a query starts from."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A copy of a table, ranked for one declared population and one set of group keys."""

    table: str
    """Name of the stored copy; it carries `group_rank` and `row_rank`."""
    population: tuple[Predicate, ...]
    """Rows in the copy, exactly."""
    by: tuple[str, ...]
    """Group keys by which it is ranked, in any order."""


@dataclass(frozen=True, kw_only=True)
class StoredTable:
    """A table with exactly one person column, that of the person each row is about."""

    name: str
    """Name of the stored table."""
    columns: tuple[Column, ...]
    """Columns a query may use; anything else, such as another person's id, is refused."""
    references: Mapping[str, Reference] = field(default_factory=dict)
    """Referred table → how it is joined."""
    prepared: tuple[Prepared, ...] = ()
    """Copies ranked for declared questions."""
    derived: Mapping[str, Expression] = field(default_factory=dict)
    """Columns that a query works out per row."""
    open_columns: tuple[OpenColumn, ...] = ()
    """Columns of open text; stored as text, and only where one is asked as an unknown key."""

    def column(self, name: str) -> Column:
        """The column of that name; `crime.offence` follows a reference.

        Raises:
            UseCaseError: if a query may not use it.
        """
        if name in self.derived:
            worked_out = arithmetic.worked_out(self.derived[name], self.grid)
            return Column(name=name, role="other", domain=worked_out.bounds, optional=True)
        referred, _, own = name.rpartition(".")
        if referred and referred not in self.references:
            raise UseCaseError(f"table '{referred}' must be one that '{self.name}' refers to")
        columns = self.references[referred].columns if referred else self.columns
        for column in columns:
            if column.name == own and column.domain is not None:
                return column
        for text in self.open_columns:
            if text.name == name:
                raise UseCaseError(text.refusal)
        known = ", ".join(column.name for column in columns if column.domain is not None)
        raise UseCaseError(f"column '{name}' must be one a query may use: {known}")

    def open_column(self, name: str) -> OpenColumn:
        """The column of open text of that name.

        Raises:
            UseCaseError: if there is none; of a column with declared labels, how to ask it.
        """
        for text in self.open_columns:
            if text.name == name:
                return text
        if any(column.name == name for column in self.columns):
            raise UseCaseError(f"unknown({name}) must name open text; ask it as `by {name}`")
        known = ", ".join(text.name for text in self.open_columns) or "none is declared"
        raise UseCaseError(f"unknown({name}) must name a column of open text: {known}")

    def labels(self, name: str) -> tuple[str, ...]:
        """Declared labels of a group key: categories or bins, `missing` last where optional."""
        column = self.column(name)
        domain = column.domain
        if isinstance(domain, Categories):
            return (*domain.values, MISSING) if column.optional else domain.values
        if isinstance(domain, Bounds) and domain.edges:
            return (*domain.bin_labels, MISSING) if column.optional else domain.bin_labels
        raise UseCaseError(f"group key '{name}' must have categories, or bounds with public edges")

    def grid(self, name: str) -> Grid:
        """Fixed-point grid of a measured column.

        Raises:
            UseCaseError: if it has no bounds.
        """
        domain = self.column(name).domain
        if not isinstance(domain, Bounds):
            raise UseCaseError(f"column '{name}' must have bounds to be measured")
        return Grid.of(domain)
