"""How anything is judged: a measure runs inside each force and returns figures that add up."""

from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa

from minimisation.contract.release import Artefact
from minimisation.contract.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a measure finds inside a force while it runs."""

    force: str
    """Name of the force."""
    use_case: UseCase
    """The use case."""
    members: duckdb.DuckDBPyRelation
    """Training rows: the people the option saw. Columns as in `Premises.people`, plus
    `share`, a number in [0, 1) from a keyed hash of the person, the same in every run."""
    held_out: duckdb.DuckDBPyRelation
    """Rows of people whom no option saw; same columns."""
    artefact: Artefact
    """The release, or this force's own artefact where the release is `Held`."""
    seed: int
    """Seed of the assessment; equal for all options, so that differences are paired."""
    secret: bytes = field(repr=False)
    """The force's key."""

    def rng(self) -> np.random.Generator:
        """A generator of its own for this force; the same for every option and repeat."""
        return np.random.default_rng([self.seed, *self.force.encode()])


class Measure(Protocol):
    """A frozen value that observes inside each force; its tables add up across forces."""

    @property
    def name(self) -> str:
        """Kebab-case name, written to the force's audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Exact schema of what `observe` returns; the boundary checks it."""

    def observe(self, scene: Scene) -> pa.Table:
        """Compute this force's contribution."""
