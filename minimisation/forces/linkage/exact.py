"""Linkage tokens: keyed hashes of canonical identities, under two keys that no one party holds.

Each force hashes under a study key that the forces share; a third party hashes the result again
under its linkage key. The third party sees no identity and cannot guess one without the study key;
a force cannot make the token of somebody whom it has not sent without the third party, who counts.
Both are HMAC-SHA-256 (FIPS 198-1).
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from minimisation.contract.errors import PolicyError
from minimisation.forces.canonical import canonical

DIGITS = 32
"""Hexadecimal digits of a token: 128 bits."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What identifies a person in any force."""

    given_name: str
    """First given name."""
    family_name: str
    """Family name."""
    birth_date: str
    """ISO date."""
    postcode: str = ""
    """Postcode, where it is part of the key; people move."""

    @property
    def text(self) -> str:
        """Letters and digits only, so that O'Neil is ONEIL; empty if incomplete."""
        parts = (self.given_name, self.family_name, self.birth_date)
        plain = [re.sub(r"[\W_]+", "", canonical(part)) for part in (*parts, self.postcode)]
        return "\x1f".join(plain) if all(plain[: len(parts)]) else ""


def blind(study_key: bytes, identities: Sequence[Identity]) -> list[bytes | None]:
    """What a force sends to the linkage holder; None for an incomplete identity.

    Args:
        study_key: shared by the forces, unknown to the holder.
        identities: of the force's people, in any order but the data's own.
    """
    return [
        hmac.digest(study_key, identity.text.encode(), hashlib.sha256) if identity.text else None
        for identity in identities
    ]


@dataclass(kw_only=True)
class LinkageHolder:
    """The third party: holds the linkage key and no data."""

    key: bytes = field(repr=False)
    """The linkage key."""
    most: int = 5_000_000
    """Most tokens that one force may ask for, so that it cannot try out all names."""
    asked: dict[str, int] = field(default_factory=dict)
    """Force → tokens given."""

    def tokens(self, force: str, blinded: Sequence[bytes | None]) -> list[str | None]:
        """Linkage tokens in the order sent; equal for the same identity in any force.

        Raises:
            PolicyError: if the force has asked for more than its share.
        """
        count = self.asked.get(force, 0) + sum(each is not None for each in blinded)
        if count > self.most:
            raise PolicyError(f"force '{force}' must not ask for more than {self.most} tokens")
        self.asked[force] = count
        return [
            None if each is None else hmac.digest(self.key, each, hashlib.sha256).hex()[:DIGITS]
            for each in blinded
        ]
