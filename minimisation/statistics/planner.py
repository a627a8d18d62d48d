"""Chooses how a query bounds what one person adds, by public facts only, and says which.

*prefix*: a person's first m rows in the order of load, whatever their groups; no filter, because
rows that a filter drops would still use up the m. *prepared*: g groups × r rows read off ranks
stored for exactly this population and these keys. *ad hoc*: g groups × r rows, worked out anew.

Derivation for the prefix: m rows change rows and sums by at most m·B in L1, all of it possibly in
one cell, so their squared L2 sensitivity is (m·B)²; they change persons by at most 1 in each of at
most m cells. For g groups × r rows see `parts`. A squared sum's per-row bound is W².
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from minimisation.contract.errors import UseCaseError
from minimisation.statistics.catalogue import Prepared, StoredTable
from minimisation.statistics.histograms import Tree
from minimisation.statistics.parts import LARGEST, Part, PartKind, Plan, weighted
from minimisation.statistics.query import Measure, Query, check, measured_grid

Form: TypeAlias = Literal["prefix", "prepared", "ad_hoc"]


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much of one person a query may use."""

    in_all: int = 10
    """m: most rows of one person, for the prefix form."""
    groups: int = 10
    """g: most groups of one person, for the other forms."""
    rows: int = 3
    """r: most rows of one person in a group, for the other forms."""

    def __post_init__(self) -> None:
        """Refuse a bound below one.

        Raises:
            ValueError: naming the bound and the rule.
        """
        for name in ("in_all", "groups", "rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} ({getattr(self, name)}) must be at least 1")


@dataclass(frozen=True, kw_only=True)
class QueryPlan:
    """A checked query with its bounding form; made of public facts alone."""

    query: Query
    """The question."""
    table: StoredTable
    """The registered table."""
    source: str
    """Stored table that is read."""
    form: Form
    """How contributions are bounded."""
    because: str
    """Why this form, in words."""
    shape: tuple[int, ...]
    """Labels per group key."""
    vector: Plan
    """Parts, weights and joint sensitivity."""

    @property
    def cells(self) -> int:
        """Number of released cells."""
        return math.prod(self.shape)


def choose(
    query: Query, table: StoredTable, allowance: Allowance, form: Form | None = None
) -> QueryPlan:
    """Check a query and choose its form.

    Args:
        query: what is asked.
        table: the registered table it starts from.
        allowance: contribution bounds.
        form: a form to be used whatever the planner would choose; still checked.

    Raises:
        UseCaseError: if a name, label or bound is not permitted, or the form cannot answer it.
    """
    refuse_unknown_key(query)
    if own := query.derived.keys() & {column.name for column in table.columns}:
        raise UseCaseError(f"derived column ({', '.join(sorted(own))}) must have a name of its own")
    table = replace(table, derived=query.derived)
    shape = check(query, table)
    prepared = _prepared(query, table)
    chosen, because = _form(query, prepared)
    if form is not None:
        _refuse_form(form, query, prepared)
        chosen, because = form, "asked for"
    vector = _vector(query, table, allowance, chosen, math.prod(shape))
    source = prepared.table if chosen == "prepared" and prepared else table.name
    return QueryPlan(
        query=query,
        table=table,
        source=source,
        form=chosen,
        because=because,
        shape=shape,
        vector=vector,
    )


def refuse_unknown_key(query: Query) -> None:
    """Refuse an unknown key wherever cells must be declared.

    Raises:
        UseCaseError: saying where it may be asked.
    """
    if query.unknown:
        msg = f"unknown({query.unknown}) must be asked as one query by itself, with noise"
        raise UseCaseError(f"{msg}: not in a block, not prepared, not under disclosure control")


def _prepared(query: Query, table: StoredTable) -> Prepared | None:
    for copy in table.prepared:
        if set(copy.population) == set(query.population) and set(copy.by) == set(query.by):
            return copy
    return None


def _form(query: Query, prepared: Prepared | None) -> tuple[Form, str]:
    if prepared is not None:
        return "prepared", "ranks are stored for this population and these keys"
    if not query.population:
        return "prefix", "no filter, so a person's first rows serve"
    return "ad_hoc", "a filter, and no ranks are stored for it"


def _refuse_form(form: Form, query: Query, prepared: Prepared | None) -> None:
    if form not in get_args(Form):
        raise UseCaseError(f"form ({form}) must be one of {', '.join(get_args(Form))}")
    if form == "prepared" and prepared is None:
        raise UseCaseError("form (prepared) must have ranks stored for this population and keys")
    if form == "prefix" and query.population:
        raise UseCaseError(
            "form (prefix) must have no filter: filtered-out rows would use up a person's rows"
        )


def _vector(query: Query, table: StoredTable, allowance: Allowance, form: Form, cells: int) -> Plan:
    prefix = form == "prefix"
    rows = allowance.in_all if prefix else allowance.rows
    groups = min(allowance.in_all if prefix else allowance.groups, cells)
    wanted: dict[str, Part] = {}
    for measure in query.measures:
        for kind in _kinds(measure):
            part = _part(kind, measure, table, rows, 1 if prefix else groups)
            wanted[part.name] = part
    if "persons" in wanted:
        wanted["persons"] = Part(kind="persons", most=1, cells=groups)
    plan = Plan(keys=query.by, groups=groups, rows=rows, parts=weighted(tuple(wanted.values())))
    if plan.l1 > LARGEST:
        msg = f"bounds ({groups} groups, {rows} rows) times column bounds must stay below 2^53"
        raise UseCaseError(f"{msg}: narrow a measure's bounds or lower the allowance")
    return plan


def _kinds(measure: Measure) -> tuple[PartKind, ...]:
    if measure.kind in ("rows", "persons", "sum"):
        return (measure.kind,)
    if measure.kind in ("histogram", "quantile"):
        return ("bins",)
    return ("count", "centred", "squared") if measure.kind == "variance" else ("count", "centred")


def _part(kind: PartKind, measure: Measure, table: StoredTable, rows: int, cells: int) -> Part:
    if kind in ("rows", "persons"):
        return Part(kind=kind, most=rows, cells=cells)
    if kind == "bins":
        bins = len(table.labels(measure.column))
        levels = Tree(leaves=bins).levels
        return Part(
            kind=kind, most=rows, cells=cells, column=measure.column, bins=bins, levels=levels
        )
    grid = measured_grid(measure, table)
    unit = {"count": 1, "sum": grid.largest, "centred": grid.width, "squared": grid.width**2}[kind]
    return Part(kind=kind, most=rows * unit, cells=cells, column=measure.column, grid=grid)
