"""Small JSON records that are replaced whole: a reader sees the old one or the new one."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minimisation.contract.errors import StoreError
from minimisation.forces.vault import sync


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record beside its place, bring it to disk, and put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    fresh.write_text(json.dumps(dict(content), indent=1, sort_keys=True), "utf-8")
    fresh.chmod(0o600)
    sync(fresh)
    os.replace(fresh, path)  # noqa: PTH105 - the atomic call, named as such
    sync(path)


def read_record(path: Path, what: str) -> dict[str, Any] | None:
    """A record, or None if there is none.

    Raises:
        StoreError: if the file is not a record.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise StoreError(f"{what} ({path.name}) must be a whole record; restore it from its backup")
    return content
