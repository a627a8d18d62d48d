"""Small JSON records that are replaced whole: a reader sees the old one or the new one.

With a key a record is sealed (HMAC-SHA-256), so that nobody without the key can alter it.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minimisation.contract.errors import StoreError
from minimisation.forces.vault import sync

SEAL = "seal"
"""Name under which a sealed record carries its seal."""


def write_record(path: Path, content: Mapping[str, Any], key: bytes | None = None) -> None:
    """Write a record beside its place, bring it to disk, and put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = dict(content) if key is None else dict(content) | {SEAL: seal(content, key)}
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    fresh.write_text(json.dumps(record, indent=1, sort_keys=True), "utf-8")
    fresh.chmod(0o600)
    sync(fresh)
    os.replace(fresh, path)  # noqa: PTH105 - the atomic call, named as such
    sync(path)


def read_record(path: Path, what: str, key: bytes | None = None) -> dict[str, Any] | None:
    """A record, or None if there is none.

    Raises:
        StoreError: if the file is not a record, or its seal is not right.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise StoreError(f"{what} ({path.name}) must be a whole record; restore it from its backup")
    if key is not None:
        given = str(content.pop(SEAL, ""))
        if not hmac.compare_digest(given, seal(content, key)):
            msg = f"{what} ({path.name}) must be as it was written"
            raise StoreError(f"{msg}: it was altered, or this is not the force's key")
    return content


def seal(content: Mapping[str, Any], key: bytes) -> str:
    """The seal of a record."""
    text = json.dumps(dict(content), sort_keys=True).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()
