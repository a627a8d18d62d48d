"""Comparisons: a row per option and repeat, kept through a kill; a failure is a row."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from minimisation import UseCaseError
from sandbox.compare import compare
from sandbox.study import Study

PLAN = """
use_case = "stop-search"
repeats = {repeats}
options = {options}
option_files = {files}
[data]
status = "{status}"
{where}
"""
QUICK = '[attacks]\nset = "quick"\n'
DEMO = f"[data.demo]\npeople = 600\n{QUICK}"
LIGHT = ["business-as-usual", "non-personal", "raw-pool", "field-minimisation"]

TROUBLE = '''
"""Options that go wrong in every way."""
import os
from dataclasses import dataclass
from minimisation import NotApplicableError, PolicyError, PrivacyLoss, Release, Statistics
import pyarrow as pa

@dataclass(frozen=True, kw_only=True)
class Dies:
    name = "dies"
    summary = "Its process is killed."
    keeps_direct_identifiers = False
    def apply(self, forces, use_case, rng):
        os.kill(os.getpid(), 9)

@dataclass(frozen=True, kw_only=True)
class Raises:
    name = "raises"
    summary = "Raises an error that quotes a person."
    keeps_direct_identifiers = False
    def apply(self, forces, use_case, rng):
        raise RuntimeError("person SYN-000001 is unusual")

@dataclass(frozen=True, kw_only=True)
class Declines:
    name = "declines"
    summary = "Does not apply."
    keeps_direct_identifiers = False
    def apply(self, forces, use_case, rng):
        raise NotApplicableError("this technique does not count")

@dataclass(frozen=True, kw_only=True)
class Boasts:
    name = "boasts"
    summary = "Claims a privacy loss that nobody charged."
    keeps_direct_identifiers = False
    def apply(self, forces, use_case, rng):
        loss = PrivacyLoss(epsilon=0.1, delta=0.0, unit="record", bounds=(), forces=9,
                           mechanism="wishing")
        return Release(artefact=Statistics(table=pa.table({})), privacy_loss=loss)
'''


def study(
    workspace: Path, options: list[str], *, repeats: int = 1, files: tuple[str, ...] = ()
) -> Study:
    text = PLAN.format(
        repeats=repeats, options=options, files=list(files), status="demo", where=DEMO
    )
    plan = workspace.with_name("plan.toml")
    plan.write_text(text, "utf-8")
    return Study(plan_path=plan, workspace=workspace)


def rows(made: Study) -> list[dict[str, Any]]:
    lines = made.evidence.read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == "run"]


@pytest.mark.slow
def test_every_option_and_repeat_becomes_one_row(demo_workspace: Path) -> None:
    made = study(demo_workspace, LIGHT, repeats=2)
    seen: list[tuple[int, int]] = []
    compare(made, lambda _what, done, total: seen.append((done, total)))
    found = rows(made)
    assert Counter((row["option"], row["repeat"]) for row in found) == {
        (option, repeat): 1 for option in LIGHT for repeat in range(2)
    }
    assert [row["status"] for row in found] == ["done"] * 8
    assert seen[-1] == (8, 8)
    assert len({row["held_out"] for row in found}) == 1, "all are judged on the same people"
    for row in found:
        assert row["plan"] == made.plan.digest
        assert row["cost"]["peak_bytes"] > 10_000_000
        assert {"wall_seconds", "release_seconds", "assess_seconds"} <= set(row["cost"])
        assert "total_variation" in {finding["measure"] for finding in row["findings"]}
    raw = next(row for row in found if row["option"] == "raw-pool")
    assert raw["payload_kinds"] == ["rows"]
    assert sum(total["person_rows"] for total in raw["egress"].values()) > 100


@pytest.mark.slow
def test_a_killed_comparison_resumes_and_runs_nothing_twice(
    tmp_path: Path, demo_workspace: Path
) -> None:
    made = study(demo_workspace, LIGHT, repeats=3)
    _ = made.digests
    command = [sys.executable, "-m", "sandbox.cli", "compare", "plan.toml", "--workspace", "work"]
    process = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if made.evidence.is_file() and len(made.evidence.read_text().splitlines()) >= 4:
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {(row["option"], row["repeat"]): row["at"] for row in rows(made)}
    assert 3 <= len(kept) < 12
    with made.evidence.open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "kind": "run", "option": "torn')
    compare(made)
    found = rows(made)
    assert len(found) == 12
    assert len({(row["option"], row["repeat"]) for row in found}) == 12
    assert all(row["at"] == kept.get((row["option"], row["repeat"]), row["at"]) for row in found)


@pytest.mark.slow
def test_a_failing_option_is_a_row_and_quotes_nobody(tmp_path: Path, demo_workspace: Path) -> None:
    (tmp_path / "trouble.py").write_text(TROUBLE, "utf-8")
    names = ["dies", "raises", "declines", "boasts", "raw-pool"]
    made = study(demo_workspace, names, files=("trouble.py",))
    compare(made)
    found = {row["option"]: row for row in rows(made)}
    assert found["raw-pool"]["status"] == "done"
    assert found["dies"]["status"] == "failed"
    assert found["dies"]["reason"] == "its process was ended by SIGKILL"
    assert found["raises"]["status"] == "failed"
    assert found["declines"]["status"] == "not applicable"
    assert found["declines"]["reason"] == "this technique does not count"
    assert found["boasts"]["status"] == "refused"
    assert "must claim the privacy loss" in found["boasts"]["reason"]
    assert "SYN-000001" not in made.evidence.read_text("utf-8")


@pytest.mark.slow
def test_a_changed_plan_starts_afresh_and_the_old_one_stays_on_record(demo_workspace: Path) -> None:
    made = study(demo_workspace, ["business-as-usual"])
    compare(made)
    again = study(demo_workspace, ["business-as-usual", "raw-pool"])
    compare(again)
    header = json.loads(again.evidence.read_text("utf-8").splitlines()[0])
    assert [plan["plan"] for plan in header["earlier_plans"]] == [made.plan.digest]
    assert header["floor"]["value"] == 0.1
    kept = list(again.results.glob("evidence-*.jsonl"))
    assert len(kept) == 1
    assert len(rows(again)) == 2


@pytest.mark.slow
def test_on_protected_data_no_rows_leave_and_the_ceiling_equals_the_pool(
    tmp_path: Path, demo_workspace: Path
) -> None:
    made = study(demo_workspace, ["raw-pool"])
    compare(made)
    pooled = {f["measure"]: f.get("value") for f in rows(made)[0]["findings"] if not f.get("group")}
    feeds = next((tmp_path / "work" / "feeds").iterdir())
    text = PLAN.format(
        repeats=1,
        options=["raw-pool", "private-statistics"],
        files=[],
        status="protected",
        where=f'folder = "{feeds}"\n{QUICK}',
    )
    (tmp_path / "guarded.toml").write_text(text, "utf-8")
    guarded = Study(plan_path=tmp_path / "guarded.toml", workspace=tmp_path / "guarded")
    compare(guarded)
    found = {row["option"]: row for row in rows(guarded)}
    assert found["raw-pool"]["status"] == "refused"
    assert "rows may not leave" in found["raw-pool"]["reason"]
    ceiling = found["pooled-ceiling"]
    assert ceiling["status"] == "done"
    assert ceiling["egress"] == {}
    values = {f["measure"]: f.get("value") for f in ceiling["findings"] if not f.get("group")}
    assert values["total_variation"] == pooled["total_variation"] == 0.0
    assert found["private-statistics"]["privacy_loss"]["epsilon"] == 1.0


def test_a_plan_that_does_not_fit_its_data_writes_nothing(demo_workspace: Path) -> None:
    made = study(demo_workspace, ["no-such-option"])
    with pytest.raises(UseCaseError, match="option \\(no-such-option\\) must be one of"):
        compare(made)
    assert not made.results.exists()
