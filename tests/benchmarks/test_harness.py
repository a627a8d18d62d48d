"""The harness: whatever a benchmark does becomes a row, and what is finished is not run again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import harness as module
from benchmarks.environments import Environments
from benchmarks.harness import Harness
from benchmarks.measuring import Trial, measure
from benchmarks.results import Results, Row
from benchmarks.setting import Setting, Workload
from benchmarks.watched import Watched
from minimisation import UseCaseError

HERE = Path(__file__).parent


def setting(case: str, **more: object) -> Setting:
    given = {"workload": "awkward", "case": case, "rows": 1, "memory": 1, "seconds": 0.4} | more
    return Setting(**given)  # type: ignore[arg-type]


def unreached(setting: Setting, path: Path) -> Trial:
    raise AssertionError(setting.case, path)


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.setattr(module, "START", 3.0)
    monkeypatch.setattr(module, "SLACK", 0.4)
    unreached.__module__ = "awkward"  # what a process imports, by name
    monkeypatch.setattr(module, "ROOT", f"{module.ROOT}:{HERE}")
    return Harness(
        workloads=(
            Workload(name="awkward", title="", settings=(setting("adds"),), trial=unreached),
        ),
        results=Results(folder=tmp_path / "results"),
        data=tmp_path / "data",
        environments=Environments(folder=tmp_path / "peers"),
    )


def quiet(what: str, done: int, total: int) -> None:
    del what, done, total


def test_a_done_benchmark_has_runs_of_itself_and_its_baseline_in_turn(harness: Harness) -> None:
    row = harness.one(setting("adds"))
    assert row.status == "done", row.reason
    assert row.own is not None
    assert row.baseline is not None
    assert len(row.own.seconds) == len(row.baseline.seconds) == len(row.ratios) >= 5
    assert row.warm
    assert row.own.peak_bytes > 1_000_000
    assert row.figures["process"] > 0


def test_a_failing_benchmark_is_a_row_with_its_last_word(harness: Harness) -> None:
    row = harness.one(setting("fails"))
    assert (row.status, row.own) == ("failed", None)
    assert "planted" in row.reason


def test_a_hanging_benchmark_is_ended_and_is_a_row(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START", 0.5)
    row = harness.one(setting("hangs", seconds=0.5))
    assert (row.status, row.own) == ("timeout", None)
    assert row.seconds_in_all < 10


def test_a_memory_hungry_benchmark_is_ended_and_is_a_row(harness: Harness) -> None:
    row = harness.one(setting("hoards", seconds=30))
    assert (row.status, row.own) == ("out of memory", None)
    assert row.peak_tree_bytes > 400_000_000


def test_what_is_spilled_is_seen_while_it_is_there(harness: Harness) -> None:
    assert harness.one(setting("spills", seconds=1)).spill_bytes == 1000


def test_an_absent_peer_is_skipped_and_says_how_to_build_it(harness: Harness) -> None:
    row = harness.one(setting("adds", environment="pycanon"))
    assert row.status == "skipped"
    assert "sandbox bench peers pycanon" in row.reason


def test_finished_settings_are_not_run_again_and_unfinished_ones_are(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def one(self: Harness, setting: Setting, left: float) -> Row:
        del self, left
        ran.append(setting.case)
        status = "skipped" if setting.environment else "failed"
        row = Row(key=setting.key, workload="awkward", case=setting.case, rows=1)
        return replace(row, status=status)  # type: ignore[arg-type]

    monkeypatch.setattr(Harness, "one", one)
    both = [setting("adds"), setting("peer", environment="pycanon")]
    for _ in range(2):
        harness.run(both, quiet)
    assert ran == ["adds", "peer", "peer"]


def test_what_the_minutes_do_not_allow_is_kept_as_not_run(harness: Harness) -> None:
    rows = harness.run([setting("adds"), setting("fails")], quiet, minutes=0)
    assert [row.status for row in rows] == ["not run", "not run"]
    assert [row.status for row in harness.results.rows()] == ["not run", "not run"]


def test_results_of_another_machine_are_not_added_to(harness: Harness) -> None:
    harness.run([setting("adds")], quiet, minutes=0)
    path = harness.results.folder / "awkward.json"
    content = json.loads(path.read_text())
    content["machine"]["cores"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(UseCaseError, match="choose another --results"):
        harness.run([setting("adds")], quiet, minutes=0)


def test_an_unknown_benchmark_is_refused_with_those_there_are(harness: Harness) -> None:
    with pytest.raises(UseCaseError, match="awkward"):
        harness.chosen("quick", "none")


def test_a_quick_tier_holds_no_full_setting(harness: Harness) -> None:
    assert harness.chosen("quick") == []
    assert [each.case for each in harness.chosen("full")] == ["adds"]


def test_a_trial_that_fits_once_keeps_its_warm_up_and_says_so() -> None:
    found = measure(Trial(run=lambda: sum(range(1000))), runs=5, seconds=0.0)
    assert len(found["seconds"]) == 1
    assert not found["warm"]


def test_a_reason_names_no_folder_of_the_machine() -> None:
    said = "ImportError: cannot read '/opt/some/where/file.so' (x/y)"
    went = Watched(code=1, ended="", said=said, seconds=1.0, peak_bytes=1, spill_bytes=0)
    assert module._why(went) == "exit 1: ImportError: cannot read 'file.so' (x/y)"
