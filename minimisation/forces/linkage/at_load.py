"""Linkage tokens made while a force's people are loaded, so that folds are cut alike in all forces.

The force keeps the token; the identities that it was made of need not be stored for it.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import duckdb

from minimisation.forces.linkage.exact import DIGITS, Identity, blind

LINKED = "linked"
"""Temporary table: person id, and the token made for them."""


class Holder(Protocol):
    """The linkage holder, here or at the other end of a wire."""

    def tokens(self, force: str, blinded: Sequence[bytes | None]) -> list[str | None]:
        """Linkage tokens in the order sent."""


@dataclass(frozen=True, kw_only=True)
class Linkage:
    """How a force comes by the linkage tokens of its people."""

    study_key: bytes = field(repr=False)
    """Shared by the forces, unknown to the holder."""
    holder: Holder
    """Holds the linkage key and no data."""

    def tokens(self, force: str, people: Mapping[str, Identity]) -> dict[str, str]:
        """Person id → token; equal for the same identity in any force.

        Whoever has no complete identity gets a token of this force alone: they fall into a fold of
        their own, which is not the same in another force.
        """
        ids = list(people)
        blinded = dict(zip(ids, blind(self.study_key, list(people.values())), strict=True))
        # sent in the order of their hashes, which tells the holder nothing
        sent = sorted({each for each in blinded.values() if each is not None})
        given = dict(zip(sent, self.holder.tokens(force, sent), strict=True))
        return {
            person: (given.get(one) if one is not None else None) or self._own(force, person)
            for person, one in blinded.items()
        }

    def link(self, connection: duckdb.DuckDBPyConnection, force: str, identities: str) -> None:
        """Make the temporary table `linked`.

        Args:
            connection: fills the force's new store.
            force: its name.
            identities: query of person id, given name, family name, birth date, postcode.
        """
        people = {
            str(person): Identity(
                given_name=str(given or ""),
                family_name=str(family or ""),
                birth_date=str(born or "")[: len("2000-01-01")],
                postcode=str(postcode or ""),
            )
            for person, given, family, born, postcode in connection.execute(identities).fetchall()
        }
        tokens = self.tokens(force, people)
        connection.execute(
            f"create or replace temp table {LINKED} as select unnest($people::varchar[]) as person,"
            " unnest($tokens::varchar[]) as token",
            {"people": list(tokens), "tokens": list(tokens.values())},
        )

    def _own(self, force: str, person: str) -> str:
        message = f"{force}\x1f{person}".encode()
        return hmac.digest(self.study_key, message, hashlib.sha256).hex()[:DIGITS]
