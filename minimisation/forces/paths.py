"""Where a force keeps what: one folder per force, and the anchors of its logs apart from it."""

import re
from dataclasses import dataclass
from pathlib import Path

from minimisation.contract.errors import UseCaseError

NAME = re.compile(r"[a-z0-9][a-z0-9 _-]{0,62}", re.IGNORECASE)
"""What a force may be called; it becomes the name of a folder."""


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The folders and files of one force."""

    root: Path
    """The force's folder."""
    anchors: Path
    """Folder of the logs' anchors; best on another disk."""

    @classmethod
    def of(cls, forces: Path, force: str) -> "Paths":
        """The paths of a force in a folder of forces.

        Raises:
            UseCaseError: if the name cannot be a folder's.
        """
        if not NAME.fullmatch(force):
            msg = f"force name ({force[:40]!r}) must be letters, digits, spaces, hyphens"
            raise UseCaseError(f"{msg}, underscores")
        return cls(root=forces / force, anchors=forces / ".anchors" / force)

    @property
    def live(self) -> Path:
        """The record of the live snapshot: replacing this file replaces the store."""
        return self.root / "live.json"

    @property
    def snapshots(self) -> Path:
        """Folder of the live store, and of one being built."""
        return self.root / "snapshots"

    @property
    def archive(self) -> Path:
        """Folder of replaced snapshots and their records."""
        return self.root / "archive"

    @property
    def tokens(self) -> Path:
        """People's tokens in the audit log."""
        return self.root / "tokens.sqlite"

    @property
    def busy(self) -> Path:
        """Held by whoever changes the force's stores."""
        return self.root / "busy.sqlite"

    @property
    def policy(self) -> Path:
        """What the force permits."""
        return self.root / "policy.toml"

    def log(self, name: str) -> Path:
        """A log of the force."""
        return self.root / "logs" / f"{name}.sqlite"

    def anchor(self, name: str) -> Path:
        """The anchor of a log."""
        return self.anchors / f"{name}.sqlite"
