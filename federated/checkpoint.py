"""What a server needs to go on with private training after it went down; none of it is secret."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Self

from minimisation import PolicyError


@dataclass(kw_only=True)
class Checkpoint:
    """A run of private training between two rounds."""

    run: str
    """The option's parameters: another option's run is not gone on with."""
    number: str = field(default_factory=lambda: token_hex(8))
    """Name under which the forces count the run's turns."""
    models: list[list[float]] = field(default_factory=list)
    """Coefficients after every round so far."""
    momentum: list[float] = field(default_factory=list)
    """The server's momentum after the last of them."""

    @classmethod
    def found(cls, path: Path | None, run: str) -> Self:
        """The checkpoint in a file, or a new one where there is none.

        Raises:
            PolicyError: if it is of other parameters.
        """
        if path is None or not path.is_file():
            return cls(run=run)
        kept = cls(**json.loads(path.read_text("utf-8")))
        if kept.run != run:
            raise PolicyError(f"checkpoint ({path.name}) must be of the same option and parameters")
        return kept

    def write(self, path: Path) -> None:
        """Replace the file as a whole; what was there stays until the new one is on disk."""
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
