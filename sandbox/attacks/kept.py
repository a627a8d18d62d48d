"""What attacks found, kept beside the stores so that the same attack is not run twice.

A result is found again only if everything that it depends on is the same: the release, the people
(snapshots, and who of them is held out), the question, the seed, the set, and the code of all
attacks. It stays where the stores are, in controlled access.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.findings import Finding


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Results of attacks in a folder; by default nothing is kept."""

    folder: Path | None = None
    """Where results are kept; None: nowhere."""
    about: tuple[str, ...] = ()
    """Digests and names of all that a result depends on, besides the attack's own name."""

    def found(self, attack: str, run: Callable[[], list[Finding]]) -> list[Finding]:
        """What the attack found, run now if it was not run before.

        Args:
            attack: its name, different from those of all others.
            run: runs it.
        """
        if self.folder is None:
            return run()
        name = hashlib.sha256(json.dumps([attack, *self.about]).encode()).hexdigest()[:32]
        path = self.folder / f"{attack}-{name}.json"
        if path.is_file():
            return [_read(row) for row in json.loads(path.read_text("utf-8"))]
        results = run()
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        partial.write_text(json.dumps([each.as_json() for each in results]), "utf-8")
        partial.replace(path)
        return results


NOTHING = Kept()
"""No result is kept."""


def _read(row: dict[str, Any]) -> Finding:
    return Finding(**row | {"replicates": tuple(row.get("replicates", ()))})
