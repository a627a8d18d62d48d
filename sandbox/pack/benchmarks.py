"""Results of benchmarks that lie in the repository, for the pack's section on scale."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "benchmarks" / "results"
"""Where `sandbox bench` leaves its results."""


def results(folder: Path = FOLDER) -> dict[str, Any]:
    """Name of result file → its content; a file that is not JSON is left out."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            found[path.stem] = json.loads(path.read_text("utf-8"))
        except ValueError:
            continue
    return found
