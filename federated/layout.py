"""What crosses a force's boundary in a federated round: one column of numbers, nothing else.

Names and shapes are public facts that both sides derive from the use case, so they are not sent.
The boundary can then check type, size and range of everything that leaves.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Payload, PayloadKind, PolicyError, Step, UseCase

Values = Mapping[str, npt.ArrayLike]
"""Name → array, or number."""

COLUMN = "value"
"""The one column of a payload."""

ROUND, EXAMPLES = "server-round", "num-examples"
"""Names that Flower's strategies use: the number of the round, and the weight of a reply."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Named arrays and single numbers, one after the other in one column."""

    arrays: tuple[tuple[str, tuple[int, ...]], ...]
    """Name and shape of each array, in order; an array is laid out row by row."""
    scalars: tuple[str, ...] = ()
    """Names of single numbers, after the arrays."""
    type: pa.DataType = field(default_factory=pa.float64)
    """Type of every number."""
    fill: int | None = None
    """With what a single row of numbers that comes shorter is filled up; None: none may be."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape, in order; a single number has the shape ()."""
        return dict(self.arrays) | dict.fromkeys(self.scalars, ())

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def schema(self) -> pa.Schema:
        """Schema of the table that carries them; without a column if there are none."""
        return pa.schema([(COLUMN, self.type)] if self.shapes else [])

    def promise(self, *, low: float | None, high: float | None) -> Payload:
        """The promise to send exactly this, every number in [low, high]; None: not limited."""
        return Payload(
            kind=PayloadKind.UPDATE, schema=self.schema, most_rows=self.size, low=low, high=high
        )

    def table(self, values: Values) -> pa.Table:
        """Lay values out, shape (size, 1).

        Raises:
            ValueError: if a name is missing or a shape differs.
        """
        parts, kind = [], self.type.to_pandas_dtype()
        for name, shape in self.shapes.items():
            found = np.asarray(values[name], dtype=kind) if name in values else None
            if found is not None and self.fill is not None and found.ndim == len(shape) == 1:
                missing = max(shape[0] - len(found), 0)
                found = np.pad(found, (0, missing), constant_values=self.fill)
            if found is None or found.shape != shape:
                raise ValueError(f"array '{name}' must be given with shape {shape}")
            parts.append(found.ravel())
        if not parts:
            return self.schema.empty_table()
        return pa.table({COLUMN: np.concatenate(parts)}, schema=self.schema)

    def values(self, table: pa.Table) -> dict[str, npt.NDArray[Any]]:
        """Read values back, by name.

        Raises:
            PolicyError: if the table does not hold exactly these finite numbers.
        """
        if not table.schema.equals(self.schema) or table.num_rows != self.size:
            raise PolicyError(f"a message must be one column '{COLUMN}' of {self.size} numbers")
        flat = table.column(COLUMN).to_numpy() if self.shapes else np.zeros(0)
        if not np.isfinite(flat).all():
            raise PolicyError("every number of a message must be finite")
        found, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            found[name] = flat[start:end].reshape(shape)
            start = end
        return found


NO_NUMBERS = Layout(arrays=())
"""The layout of a message that only asks, or only acknowledges."""


class ClientStep(Step, Protocol):
    """A step that answers a Flower message: it states what it takes and what it gives."""

    def takes(self, use_case: UseCase) -> Layout:
        """What the server sends: model arrays, and numbers of the round's configuration."""

    def gives(self, use_case: UseCase) -> Layout:
        """What the force sends back: arrays, and numbers that become metrics."""


class SummedStep(ClientStep, Protocol):
    """A step whose numbers are sums over people, so that forces' replies may be added up."""

    def bounds(self, use_case: UseCase) -> Values:
        """The most that one person adds to each number, in absolute value; by public facts."""
