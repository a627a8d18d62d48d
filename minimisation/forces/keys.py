"""A force's 256-bit key: where the force keeps it, and the keys derived from it.

Derivation is HKDF-SHA-256 (RFC 5869), wrapping AES-256-GCM (NIST SP 800-38D). A key is never an
argument of a command, never logged, and never part of an error.
"""

import base64
import binascii
import importlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from minimisation.contract.errors import MissingEngineError, StoreError

LENGTH = 32
"""Bytes in every key here."""

NONCE = 12
"""Bytes of AES-GCM nonce, drawn afresh for every wrapping."""


KEY_FILE = "key file"
"""Where a key is that a file holds."""


@dataclass(frozen=True, kw_only=True)
class ForceKey:
    """The key of one force, in memory."""

    force: str
    """Whose it is."""
    material: bytes = field(repr=False)
    """32 bytes that only the force holds."""
    kept: str = field(default="memory", compare=False)
    """Where the force keeps it: a key file, a variable, a keyring; said in assessments."""

    def __post_init__(self) -> None:
        """Refuse a key of the wrong length.

        Raises:
            StoreError: naming the rule.
        """
        if len(self.material) != LENGTH:
            raise StoreError(f"the key of force '{self.force}' must be {LENGTH} bytes")

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose; keys of different purposes tell nothing of each other."""
        info = f"minimisation-sandbox/1/{self.force}/{purpose}".encode()
        return HKDF(algorithm=SHA256(), length=LENGTH, salt=None, info=info).derive(self.material)

    def wrap(self, secret: bytes, purpose: str, label: str) -> str:
        """Encrypt another key so that only the holder of this one can read it.

        Args:
            secret: what to encrypt.
            purpose: which derived key encrypts.
            label: what it belongs to; authenticated, so that it cannot be moved elsewhere.

        Returns:
            Base64 text of nonce and ciphertext.
        """
        nonce = secrets.token_bytes(NONCE)
        sealed = AESGCM(self.derive(purpose)).encrypt(nonce, secret, label.encode())
        return base64.b64encode(nonce + sealed).decode()

    def unwrap(self, wrapped: str, purpose: str, label: str) -> bytes:
        """The key that `wrap` encrypted.

        Raises:
            StoreError: if this is not the key it was wrapped with, or the text was altered.
        """
        try:
            sealed = base64.b64decode(wrapped, validate=True)
            cipher = AESGCM(self.derive(purpose))
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], label.encode())
        except (InvalidTag, binascii.Error, ValueError):
            msg = f"the key of force '{self.force}' must be the one its data was encrypted with"
            raise StoreError(f"{msg}; nothing was changed, restore the right key") from None


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """A file that only its owner can read."""

    path: Path
    """The file; base64 text."""

    def create(self, force: str) -> ForceKey:
        """Make a new key.

        Raises:
            StoreError: if the file exists: a key is never overwritten, data would be lost.
        """
        material = secrets.token_bytes(LENGTH)
        key = ForceKey(force=force, material=material, kept=KEY_FILE)
        self.write(key)
        return key

    def write(self, key: ForceKey) -> None:
        """Keep a key, with permissions 0600 from the first instant.

        Raises:
            StoreError: if the file exists.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            msg = f"key file ({self.path.name}) must not exist yet: a key is never overwritten"
            raise StoreError(msg) from None
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(key.material) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self, force: str) -> ForceKey:
        """The key.

        Raises:
            StoreError: if the file is missing, readable by others, or not a key.
        """
        if not self.path.is_file():
            msg = f"the key of force '{force}' must be in its key file ({self.path.name})"
            raise StoreError(f"{msg}; restore it from its backup")
        if os.name == "posix" and stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            msg = f"key file ({self.path.name}) must be readable by its owner only"
            raise StoreError(f"{msg}; run: chmod 600 {self.path.name}")
        return _decode(force, self.path.read_text("ascii", errors="replace"), KEY_FILE)


@dataclass(frozen=True, kw_only=True)
class KeyVariable:
    """An environment variable, for services whose operator injects secrets."""

    name: str
    """Name of the variable; base64 text."""

    def read(self, force: str) -> ForceKey:
        """The key.

        Raises:
            StoreError: if the variable is not set or holds no key.
        """
        text = os.environ.get(self.name)
        if text is None:
            raise StoreError(f"the key of force '{force}' must be in the variable {self.name}")
        return _decode(force, text, f"variable {self.name}")


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """The operating system's keyring, by the `keyring` package."""

    service: str = "minimisation-sandbox"
    """Service name; the user name is the force's."""

    def read(self, force: str) -> ForceKey:
        """The key.

        Raises:
            MissingEngineError: if `keyring` is not installed.
            StoreError: if the keyring holds no key of this force.
        """
        try:
            keyring = importlib.import_module("keyring")
        except ModuleNotFoundError:
            raise MissingEngineError("keys in a keyring need: pip install keyring") from None
        text = keyring.get_password(self.service, force)
        if text is None:
            raise StoreError(f"the key of force '{force}' must be in the keyring ({self.service})")
        return _decode(force, str(text), "keyring")


def _decode(force: str, text: str, where: str) -> ForceKey:
    try:
        material = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if len(material) != LENGTH:
        msg = f"{where} of force '{force}' must hold {LENGTH} bytes in base64"
        raise StoreError(f"{msg}; restore the key from its backup")
    return ForceKey(force=force, material=material, kept=where)
