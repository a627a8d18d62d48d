"""Which groups of people a released table has lost, and which impossible rows it has made.

An erased group is a failure, not a zero: whoever reads the table learns that they do not exist.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from minimisation import UseCaseError
from minimisation.forces import sql
from sandbox.measures_synthetic.tables import side_by_side, value


def erased_groups(
    target: pa.Table, released: pa.Table, by: Sequence[str], smallest: int
) -> list[tuple[str | None, ...]]:
    """Groups of at least `smallest` target rows that no released row belongs to, in order.

    Raises:
        UseCaseError: if a table is empty or lacks a column.
    """
    with side_by_side(target, released, by) as connection:
        return connection.execute(
            f"select {_labels(by)} from stacked group by {_names(by)} "
            f"having count(*) filter (not released) >= {int(smallest)} "
            f"and count(*) filter (released) = 0 order by all"
        ).fetchall()


def violations(released: pa.Table, rule: str) -> int:
    """Rows that break a declared rule, an SQL condition over the columns such as `age >= 10`.

    A row for which the rule is unknown, because a value is missing, does not break it.

    Raises:
        UseCaseError: if the rule is not a condition over the released columns.
    """
    with duckdb.connect(config={"threads": 2, "enable_external_access": False}) as connection:
        connection.register("released", released)
        try:
            return int(value(connection, f"select count(*) from released where not ({rule})"))
        except duckdb.Error:
            raise UseCaseError(
                f"rule ({rule}) must be a condition over columns {', '.join(released.column_names)}"
            ) from None


def _names(by: Sequence[str]) -> str:
    return ", ".join(sql.name(column) for column in by)


def _labels(by: Sequence[str]) -> str:
    return ", ".join(f"cast({sql.name(column)} as varchar)" for column in by)
