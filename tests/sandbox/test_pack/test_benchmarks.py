"""The pack reads what benchmarks left, and leaves out what it cannot read."""

import json
from pathlib import Path

from sandbox.pack import benchmarks


def test_finished_settings_are_shown_with_their_median(tmp_path: Path) -> None:
    done = {"workload": "counts", "case": "by area", "rows": 1_000_000}
    rows = [done | {"own": {"seconds": [0.3, 0.1, 0.2]}}, done | {"own": None}]
    (tmp_path / "counts.json").write_text(json.dumps({"schema": 1, "rows": rows}), "utf-8")
    (tmp_path / "broken.json").write_text("{", "utf-8")
    (tmp_path / "other.json").write_text("[1]", "utf-8")
    line = {"name": "counts: by area", "rows": "1,000,000", "seconds": "0.2"}
    assert benchmarks.results(tmp_path) == {"counts": {"results": [line]}}


def test_without_results_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert benchmarks.results(tmp_path / "absent") == {}
