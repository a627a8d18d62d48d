"""The chain of a log's entries: every seal covers the one before it, and its head can be noted.

Schneier and Kelsey 1999, "Secure audit logs to support computer forensics", with HMAC-SHA-256.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from minimisation.contract.errors import StoreError

START = b"\0" * 32
"""What the first entry is chained to."""

Row: TypeAlias = tuple[int, str, bytes]
"""An entry as it is stored: place, body, seal."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """How far a log goes, and the seal of its last entry."""

    count: int
    """Entries."""
    mac: str
    """Seal of the last entry, in hexadecimal."""

    def __str__(self) -> str:
        """`12:ab34…`, to be noted down outside the force."""
        return f"{self.count}:{self.mac}"


NOTHING = Head(count=0, mac=START.hex())
"""Head of an empty log."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Seals entries of one log, and tells where a seal is not what it should be."""

    key: bytes = field(repr=False)
    """Key of the seals."""
    name: str
    """What is logged, part of every seal, so that entries of two logs cannot be exchanged."""

    def seal(self, before: bytes, place: int, body: str) -> bytes:
        """The seal of an entry."""
        content = b"\n".join([self.name.encode(), before, str(place).encode(), body.encode()])
        return hmac.new(self.key, content, hashlib.sha256).digest()

    def anchor(self, head: Head) -> bytes:
        """The seal of an anchor at a head."""
        return self.seal(bytes.fromhex(head.mac), head.count, "anchor")

    def is_anchor(self, head: Head, seal: bytes) -> bool:
        """Whether an anchor was sealed with this key."""
        return hmac.compare_digest(self.anchor(head), seal)

    def seals(self, rows: Iterable[Row]) -> list[str]:
        """Seals of all entries from the first on, in hexadecimal.

        Raises:
            StoreError: naming the first entry whose link is broken.
        """
        before, seals = START, []
        for expected, (place, body, mac) in enumerate(rows, start=1):
            seal = self.seal(before, expected, body)
            if place != expected or not hmac.compare_digest(seal, mac):
                raise StoreError(f"log '{self.name}' must be unbroken: entry {expected} is not")
            before = mac
            seals.append(mac.hex())
        return seals

    def reaches(self, seals: Sequence[str], noted: Head) -> None:
        """Check that a log goes as far as a head that was noted, and passes through it.

        Raises:
            StoreError: if entries are cut off, or the one at that place is another.
        """
        if noted.count > len(seals):
            missing = f"entries {len(seals) + 1} to {noted.count} are cut off"
            raise StoreError(f"log '{self.name}' must reach its anchor: {missing}")
        if noted.count and seals[noted.count - 1] != noted.mac:
            msg = f"log '{self.name}' must be the one that was anchored: entry {noted.count}"
            raise StoreError(f"{msg} is another")

    def continues(self, at: Head, rows: Sequence[Row]) -> bool:
        """Whether entries, the one at a head first, follow from that head."""
        good = not at.count or (bool(rows) and rows[0][2].hex() == at.mac)
        before = bytes.fromhex(at.mac)
        for place, body, mac in rows[1 if at.count else 0 :]:
            good = good and hmac.compare_digest(self.seal(before, place, body), mac)
            before = mac
        return good
