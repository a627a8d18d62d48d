"""Pseudonymisation: direct identifiers replaced by a keyed pseudonym that only the force can redo.

HMAC-SHA256 (FIPS 198-1) under the force's own secret, as ENISA's "Pseudonymisation techniques
and best practices" (2019) recommends over a plain hash, which anyone can repeat over all names.
"""

import hmac
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation.contract.errors import NotApplicableError
from minimisation.contract.release import Microdata, Release
from minimisation.contract.steps import Payload, PayloadKind, Premises
from minimisation.contract.tables import PERSON
from minimisation.contract.usecase import UseCase
from minimisation.forces.ask import Forces
from minimisation.options import rows

PSEUDONYM = "pseudonym"
"""Column that stands for the person id."""

DIGITS = 32
"""Hexadecimal digits kept of each digest: 128 bits, so that two people never share one."""

REMAINS_PERSONAL = (
    "Pseudonymised rows remain personal data: the force can redo a pseudonym, and the other"
    " columns can still single a person out."
)
"""Remark of every release."""


def identity(use_case: UseCase) -> str:
    """The identifier that gets a pseudonym: the person id, or else the first one declared.

    Raises:
        NotApplicableError: if the use case declares no direct identifier.
    """
    if not use_case.identifiers:
        raise NotApplicableError("the use case declares no direct identifier to replace")
    return PERSON if PERSON in use_case.identifiers else use_case.identifiers[0]


def pseudonym(secret: bytes, purpose: str, identifier: str) -> str:
    """Keyed pseudonym of an identifier, different for every force and purpose.

    Args:
        secret: the force's key.
        purpose: name of the use case, so that two purposes' releases cannot be joined by it.
        identifier: the direct identifier.
    """
    message = f"{purpose}\x00{identifier}".encode()
    return hmac.digest(secret, message, "sha256").hex()[:DIGITS]


@dataclass(frozen=True, kw_only=True)
class SendPseudonymisedRows:
    """Sends every column but the direct identifiers, and a pseudonym in their place."""

    name: ClassVar[str] = "send-pseudonymised-rows"

    def sends(self, use_case: UseCase) -> Payload:
        """Real rows: a pseudonym, then every column that is no direct identifier."""
        identity(use_case)
        schema = rows.column_schema(use_case, _others(use_case))
        return Payload(
            kind=PayloadKind.ROWS, schema=schema.insert(0, pa.field(PSEUDONYM, pa.string()))
        )

    def run(self, premises: Premises) -> pa.Table:
        """Replace the identifier; the order of rows follows what is sent, not the identifier."""
        use_case = premises.use_case
        identifier = identity(use_case)
        others = _others(use_case)
        table = rows.member_rows(premises, (identifier, *others))
        known = table.column(identifier).combine_chunks().dictionary_encode()
        replaced = [
            pseudonym(premises.secret, use_case.name, value) for value in known.dictionary.tolist()
        ]
        column = pa.array(replaced, pa.string()).take(known.indices)
        return rows.in_content_order(table.select(others).add_column(0, PSEUDONYM, column))


@dataclass(frozen=True, kw_only=True)
class Pseudonymisation:
    """Rows of real people under keyed pseudonyms: still personal data, for whoever holds them."""

    name: ClassVar[str] = "pseudonymisation"
    summary: ClassVar[str] = (
        "Every row leaves with every column, except that a keyed pseudonym replaces the direct"
        " identifiers; it remains personal data."
    )
    keeps_direct_identifiers: ClassVar[bool] = False

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Pool the pseudonymised rows; `rng` is not needed.

        Raises:
            NotApplicableError: if the use case declares no direct identifier.
            PolicyError: if a force refused or failed.
        """
        del rng
        identity(use_case)
        return Release(
            artefact=Microdata(table=forces.ask(SendPseudonymisedRows()).stacked()),
            remarks=(REMAINS_PERSONAL,),
        )


def _others(use_case: UseCase) -> tuple[str, ...]:
    return tuple(c.name for c in use_case.columns if c.role != "direct_identifier")
