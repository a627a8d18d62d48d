"""Environments of peers: each has its own, built from pinned requirements, and is optional."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.setting import HERE
from minimisation import MissingEngineError

REQUIREMENTS = Path(__file__).parent / "peers" / "requirements"
"""One file of pins per environment."""

VARIABLE = "SANDBOX_PEERS"
"""Environment variable that names the folder of environments."""


@dataclass(frozen=True, kw_only=True)
class Environments:
    """Virtual environments in a folder."""

    folder: Path
    """Holds one per peer, by name."""

    @staticmethod
    def usual() -> "Environments":
        """Those that the variable names, or of the user's cache."""
        named = os.environ.get(VARIABLE)
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        return Environments(folder=Path(named) if named else cache / "sandbox-peers")

    @staticmethod
    def known() -> tuple[str, ...]:
        """Names of the environments that can be built."""
        return tuple(sorted(path.stem for path in REQUIREMENTS.glob("*.txt")))

    def python(self, name: str) -> Path:
        """The interpreter of an environment, this one's own included."""
        if name == HERE:
            return Path(sys.executable)
        scripts = "Scripts" if os.name == "nt" else "bin"
        return self.folder / name / scripts / "python"

    def present(self, name: str) -> bool:
        """Whether it is there."""
        return self.python(name).exists()

    def build(self, name: str) -> None:
        """Make an environment and install its pins; needs the package index.

        Raises:
            MissingEngineError: with the end of what the installer said.
        """
        pins = REQUIREMENTS / f"{name}.txt"
        if not pins.is_file():
            known = ", ".join(self.known())
            raise MissingEngineError(f"peer ({name}) must be one of: {known}")
        python = str(self.python(name))
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        steps = (
            [sys.executable, "-m", "venv", str(self.folder / name)],
            [*pip, "--upgrade", "pip>=26"],  # that of old Python releases resolves too slowly
            [*pip, "--requirement", str(pins)],
        )
        for step in steps:
            done = subprocess.run(  # noqa: S603 - our own words
                step, capture_output=True, text=True, check=False
            )
            if done.returncode:
                said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
                raise MissingEngineError(f"peer ({name}) cannot be installed: {said[0][:300]}")
