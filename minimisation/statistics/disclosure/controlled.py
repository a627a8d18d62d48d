"""A table of counts under disclosure control: exact inside, changed before it leaves.

It carries no epsilon. What several such tables tell together is for `differencing` to check.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import duckdb
import numpy as np

from minimisation.contract.errors import StoreError, UseCaseError
from minimisation.forces import sql
from minimisation.statistics import population
from minimisation.statistics.catalogue import PERSON
from minimisation.statistics.disclosure.cell_keys import CellKeys, cell_keys, empty_key, record_key
from minimisation.statistics.disclosure.rounding import Rounding
from minimisation.statistics.disclosure.suppression import Suppression
from minimisation.statistics.noise import Integers, Reals
from minimisation.statistics.planner import QueryPlan

Method: TypeAlias = Literal["rounding", "suppression", "cell-keys"]

FEWEST = 10
"""Smallest group that tables may make known, alone or together."""

MOST_SUPPRESSED = 400
"""Largest table whose complementary suppression is worked out."""

IN_WORDS: dict[Method, str] = {
    "rounding": "rounded to multiples of 5",
    "suppression": f"counts below {FEWEST} left out, and others that would give them back",
    "cell-keys": "each count changed by at most 5, the same way whenever it is asked for",
}
"""Method → what a reader of its table must know."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """How one force's counts are changed before they leave."""

    method: Method
    """Which of them."""

    def __post_init__(self) -> None:
        """Refuse an unknown method.

        Raises:
            UseCaseError: naming those there are.
        """
        if self.method not in get_args(Method):
            known = ", ".join(get_args(Method))
            raise UseCaseError(f"disclosure control ({self.method}) must be one of: {known}")

    def check(self, plan: QueryPlan) -> None:
        """Refuse a query that is no table of counts.

        Raises:
            UseCaseError: naming the rule.
        """
        kinds = [measure.kind for measure in plan.query.measures]
        if kinds not in (["rows"], ["persons"]):
            raise UseCaseError("a table under disclosure control must ask for rows or for persons")
        if plan.form != "ad_hoc":
            raise UseCaseError("a table under disclosure control must be planned ad hoc")
        if self.method == "suppression" and plan.cells > MOST_SUPPRESSED:
            msg = f"cells ({plan.cells}) must be at most {MOST_SUPPRESSED} for suppression"
            raise UseCaseError(f"{msg}: ask for coarser keys")

    def apply(self, plan: QueryPlan, connection: duckdb.DuckDBPyConnection, secret: bytes) -> Reals:
        """One force's table, shape (cells,); NaN where a count is left out.

        Args:
            plan: the query, in its ad hoc form.
            connection: the force's store.
            secret: keys the perturbation; held by the force alone.

        Raises:
            StoreError: if the store cannot be read; the message names no value.
        """
        pairs = _pairs(plan, connection)
        kind = plan.query.measures[0].kind
        weights = pairs[:, 2] if kind == "rows" else None
        counts = np.bincount(pairs[:, 0], weights=weights, minlength=plan.cells).astype(np.int64)
        if self.method == "rounding":
            return Rounding().apply(counts).astype(np.float64)
        if self.method == "suppression":
            hidden = Suppression(threshold=FEWEST).apply(counts.reshape(plan.shape or (1,)))
            return np.where(hidden.ravel(), np.nan, counts.astype(np.float64))
        people = {int(one): record_key(secret, str(one)) for one in np.unique(pairs[:, 1])}
        own = np.array([people[int(one)] for one in pairs[:, 1]], dtype=np.uint64)
        keys = cell_keys(pairs[:, 0], own, plan.cells)
        empty = np.array(
            [empty_key(secret, [str(plan.query), str(cell)]) for cell in range(plan.cells)],
            dtype=np.uint64,
        )
        return CellKeys().apply(counts, np.where(counts == 0, empty, keys)).astype(np.float64)


def _pairs(plan: QueryPlan, connection: duckdb.DuckDBPyConnection) -> Integers:
    """Cell, person and rows of every person in a cell, shape (pairs, 3)."""
    where = " and ".join(population.conditions(plan))
    person = f"{sql.name(plan.source)}.{sql.name(PERSON)}"
    try:
        found = connection.execute(
            f"select {population.cell_sql(plan)} as cell, {person} as person, count(*) as n"
            f" from {population.tables_sql(plan)} where {where}"
            " group by 1, 2 having cell is not null"
        ).fetchnumpy()
    except duckdb.Error as error:
        # the original message may print a value
        msg = f"table '{plan.source}' could not be read ({type(error).__name__})"
        raise StoreError(f"{msg}; nothing was released") from None
    return np.stack(
        [np.asarray(found[name], dtype=np.int64) for name in ("cell", "person", "n")], 1
    )
