"""Backup of a force's key under a passphrase, and of its files; and their way back.

The key is encrypted by AES-256-GCM under scrypt (RFC 7914). Without the key or this backup the data
is gone, by design. Restoring a store or a log of an earlier day is detected by the log's anchor and
must be said, not hidden: see docs/force-stores.md.
"""

import base64
import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from minimisation.contract.errors import StoreError
from minimisation.forces.keys import LENGTH, NONCE, ForceKey

COST = 2**15
"""scrypt's n: 32 MB of memory and about a tenth of a second per guess."""

SHORTEST = 16
"""Fewest characters of a passphrase; a generated one of six words has more."""


def seal_key(key: ForceKey, passphrase: str) -> str:
    """The key as text that only the passphrase opens; keep it away from the data.

    Raises:
        ValueError: if the passphrase is short.
    """
    if len(passphrase) < SHORTEST:
        raise ValueError(f"the passphrase must have at least {SHORTEST} characters")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(NONCE)
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, key.material, key.force.encode())
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    text = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"kind": "sandbox key backup 1", "force": key.force} | text, indent=1)


def open_key(backup: str, passphrase: str) -> ForceKey:
    """The key of a backup.

    Raises:
        StoreError: if it is no backup, or the passphrase is another.
    """
    try:
        content = json.loads(backup)
        force = str(content["force"])
        salt, nonce, sealed = (
            base64.b64decode(content[name], validate=True) for name in ("salt", "nonce", "sealed")
        )
    except (ValueError, KeyError, TypeError):
        raise StoreError("a key backup must be the whole text that was made") from None
    try:
        material = AESGCM(_derived(passphrase, salt)).decrypt(nonce, sealed, force.encode())
    except (InvalidTag, ValueError):
        msg = f"the key backup of force '{force}' must be opened with its own passphrase"
        raise StoreError(msg) from None
    return ForceKey(force=force, material=material)


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=LENGTH, n=COST, r=8, p=1).derive(passphrase.encode())
