"""Who acts: each role proves itself by signing a fresh challenge with an Ed25519 key (RFC 8032)."""

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from minimisation.contract.errors import PolicyError, StoreError
from minimisation.forces.records import read_record, write_record


class Role(Enum):
    """What an actor may do."""

    ANALYST = "analyst"
    """Asks questions."""
    APPROVER = "approver"
    """Decides for the force: loads, replaces, archives, permits."""
    ASSESSOR = "assessor"
    """Judges releases inside the force."""
    LINKAGE_HOLDER = "linkage-holder"
    """Holds the key that matches people across forces, and no data."""
    DPO = "dpo"
    """Data protection officer: reads the audit, erases and rectifies."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or service that a force knows by its public key."""

    name: str
    """Name."""
    role: Role
    """What it may do."""
    public: bytes
    """Raw Ed25519 public key."""

    @property
    def fingerprint(self) -> str:
        """Start of the public key's SHA-256; what audit and budget name."""
        return hashlib.sha256(self.public).hexdigest()[:16]

    def __str__(self) -> str:
        """`DI Example (analyst, 3f2a…)`."""
        return f"{self.name} ({self.role.value}, {self.fingerprint})"


@dataclass(frozen=True, kw_only=True)
class ActorKey:
    """An actor's private key, which never leaves the actor."""

    path: Path
    """PEM file, readable by its owner only."""
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def create(cls, path: Path) -> "ActorKey":
        """Make a new key.

        Raises:
            StoreError: if the file exists.
        """
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise StoreError(f"actor key ({path.name}) must not exist yet") from None
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        return cls(path=path, _private=private)

    @classmethod
    def read(cls, path: Path) -> "ActorKey":
        """A key from its file.

        Raises:
            StoreError: if it is missing, readable by others, or no Ed25519 key.
        """
        if not path.is_file():
            raise StoreError(f"actor key ({path.name}) must exist; ask the actor for it")
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise StoreError(f"actor key ({path.name}) must be readable by its owner only")
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise StoreError(f"actor key ({path.name}) must be an Ed25519 key in PEM")
        return cls(path=path, _private=private)

    @property
    def public(self) -> bytes:
        """The raw public key, which a force registers."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, challenge: "Challenge") -> bytes:
        """Prove possession for one act."""
        return self._private.sign(challenge.message)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a force asks to be signed, once."""

    force: str
    """Who asks."""
    act: str
    """What is to be done."""
    nonce: bytes
    """32 fresh bytes."""

    @property
    def message(self) -> bytes:
        """The bytes to sign; a signature for one force or act is none for another."""
        return b"\0".join([b"sandbox-1", self.force.encode(), self.act.encode(), self.nonce])


class Credential(Protocol):
    """What an actor proves itself with: a key at hand, or a device that signs."""

    @property
    def public(self) -> bytes:
        """The raw public key, which a force registers."""

    def sign(self, challenge: Challenge) -> bytes:
        """Prove possession for one act."""


@dataclass(kw_only=True)
class Register:
    """The actors that one force knows."""

    force: str
    """The force."""
    path: Path
    """Sealed record of them."""
    key: bytes = field(repr=False)
    """Key of the seal."""
    _pending: set[bytes] = field(default_factory=set, repr=False)

    def actors(self) -> tuple[Actor, ...]:
        """All actors.

        Raises:
            StoreError: if the record was altered.
        """
        record = read_record(self.path, "register of actors", self.key) or {}
        return tuple(
            Actor(
                name=entry["name"],
                role=Role(entry["role"]),
                public=base64.b64decode(entry["public"]),
            )
            for entry in record.get("actors", [])
        )

    def add(self, actor: Actor) -> None:
        """Register an actor; a known key is replaced."""
        others = [known for known in self.actors() if known.public != actor.public]
        self._write([*others, actor])

    def remove(self, fingerprint: str) -> None:
        """Forget an actor, as when a key is lost.

        Raises:
            PolicyError: if there is no such actor.
        """
        known = self.actors()
        kept = [actor for actor in known if actor.fingerprint != fingerprint]
        if len(kept) == len(known):
            raise PolicyError(f"actor ({fingerprint}) must be one that force '{self.force}' knows")
        self._write(kept)

    def challenge(self, act: str) -> Challenge:
        """Ask for proof before an act."""
        nonce = secrets.token_bytes(32)
        self._pending.add(nonce)
        return Challenge(force=self.force, act=act, nonce=nonce)

    def admit(
        self, challenge: Challenge, fingerprint: str, signature: bytes, roles: frozenset[Role]
    ) -> Actor:
        """The actor who signed, if it may do the act.

        Raises:
            PolicyError: if the challenge is used or foreign, the key unknown, the signature wrong,
                or the role another.
        """
        if challenge.force != self.force or challenge.nonce not in self._pending:
            raise PolicyError("a challenge must be answered once, to the force that posed it")
        self._pending.discard(challenge.nonce)
        for actor in self.actors():
            if actor.fingerprint != fingerprint:
                continue
            try:
                public = Ed25519PublicKey.from_public_bytes(actor.public)
                public.verify(signature, challenge.message)
            except (InvalidSignature, ValueError):
                break
            if actor.role not in roles:
                allowed = ", ".join(sorted(role.value for role in roles))
                raise PolicyError(f"role ({actor.role.value}) must be one of: {allowed}")
            return actor
        raise PolicyError(f"the actor must prove a key that force '{self.force}' knows")

    def prove(self, by: Credential | None, act: str, roles: frozenset[Role]) -> Actor:
        """Challenge a credential that is at hand.

        Raises:
            PolicyError: if nobody is registered or nobody signs; and as `admit`.
        """
        allowed = ", ".join(sorted(role.value for role in roles))
        if not self.actors():
            msg = f"force '{self.force}' must know its actors before anybody may {act}"
            raise PolicyError(f"{msg}; run: sandbox forces create")
        if by is None:
            raise PolicyError(
                f"'{act}' in force '{self.force}' must be signed by one of: {allowed}"
            )
        challenge = self.challenge(act)
        fingerprint = hashlib.sha256(by.public).hexdigest()[:16]
        return self.admit(challenge, fingerprint, by.sign(challenge), roles)

    def _write(self, actors: list[Actor]) -> None:
        entries: list[dict[str, Any]] = [
            {
                "name": actor.name,
                "role": actor.role.value,
                "public": base64.b64encode(actor.public).decode(),
            }
            for actor in actors
        ]
        write_record(self.path, {"actors": entries}, self.key)
