"""What a force permits. The default permits nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from minimisation.contract.steps import Payload, PayloadKind, Step
from minimisation.contract.usecase import UseCase
from minimisation.forces.code_digest import code_digest

COUNTS = ("rows", "persons", "n")
"""Columns of statistics that count people or records; also any called `count_…`."""


Period: TypeAlias = Literal["week", "month", "year"]
"""How long a budget lasts, by the calendar in UTC."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A privacy budget of a period."""

    epsilon: float
    """Most epsilon."""
    delta: float = 0.0
    """Most delta."""
    period: Period = "year"
    """How long it lasts."""


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
    """Fewest people (or records) whose data a step may run on that is no private mechanism."""
    most_bytes: int | None = None
    """Largest payload, in bytes on the wire; None: not limited."""
    epsilon: float = 0.0
    """Privacy budget of the period for this purpose."""
    delta: float = 0.0
    """Delta budget of the period for this purpose."""
    period: Period = "year"
    """How long they last."""
    cap: Budget | None = None
    """Budget of the force over all purposes and analysts; None: a purpose's own budget is that of
    all its analysts together."""
    assessments: int = 10_000
    """Private mechanisms that may be run in a year for assessment, in controlled access."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Step → digest of the code that was approved; a step that is not listed may change."""
    who: frozenset[str] | None = None
    """Fingerprints of the actors' keys that may ask; None: whoever runs the process."""
    minimum_cell: int = 0
    """Smallest count, other than zero, in statistics that carry no formal guarantee."""

    @property
    def budget(self) -> Budget:
        """Privacy budget of this purpose."""
        return Budget(epsilon=self.epsilon, delta=self.delta, period=self.period)

    def objection_to_asker(self, fingerprint: str) -> str | None:
        """The rule that forbids somebody to ask at all, or None.

        Args:
            fingerprint: of the key that was proved; empty if none was.
        """
        if self.who is not None and fingerprint not in self.who:
            return "the asker is not one who may ask"
        return None

    def objection(self, step: Step, use_case: UseCase, contributors: int | None) -> str | None:
        """The first rule that forbids the step, or None. Depends on no cell of data.

        Args:
            step: what is to run.
            use_case: for which use case.
            contributors: people whose data it runs on; None for a private mechanism, whose noise
                hides how many there are: a refusal for their number would tell it.
        """
        if use_case.name not in self.use_cases:
            return f"use case '{use_case.name}' is not approved"
        if step.name not in self.steps:
            return f"step '{step.name}' is not approved"
        if (approved := self.digests.get(step.name)) and code_digest(type(step)) != approved:
            return f"the code of step '{step.name}' is not the code that was approved"
        kind = step.sends(use_case).kind
        if kind is not PayloadKind.NOTHING and kind not in self.kinds:
            allowed = ", ".join(sorted(k.value for k in self.kinds)) or "nothing"
            return f"a payload of {kind.value} may not leave; permitted: {allowed}"
        if contributors is not None and contributors < self.minimum_contributors:
            return f"fewer than {self.minimum_contributors} contributors"
        return None

    def objection_to_payload(
        self, promise: Payload, table: pa.Table, size: int, *, private: bool = False
    ) -> str | None:
        """The first rule that what came out breaks, or None.

        Args:
            promise: what the step said that it would send.
            table: what it sends.
            size: bytes on the wire.
            private: whether a registered private mechanism made it.
        """
        if not table.schema.equals(promise.schema):
            return "the payload's columns or types are not the ones that were approved"
        if promise.most_rows is not None and table.num_rows > promise.most_rows:
            return "the payload has more rows than its public size"
        if self.most_bytes is not None and size > self.most_bytes:
            return f"the payload is larger than {self.most_bytes} bytes"
        if promise.kind is PayloadKind.STATISTICS and not private and self._small(table):
            return f"a cell counts fewer than {self.minimum_cell}"
        return _out_of_range(promise, table)

    def _small(self, table: pa.Table) -> bool:
        counts = [f.name for f in table.schema if f.name in COUNTS or f.name.startswith("count_")]
        for name in counts:
            column = table.column(name)
            low = pc.and_(pc.greater(column, 0), pc.less(column, self.minimum_cell))
            if pc.any(low).as_py():
                return True
        return False


def _out_of_range(promise: Payload, table: pa.Table) -> str | None:
    if promise.low is None and promise.high is None:
        return None
    for each in table.schema:
        if not (pa.types.is_floating(each.type) or pa.types.is_integer(each.type)):
            continue
        column = table.column(each.name)
        extremes = pc.min_max(column).as_py()
        if pa.types.is_floating(each.type) and pc.all(pc.is_finite(column)).as_py() is False:
            return f"column '{each.name}' of the payload is not finite"
        low, high = extremes["min"], extremes["max"]
        below = promise.low is not None and low is not None and low < promise.low
        above = promise.high is not None and high is not None and high > promise.high
        if below or above:
            return f"column '{each.name}' of the payload is outside its public range"
    return None
