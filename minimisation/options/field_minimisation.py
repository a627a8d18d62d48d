"""Field minimisation: only the columns that the question needs leave (DPA 2018 s.37)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation.contract.errors import NotApplicableError
from minimisation.contract.release import Microdata, Release
from minimisation.contract.steps import Payload, Premises
from minimisation.contract.usecase import UseCase
from minimisation.forces.ask import Forces
from minimisation.options import rows


def needed_columns(use_case: UseCase) -> tuple[str, ...]:
    """Columns that the question needs, never a direct identifier.

    Raises:
        NotApplicableError: if the question needs a direct identifier, or no column at all.
    """
    named = sorted(set(use_case.needed) & set(use_case.identifiers))
    if named:
        raise NotApplicableError(f"columns ({', '.join(named)}) must not be direct identifiers")
    if not use_case.needed:
        raise NotApplicableError("question must need at least one column besides the force")
    return use_case.needed


@dataclass(frozen=True, kw_only=True)
class SendNeededFields:
    """Sends the needed columns of every row, in the order of their values."""

    name: ClassVar[str] = "send-needed-fields"

    def sends(self, use_case: UseCase) -> Payload:
        """Real rows of the needed columns."""
        return rows.promise(use_case, needed_columns(use_case))

    def run(self, premises: Premises) -> pa.Table:
        """Read them."""
        columns = needed_columns(premises.use_case)
        return rows.in_content_order(rows.member_rows(premises, columns))


@dataclass(frozen=True, kw_only=True)
class FieldMinimisation:
    """Rows of real people, cut down to the columns that the question needs."""

    name: ClassVar[str] = "field-minimisation"
    summary: ClassVar[str] = (
        "Every row leaves with only the columns that the question needs, without direct"
        " identifiers."
    )
    keeps_direct_identifiers: ClassVar[bool] = False

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Pool the needed columns; `rng` is not needed.

        Raises:
            NotApplicableError: if the question needs a direct identifier or no column.
            PolicyError: if a force refused or failed.
        """
        del rng
        needed_columns(use_case)
        return Release(artefact=Microdata(table=forces.ask(SendNeededFields()).stacked()))
