"""What was made from which snapshots: releases, synthetic tables, models, evidence rows, caches.

A person's influence on a release or a model that is out cannot be taken back; it can be known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from minimisation.forces.log import Log


class Kind(Enum):
    """Sort of derivative."""

    RELEASE = "release"
    SYNTHETIC = "synthetic table"
    MODEL = "model"
    EVIDENCE = "evidence"
    CACHE = "cache"


@dataclass(frozen=True, kw_only=True)
class Derivative:
    """Something that was made from stores."""

    name: str
    """What it is called, such as an option and a plan."""
    kind: Kind
    """Sort."""
    digest: str
    """Digest of its content."""
    snapshots: Mapping[str, str]
    """Force → snapshot that it was made from."""
    files: tuple[str, ...] = ()
    """Files in the workspace that hold it."""
    epsilon: float | None = None
    """Privacy loss of a formally private release; None: no formal guarantee."""
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When."""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """The derivatives that one force's snapshots went into."""

    log: Log
    """The force's chained log of them."""

    def record(self, derivative: Derivative) -> None:
        """Note a derivative."""
        self.log.append(
            {
                "name": derivative.name,
                "kind": derivative.kind.value,
                "digest": derivative.digest,
                "snapshots": dict(derivative.snapshots),
                "files": list(derivative.files),
                "epsilon": derivative.epsilon,
                "made": derivative.made.isoformat(timespec="seconds"),
            }
        )

    def of(self, force: str, snapshots: frozenset[str]) -> tuple[Derivative, ...]:
        """Derivatives that any of a force's snapshots went into."""
        return tuple(each for each in self.all() if each.snapshots.get(force) in snapshots)

    def all(self) -> tuple[Derivative, ...]:
        """Every derivative noted, in order."""
        return tuple(
            Derivative(
                name=entry["name"],
                kind=Kind(entry["kind"]),
                digest=entry["digest"],
                snapshots=entry["snapshots"],
                files=tuple(entry["files"]),
                epsilon=entry["epsilon"],
                made=datetime.fromisoformat(entry["made"]),
            )
            for entry in self.log.entries()
        )
