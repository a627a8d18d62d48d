"""What comes back from an ask: payloads, refusals and failures, each a value."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from minimisation.contract.errors import PolicyError
from minimisation.contract.usecase import FORCE


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A force said no. A value, not an exception: others may still answer."""

    force: str
    """Who refused."""
    rule: str
    """The rule, which depends on public facts only."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A force could not answer: an error or a missed deadline."""

    force: str
    """Who failed."""
    reason: str
    """The kind of failure; never the data that caused it."""


@dataclass(frozen=True, kw_only=True)
class Replies:
    """What came back from an ask."""

    payloads: Mapping[str, pa.Table]
    """Force → payload, in the forces' order."""
    refusals: tuple[Refusal, ...] = ()
    """Forces that refused."""
    failures: tuple[Failure, ...] = ()
    """Forces that failed."""

    def complete(self) -> Mapping[str, pa.Table]:
        """All payloads, provided every force answered.

        Raises:
            PolicyError: naming the forces that did not, and why.
        """
        reasons = [f"{r.force} refused ({r.rule})" for r in self.refusals]
        reasons += [f"{f.force} failed ({f.reason})" for f in self.failures]
        if reasons:
            raise PolicyError(f"every force must answer: {'; '.join(reasons)}")
        return self.payloads

    def stacked(self) -> pa.Table:
        """All payloads as one table with a leading `force` column, provided every force answered.

        Raises:
            PolicyError: as `complete`.
        """
        parts = []
        for force, payload in self.complete().items():
            names = pa.array([force] * payload.num_rows, pa.string())
            parts.append(payload.add_column(0, FORCE, names))
        return pa.concat_tables(parts)
