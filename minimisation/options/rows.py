"""What every option that sends real rows shares: the schema of its columns and their SQL."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces import sql

Units = npt.NDArray[np.int64]


def column_schema(use_case: UseCase, columns: Sequence[str]) -> pa.Schema:
    """Schema of plain columns: numbers as float64; categories and identifiers as text."""
    numeric = {name: use_case.column(name).numeric for name in columns}
    return pa.schema(
        [(name, pa.float64() if numeric[name] else pa.string()) for name in columns],
    )


def promise(use_case: UseCase, columns: Sequence[str]) -> Payload:
    """What a step that sends these columns of real people promises."""
    return Payload(kind=PayloadKind.ROWS, schema=column_schema(use_case, columns))


def every_column(use_case: UseCase) -> tuple[str, ...]:
    """All columns that the use case may touch, direct identifiers included."""
    return tuple(column.name for column in use_case.columns)


def member_rows(premises: Premises, columns: Sequence[str]) -> pa.Table:
    """Training rows in the store's order, typed as `column_schema` says."""
    return units_and_rows(premises, columns)[1]


def units_and_rows(premises: Premises, columns: Sequence[str]) -> tuple[Units, pa.Table]:
    """Whose each training row is, shape (n,), and the n rows, in the store's order."""
    schema = column_schema(premises.use_case, columns)
    kinds = {pa.float64(): "double", pa.string(): "varchar"}
    chosen = [
        f"cast({sql.name(field.name)} as {kinds[field.type]}) as {sql.name(field.name)}"
        for field in schema
    ]
    table = premises.query(f"select {', '.join(['unit', *chosen])} from people")
    units: Units = np.asarray(table.column("unit"), dtype=np.int64)
    return units, table.drop_columns("unit").cast(schema)


def in_content_order(table: pa.Table) -> pa.Table:
    """The rows sorted by their own values, because the store's order follows the person id."""
    return table.sort_by([(name, "ascending") for name in table.column_names])
