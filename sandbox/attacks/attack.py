"""What an attack is: background knowledge, a score per candidate, and what it needs to run."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import UseCase
from minimisation.contract.release import Artefact
from sandbox.findings import Needs

Array = npt.NDArray[np.float64]

__all__ = ["Array", "Attack", "Known", "Needs"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the attacker knows about people of one force."""

    force: str
    """Whose people are attacked."""
    candidates: pa.Table
    """One record per person attacked, in an order that tells nothing; half are members."""
    reference: pa.Table
    """Records of other people of the same population, none of whom is a member or attacked."""


class Attack(Protocol):
    """A frozen value; higher scores mean that the attacker is surer."""

    @property
    def name(self) -> str:
        """Snake-case name."""

    @property
    def needs(self) -> Needs:
        """Whether the release is enough, or the option has to be run again (not on real data)."""

    @property
    def background(self) -> str:
        """What the attacker is taken to know."""

    def scores(self, artefact: Artefact, use_case: UseCase, known: Known) -> Array:
        """Score of every candidate, in [0, 1]. Shape (n,)."""
