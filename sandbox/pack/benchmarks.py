"""Results of benchmarks that lie in the repository, for the pack's section on scale."""

import json
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parents[2] / "benchmarks" / "results"
"""Where `sandbox bench` leaves its results."""


def results(folder: Path = FOLDER) -> dict[str, Any]:
    """Name of result file → `results`: workload, rows and median seconds of what ran to its end.

    A file of another form is left out.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            rows = json.loads(path.read_text("utf-8"))["rows"]
            lines = [_line(row) for row in rows if row["own"]]
        except (ValueError, KeyError, TypeError):
            continue
        if lines:
            found[path.stem] = {"results": lines}
    return found


def _line(row: dict[str, Any]) -> dict[str, str]:
    """One setting in words."""
    return {
        "name": f"{row['workload']}: {row['case']}",
        "rows": f"{row['rows']:,}",
        "seconds": f"{median(row['own']['seconds']):.3g}",
    }
