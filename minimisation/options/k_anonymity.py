"""k-anonymity: quasi-identifiers generalised until at least k people in the force look alike.

Samarati and Sweeney (1998); classes by Mondrian (see `mondrian`). Values that a class spans are
released as what they span: numbers as the interval between the class's smallest and largest,
labels as the set of those present. A missing value is a label of its own: alone it stays null;
in a set it is `missing`; a class with missing and known numbers gets the whole public domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation.contract.columns import Column
from minimisation.contract.domains import Bounds, Categories
from minimisation.contract.encoding import MISSING, numbers
from minimisation.contract.errors import NotApplicableError
from minimisation.contract.release import Microdata, Release
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces.ask import Forces
from minimisation.options import mondrian, rows

INTERVAL = pa.struct([("low", pa.float64()), ("high", pa.float64())])
"""Type of a generalised number."""

LABELS = pa.list_(pa.string())
"""Type of a generalised label."""

ORDER = "equivalence class"
"""Helper column of the sort; no use case can have one of that name."""


@dataclass(frozen=True, kw_only=True)
class SendGeneralisedRows:
    """Sends rows whose quasi-identifiers are shared by at least k people of the force."""

    name: ClassVar[str] = "send-generalised-rows"
    k: int
    """Fewest people in a class."""

    def sends(self, use_case: UseCase) -> Payload:
        """Real rows: generalised quasi-identifiers, then sensitive and needed columns."""
        generalised = [
            pa.field(column.name, INTERVAL if column.numeric else LABELS)
            for column in use_case.quasi_identifiers
        ]
        plain = rows.column_schema(use_case, kept_columns(use_case))
        return Payload(kind=PayloadKind.ROWS, schema=pa.schema([*generalised, *plain]))

    def run(self, premises: Premises) -> pa.Table:
        """Partition, generalise, and order rows by class and then by what is kept."""
        use_case = premises.use_case
        hidden = use_case.quasi_identifiers
        kept = kept_columns(use_case)
        units, table = rows.units_and_rows(premises, [*(c.name for c in hidden), *kept])
        points = positions(hidden, table)
        spans = np.array([_span(column) for column in hidden])
        members = mondrian.classes(points, units, spans, self.k)
        keep = members >= 0
        result = generalise(hidden, points[keep], members[keep])
        for name in kept:
            result = result.append_column(name, table.column(name).filter(pa.array(keep)))
        ordering = result.select(kept).append_column(ORDER, pa.array(members[keep]))
        names = [ORDER, *kept]
        order = pc.sort_indices(ordering, sort_keys=[(name, "ascending") for name in names])
        return result.take(order).cast(self.sends(use_case).schema)


@dataclass(frozen=True, kw_only=True)
class KAnonymity:
    """Rows of real people among at least k who look alike."""

    name: ClassVar[str] = "k-anonymity"
    summary: ClassVar[str] = (
        "Every row leaves without direct identifiers, its quasi-identifiers generalised until at"
        " least k people of the force share them; sensitive and needed columns stay as they are."
    )
    keeps_direct_identifiers: ClassVar[bool] = False
    k: int = 5
    """Fewest people who share the same generalised quasi-identifiers, in their own force."""

    def __post_init__(self) -> None:
        """Refuse a class of nobody.

        Raises:
            ValueError: naming the rule.
        """
        if self.k < 1:
            raise ValueError(f"k ({self.k}) must be at least 1")

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Pool the generalised rows; `rng` is not needed.

        Raises:
            NotApplicableError: if the use case declares no quasi-identifier.
            PolicyError: if a force refused or failed.
        """
        del rng
        if not use_case.quasi_identifiers:
            raise NotApplicableError("the use case declares no quasi-identifier to generalise")
        replies = forces.ask(SendGeneralisedRows(k=self.k))
        empty = [name for name, part in replies.complete().items() if part.num_rows == 0]
        remarks = (f"Fewer than k ({self.k}) people, all rows suppressed: {', '.join(empty)}.",)
        return Release(
            artefact=Microdata(table=replies.stacked()), remarks=remarks if empty else ()
        )


def kept_columns(use_case: UseCase) -> tuple[str, ...]:
    """Columns that leave as they are: sensitive attributes and what the question needs."""
    return tuple(
        column.name
        for column in use_case.columns
        if column.role not in ("quasi_identifier", "direct_identifier")
        and (column.role == "sensitive_attribute" or column.name in use_case.needed)
    )


def positions(columns: Sequence[Column], table: pa.Table) -> mondrian.Points:
    """Where every value stands: numbers as they are, labels by their declared order. (n, q)."""
    parts = []
    for column in columns:
        values = table.column(column.name).combine_chunks()
        if isinstance(column.domain, Categories):
            labels = pa.array(column.domain.values, pa.string())
            values = pc.index_in(values, labels)
        number = numbers(values)
        parts.append(np.where(np.isnan(number), mondrian.MISSING_POINT, number))
    return np.column_stack(parts)


def generalise(
    columns: Sequence[Column], points: mondrian.Points, members: mondrian.Numbers
) -> pa.Table:
    """Every row's generalised quasi-identifiers.

    Args:
        columns: the q quasi-identifiers.
        points: (n, q) positions.
        members: (n,) class of every row, numbered from 0 without gaps.

    Returns:
        n rows, one column per quasi-identifier: `INTERVAL` or `LABELS`.
    """
    order = np.argsort(members, kind="stable")
    starts = np.flatnonzero(np.diff(members[order], prepend=-1))
    result = {}
    for place, column in enumerate(columns):
        ordered = points[order, place]
        spanned = (
            _intervals(column.domain, ordered, starts)
            if isinstance(column.domain, Bounds)
            else _label_sets(column, ordered, starts)
        )
        result[column.name] = spanned.take(pa.array(members))
    return pa.table(result)


def _intervals(bounds: Bounds, ordered: mondrian.Points, starts: mondrian.Numbers) -> pa.Array:
    """One interval per class; null where all are missing."""
    if not len(starts):
        return pa.array([], INTERVAL)
    low, high = np.minimum.reduceat(ordered, starts), np.maximum.reduceat(ordered, starts)
    mixed = np.isinf(high) & np.isfinite(low)
    low, high = np.where(mixed, bounds.low, low), np.where(mixed, bounds.high, high)
    absent = np.isinf(low)
    ends = [pa.array(end, pa.float64(), mask=absent) for end in (low, high)]
    return pa.StructArray.from_arrays(ends, fields=list(INTERVAL), mask=pa.array(absent))


def _label_sets(column: Column, ordered: mondrian.Points, starts: mondrian.Numbers) -> pa.Array:
    """One set of labels per class, in declared order; null where all are missing."""
    labels = column.domain.values if isinstance(column.domain, Categories) else ()
    sets: list[list[str] | None] = []
    for part in np.split(ordered, starts[1:]) if len(starts) else []:
        present = np.unique(part)
        known = [labels[int(place)] for place in present[np.isfinite(present)]]
        mixed = known if np.isfinite(present).all() else [*known, MISSING]
        sets.append(mixed if known else None)
    return pa.array(sets, LABELS)


def _span(column: Column) -> float:
    if isinstance(column.domain, Bounds):
        return column.domain.high - column.domain.low
    labels = column.domain.values if isinstance(column.domain, Categories) else ()
    return max(len(labels) - 1, 1)
