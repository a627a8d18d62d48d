"""Signs a pack: Ed25519 (RFC 8032) over the bytes of its manifest, by a key the user has."""

import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from minimisation import UseCaseError
from minimisation.forces.actors import ActorKey, Challenge

FILE = "manifest.sig"
"""Name of the signature within a pack."""
ACT = "sign evidence pack"


def sign(manifest: bytes, key: ActorKey) -> bytes:
    """The signature as a file: public key and signature in base64."""
    record = {
        "public": base64.b64encode(key.public).decode(),
        "signature": base64.b64encode(key.sign(_challenge(manifest))).decode(),
    }
    return (json.dumps(record) + "\n").encode()


def signer(manifest: bytes, signature: bytes) -> str:
    """Fingerprint of the key that signed the manifest.

    Raises:
        UseCaseError: if the signature is none of this manifest.
    """
    try:
        record = json.loads(signature)
        raw = base64.b64decode(record["public"])
        public = Ed25519PublicKey.from_public_bytes(raw)
        public.verify(base64.b64decode(record["signature"]), _challenge(manifest).message)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise UseCaseError(
            "manifest.sig must be a signature of manifest.json; the manifest was changed after "
            "it was signed, or the signature is of another pack"
        ) from None
    return hashlib.sha256(raw).hexdigest()[:16]


def _challenge(manifest: bytes) -> Challenge:
    """What is signed: the digest of the manifest, apart from anything else the key signs."""
    return Challenge(force="", act=ACT, nonce=hashlib.sha256(manifest).digest())
