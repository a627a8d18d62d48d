"""Keys, masks and signatures of the secure sum.

X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869) agree a full 256-bit key per pair and turn, ChaCha20
(RFC 8439) expands it to 64-bit words, Ed25519 (RFC 8032) signs.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from minimisation import MissingEngineError

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ModuleNotFoundError as error:
    raise MissingEngineError(
        "cryptography must be installed: pip install 'minimisation-sandbox[federated]'"
    ) from error

Words = npt.NDArray[np.uint64]

KEY = 32
"""Bytes of a key, a seed or a public key."""
SIGNATURE = 64
"""Bytes of a signature."""


def words(octets: bytes) -> Words:
    """Bytes, eight at a time, as 64-bit words."""
    return np.frombuffer(octets, dtype="<u8").astype(np.uint64)


def octets(values: Words) -> bytes:
    """The bytes that `words` read."""
    return values.astype("<u8").tobytes()


def digest(*parts: bytes) -> bytes:
    """SHA-256 of parts, each with its length, so that no two lists of parts collide."""
    joined = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(joined).digest()


def derive(secret: bytes, purpose: bytes) -> bytes:
    """A 256-bit key for one purpose from a secret of full entropy."""
    return HKDF(algorithm=SHA256(), length=KEY, salt=None, info=purpose).derive(secret)


def new_private_key() -> bytes:
    """A fresh X25519 private key from the operating system's randomness."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_key(private: bytes) -> bytes:
    """The public half of an X25519 private key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def shared_key(private: bytes, public: bytes, purpose: bytes) -> bytes:
    """The key that two parties share for one purpose, and nobody else knows."""
    own = X25519PrivateKey.from_private_bytes(private)
    return derive(own.exchange(X25519PublicKey.from_public_bytes(public)), purpose)


def stream(key: bytes, size: int) -> Words:
    """`size` pseudo-random words; a key must never be used for two streams."""
    cipher = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
    return words(cipher.update(bytes(8 * size)))


def identity(secret: bytes) -> bytes:
    """Public key under which a force signs; its private half is derived from the secret."""
    return _signer(secret).public_key().public_bytes_raw()


def sign(secret: bytes, statement: bytes) -> bytes:
    """Sign as the force that holds the secret."""
    return _signer(secret).sign(statement)


def signed(public: bytes, signature: bytes, statement: bytes) -> bool:
    """Whether the holder of an identity signed exactly this statement."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement)
    except InvalidSignature:
        return False
    return True


def _signer(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(secret, b"secure sum: identity"))
