"""A subsample: the raw rows of a share of people, the rest left at home.

The yardstick for options that promise more protection: less useful, and no risk for those left
out. On the risk of a sample: Skinner and Elliot, "A measure of disclosure risk for microdata",
JRSS B 64 (2002).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation.contract.release import Microdata, Release
from minimisation.contract.steps import Payload, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces.ask import Forces
from minimisation.options import rows


@dataclass(frozen=True, kw_only=True)
class SendSampledRows:
    """Sends every column of all rows of people drawn without replacement."""

    name: ClassVar[str] = "send-sampled-rows"
    share: float
    """Share of the force's people, in (0, 1]; at least one person is drawn."""
    seed: int
    """Seed of the draw; every force spawns its own generator from it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Real rows of every declared column."""
        return rows.promise(use_case, rows.every_column(use_case))

    def run(self, premises: Premises) -> pa.Table:
        """Draw people, then read all their rows."""
        owner, table = rows.units_and_rows(premises, rows.every_column(premises.use_case))
        units = np.unique(owner)
        size = min(len(units), max(1, round(self.share * len(units))))
        drawn = premises.rng(self.seed).choice(units, size=size, replace=False)
        return table.filter(pa.array(np.isin(owner, drawn)))


@dataclass(frozen=True, kw_only=True)
class Subsample:
    """The raw rows of a share of each force's people."""

    summary: ClassVar[str] = (
        "Every row and every column of a random share of people leaves, direct identifiers"
        " included; nothing leaves about the others."
    )
    keeps_direct_identifiers: ClassVar[bool] = True
    share: float = 0.05
    """Share of people, in (0, 1]."""

    def __post_init__(self) -> None:
        """Refuse an impossible share.

        Raises:
            ValueError: naming the rule.
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"share ({self.share}) must be above 0 and at most 1")

    @property
    def name(self) -> str:
        """Name in plans and reports: `subsample-5` for a share of 5 %."""
        return f"subsample-{self.share * 100:g}"

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Pool the sampled people's rows.

        Raises:
            PolicyError: if a force refused or failed.
        """
        del use_case
        step = SendSampledRows(share=self.share, seed=int(rng.integers(2**63)))
        return Release(artefact=Microdata(table=forces.ask(step).stacked(), share=self.share))
