"""A step: the one way an option gets anything out of a force."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.usecase import UseCase


class PayloadKind(Enum):
    """What sort of thing leaves; a force approves kinds, and the report shows them."""

    ROWS = "rows"
    """One row per person or record, real values: person-level."""
    SYNTHETIC_ROWS = "synthetic rows"
    """Rows drawn from a model fitted in the force; a model may still remember people."""
    STATISTICS = "statistics"
    """Aggregates over groups."""
    UPDATE = "model update"
    """Parameters, gradients or their sums."""
    NOTHING = "nothing"
    """An empty acknowledgement; the result stays with the force."""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The promise a step makes about what it sends, checked before and after it runs."""

    kind: PayloadKind
    """What sort of thing leaves."""
    schema: pa.Schema
    """Exact column names and types."""
    most_rows: int | None = None
    """Most rows, by public facts; None only for row payloads."""
    low: float | None = None
    """Smallest numeric value allowed; None: not limited."""
    high: float | None = None
    """Largest numeric value allowed; None: not limited."""

    def __post_init__(self) -> None:
        """Refuse a payload without a public size.

        Raises:
            ValueError: if anything but rows leaves `most_rows` open.
        """
        rows = (PayloadKind.ROWS, PayloadKind.SYNTHETIC_ROWS)
        if self.most_rows is None and self.kind not in rows:
            raise ValueError(
                f"most_rows (None) must be a public number for a payload of {self.kind.value}"
            )


def no_payload() -> Payload:
    """The promise of a step that sends nothing."""
    return Payload(kind=PayloadKind.NOTHING, schema=pa.schema([]), most_rows=0)


@dataclass(frozen=True, kw_only=True)
class Premises:
    """What a step finds inside a force while it runs; gone when it returns."""

    force: str
    """Name of the force."""
    use_case: UseCase
    """The approved use case."""
    people: duckdb.DuckDBPyRelation
    """The force's *training* rows: `unit` (one number per person or record, meaningless outside)
    and the use case's columns. Held-out people are never in it."""
    inputs: pa.Table | None
    """What the option sent along to this force."""
    secret: bytes = field(repr=False)
    """32 bytes that only this force holds, for keyed pseudonyms."""
    hold: Callable[[str, object], None] = field(repr=False)
    """Keep an artefact inside the force under a key, for a release that is `Held`."""
    recall: Callable[[str], object | None] = field(default=lambda _: None, repr=False)
    """What `hold` kept under a key since the store was opened, or None."""
    memory: MutableMapping[str, bytes] = field(default_factory=dict, repr=False)
    """What this force must remember from one step to the next, such as keys; it never leaves."""

    def rng(self, seed: int) -> np.random.Generator:
        """A generator of its own for this force, from the seed a step carries."""
        return np.random.default_rng([seed, *self.force.encode()])

    def query(self, sql: str) -> pa.Table:
        """Run SQL in which `people` is the training relation; returns all rows."""
        return self.people.query("people", sql).to_arrow_table()


class Step(Protocol):
    """A frozen, serialisable value that a force approves by name and runs on its own people."""

    @property
    def name(self) -> str:
        """Kebab-case name by which a force's policy approves or refuses it."""

    def sends(self, use_case: UseCase) -> Payload:
        """What it promises to send, from public facts only."""

    def run(self, premises: Premises) -> pa.Table:
        """Do the work inside the force; the boundary checks and meters the result."""


class PrivateMechanism(Step, Protocol):
    """A step whose privacy loss the boundary charges, because its code is registered there.

    The cost is computed by registered code from public parameters, never stated by an option.
    """

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        """Privacy loss of running it once in one force."""


@runtime_checkable
class Guarded(Protocol):
    """A step that a force may have to turn away because of what it remembers."""

    def objection(self, use_case: UseCase, memory: Mapping[str, bytes]) -> str | None:
        """The rule that forbids it now, or None; asked before anything is charged."""
