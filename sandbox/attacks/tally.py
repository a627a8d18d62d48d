"""Successes of an attack, counted by what it was run on and whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa

from sandbox.attacks.attack import Array
from sandbox.attacks.targets import EVERYONE, Flags
from sandbox.findings import Finding
from sandbox.rates import Rate

SCHEMA = pa.schema(
    [
        ("attack", pa.string()),
        ("what", pa.string()),
        ("source", pa.int64()),
        ("inside", pa.int64()),
        ("group", pa.string()),
        ("tries", pa.float64()),
        ("hits", pa.float64()),
    ]
)
"""What a force reports: additive counts."""

CHANCE = 3.29
"""Standard deviations within which 99.9 % of guesses fall; controls are tried so often that at
95 % many a sound trial would be thrown away."""

FEWEST = 30
"""Groups with fewer attacked people on either side are too small to report."""


class Source(IntEnum):
    """What the attack was run on."""

    RELEASE = 0
    """The release."""
    COPY = 1
    """A release that gives people away: a raw copy of all members, or one made of a few."""
    STRANGERS = 2
    """A release of the same kind made of other people."""
    REFERENCE = 3
    """The attacker's own knowledge of the population, laid out in the same way: guessing."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts of one attack over the forces."""

    counts: Mapping[tuple[str, int, int, str], Rate]
    """(what, source, inside, group) → hits and tries."""

    @classmethod
    def of(cls, tables: Iterable[pa.Table], attack: str = "") -> "Tally":
        """Add up what the forces reported, of one attack or of all."""
        total: dict[tuple[str, int, int, str], Rate] = {}
        for table in tables:
            for row in table.to_pylist():
                if attack and row["attack"] != attack:
                    continue
                key = (row["what"], row["source"], row["inside"], row["group"])
                old = total.get(key, Rate(hits=0.0, tries=0.0))
                total[key] = Rate(hits=old.hits + row["hits"], tries=old.tries + row["tries"])
        return cls(counts=total)

    def rate(self, what: str, source: Source, *, inside: bool, group: str = EVERYONE) -> Rate:
        """Hits and tries of one cell; none if it was not run."""
        return self.counts.get((what, int(source), int(inside), group), Rate(hits=0.0, tries=0.0))

    @property
    def whats(self) -> tuple[str, ...]:
        """What was tried, in order."""
        return tuple(dict.fromkeys(key[0] for key in self.counts))

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups other than everyone, in order."""
        return tuple(dict.fromkeys(key[3] for key in self.counts if key[3] != EVERYONE))


def rows(
    source: Source,
    hits: Mapping[str, Array],
    groups: Mapping[str, Flags] | None = None,
    *,
    inside: bool,
    attack: str = "",
) -> list[dict[str, object]]:
    """Counts of one run, as rows of `SCHEMA`.

    Args:
        source: what the attack was run on.
        hits: what was tried → (n,) successes, zeros and ones.
        groups: group → (n,) which of the attacked belong to it; everyone together if None.
        inside: whether the attacked are members.
        attack: its name.
    """
    if groups is None:
        groups = {EVERYONE: np.ones(len(next(iter(hits.values()))), dtype=np.bool_)}
    return [
        {
            "attack": attack,
            "what": what,
            "source": int(source),
            "inside": int(inside),
            "group": group,
            "tries": float(np.sum(belongs)),
            "hits": float(np.sum(np.asarray(found)[belongs])),
        }
        for what, found in hits.items()
        for group, belongs in groups.items()
    ]


def none(measure: str, note: str, *, attack: str) -> Finding:
    """A figure that cannot be given, and why."""
    return Finding(measure=measure, value=None, better="neither", attack=attack, note=note)
