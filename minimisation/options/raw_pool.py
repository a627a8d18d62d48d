"""The raw pool: every column of every person, direct identifiers included, in one place.

The ceiling of usefulness and of risk, against which every other option is read.
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
class SendRawRows:
    """Sends every column of every row."""

    name: ClassVar[str] = "send-raw-rows"

    def sends(self, use_case: UseCase) -> Payload:
        """Real rows of every declared column."""
        return rows.promise(use_case, rows.every_column(use_case))

    def run(self, premises: Premises) -> pa.Table:
        """Read them."""
        return rows.member_rows(premises, rows.every_column(premises.use_case))


@dataclass(frozen=True, kw_only=True)
class RawPool:
    """Every row of every force, pooled as it is."""

    name: ClassVar[str] = "raw-pool"
    summary: ClassVar[str] = "Every row and every column leaves, direct identifiers included."
    keeps_direct_identifiers: ClassVar[bool] = True

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Pool the rows; needs neither `use_case` nor `rng`.

        Raises:
            PolicyError: if a force refused or failed.
        """
        del use_case, rng
        return Release(artefact=Microdata(table=forces.ask(SendRawRows()).stacked()))
