"""What a force permits. The default permits nothing."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from minimisation.contract.steps import Payload, PayloadKind, Step
from minimisation.contract.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A force's own rules, checked at its boundary before and after a step runs."""

    use_cases: frozenset[str] = frozenset()
    """Approved use cases, by name."""
    steps: frozenset[str] = frozenset()
    """Approved steps, by name."""
    kinds: frozenset[PayloadKind] = frozenset()
    """Kinds of payload that may leave."""
    minimum_contributors: int = 1
    """Fewest people (or records) whose data a step may run on."""
    most_bytes: int | None = None
    """Largest payload, in bytes on the wire; None: not limited."""
    epsilon: float = 0.0
    """Privacy budget of the period for this purpose."""
    delta: float = 0.0
    """Delta budget of the period for this purpose."""

    def objection(self, step: Step, use_case: UseCase, contributors: int) -> str | None:
        """The first rule that forbids the step, or None. Depends on no cell of data."""
        if use_case.name not in self.use_cases:
            return f"use case '{use_case.name}' is not approved"
        if step.name not in self.steps:
            return f"step '{step.name}' is not approved"
        kind = step.sends(use_case).kind
        if kind is not PayloadKind.NOTHING and kind not in self.kinds:
            allowed = ", ".join(sorted(k.value for k in self.kinds)) or "nothing"
            return f"a payload of {kind.value} may not leave; permitted: {allowed}"
        if contributors < self.minimum_contributors:
            return f"fewer than {self.minimum_contributors} contributors"
        return None

    def objection_to_payload(self, promise: Payload, table: pa.Table, size: int) -> str | None:
        """The first rule that what came out breaks, or None."""
        if not table.schema.equals(promise.schema):
            return "the payload's columns or types are not the ones that were approved"
        if promise.most_rows is not None and table.num_rows > promise.most_rows:
            return "the payload has more rows than its public size"
        if self.most_bytes is not None and size > self.most_bytes:
            return f"the payload is larger than {self.most_bytes} bytes"
        return _out_of_range(promise, table)


def _out_of_range(promise: Payload, table: pa.Table) -> str | None:
    if promise.low is None and promise.high is None:
        return None
    for field in table.schema:
        if not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
            continue
        column = table.column(field.name)
        extremes = pc.min_max(column).as_py()
        if pa.types.is_floating(field.type) and pc.all(pc.is_finite(column)).as_py() is False:
            return f"column '{field.name}' of the payload is not finite"
        low, high = extremes["min"], extremes["max"]
        below = promise.low is not None and low is not None and low < promise.low
        above = promise.high is not None and high is not None and high > promise.high
        if below or above:
            return f"column '{field.name}' of the payload is outside its public range"
    return None
