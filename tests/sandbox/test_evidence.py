"""Evidence survives kills, refuses what is not evidence, and says so in one line."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_line import PLAN

from minimisation import UseCaseError
from sandbox.evidence import append, finished, load, read
from sandbox.evidence_lines import json_schema
from sandbox.findings import Finding


def run(option: str, repeat: int, **changes: object) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "run",
        "plan": "aa11",
        "use_case": "toy",
        "option": option,
        "repeat": repeat,
        "status": "done",
        "at": "2026-01-01T10:01:00+00:00",
    } | changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "evidence.jsonl"
    append(file, PLAN)
    append(file, run("raw-pool", 0))
    return file


def test_what_is_appended_is_read_back_unchanged(path: Path) -> None:
    assert read(path) == [PLAN, run("raw-pool", 0)]


def test_a_file_that_is_absent_has_no_lines_and_nothing_finished(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == []
    assert finished(tmp_path / "none.jsonl", "aa11") == set()


def test_finished_lists_option_and_repeat_whatever_the_status(path: Path) -> None:
    append(path, run("each-alone", 1, status="failed", reason="killed"))
    assert finished(path, "aa11") == {("raw-pool", 0), ("each-alone", 1)}


@settings(deadline=None)
@given(cut=st.integers(min_value=1))
def test_a_kill_at_any_byte_of_the_last_line_loses_that_line_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    file = tmp_path_factory.mktemp("torn") / "evidence.jsonl"
    append(file, PLAN)
    append(file, run("raw-pool", 0))
    whole = file.read_bytes()
    append(file, run("each-alone", 0))
    last = len(file.read_bytes()) - len(whole)
    file.write_bytes(file.read_bytes()[: -(1 + (cut - 1) % last)])
    assert finished(file, "aa11") == {("raw-pool", 0)}
    append(file, run("k-anonymity", 0))
    assert finished(file, "aa11") == {("raw-pool", 0), ("k-anonymity", 0)}
    assert file.read_bytes().startswith(whole)


def test_a_torn_plan_line_leaves_nothing_and_can_be_written_again(tmp_path: Path) -> None:
    file = tmp_path / "evidence.jsonl"
    file.write_bytes(b'{"schema": 1, "kind": "pl')
    assert finished(file, "aa11") == set()
    append(file, PLAN)
    assert load(file).header.plan == "aa11"


def test_another_schema_is_refused_with_the_remedy(path: Path) -> None:
    path.write_text(path.read_text().replace('"schema":1', '"schema":2', 1))
    with pytest.raises(UseCaseError, match=r"schema \(2\) must be 1.*run `sandbox compare` again"):
        load(path)


def test_a_damaged_line_before_the_last_is_named(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"{broken\n" + json.dumps(run("x", 0)).encode() + b"\n")
    with pytest.raises(UseCaseError, match=r"line 3 must be one JSON object"):
        load(path)


def test_a_run_that_stands_twice_is_refused(path: Path) -> None:
    append(path, run("raw-pool", 0))
    with pytest.raises(UseCaseError, match=r"line 3 must not repeat option 'raw-pool', repeat 0"):
        load(path)


def test_a_run_of_another_plan_is_refused(path: Path) -> None:
    append(path, run("each-alone", 0, plan="bb22"))
    with pytest.raises(UseCaseError, match="line 3 must be a run or an inquiry of the plan"):
        load(path)


def inquiry(topic: str, plan: str = "aa11", **more: object) -> dict[str, object]:
    at = "2026-11-02T10:00:00+00:00"
    return {"schema": 1, "kind": "inquiry", "plan": plan, "topic": topic, "at": at} | more


def test_of_each_topic_the_last_inquiry_counts(path: Path) -> None:
    append(path, inquiry("curve/months", data={"points": [1]}))
    append(path, inquiry("profile"))
    append(path, inquiry("curve/months", data={"points": [1, 2]}))
    found = load(path).inquiries
    assert set(found) == {"curve/months", "profile"}
    assert found["curve/months"].data == {"points": [1, 2]}
    assert finished(path, "aa11") == {("raw-pool", 0)}


def test_an_inquiry_of_another_plan_is_refused(path: Path) -> None:
    append(path, inquiry("profile", plan="bb22"))
    with pytest.raises(UseCaseError, match="line 3 must be a run or an inquiry of the plan"):
        load(path)


def test_finished_refuses_the_file_of_another_plan(path: Path) -> None:
    with pytest.raises(UseCaseError, match="must belong to this plan"):
        finished(path, "bb22")


def test_a_file_without_a_plan_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "evidence.jsonl"
    append(file, run("raw-pool", 0))
    with pytest.raises(UseCaseError, match="must start with the line of its plan"):
        load(file)


def test_loading_an_absent_file_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(UseCaseError, match="sandbox compare"):
        load(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"status": "perhaps"}, "status"),
        ({"repeat": -1}, "repeat"),
        ({"kind": "walk"}, r"kind \(walk\) must be one of plan, run"),
        ({"at": "2026-01-01T10:00:00"}, "at: .*timezone"),
        ({"findings": [{"measure": "auc"}]}, "findings.0.value"),
    ],
)
def test_a_line_that_breaks_a_rule_is_not_written(
    path: Path, changes: dict[str, object], rule: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(UseCaseError, match=rule):
        append(path, run("each-alone", 0) | changes)
    assert path.read_bytes() == before


def test_infinite_and_undefined_figures_are_not_written(path: Path) -> None:
    bad = {"measure": "auc", "value": float("nan"), "better": "higher"}
    with pytest.raises(UseCaseError, match="finite"):
        append(path, run("each-alone", 0, findings=[bad]))


def test_a_finding_survives_the_file(path: Path) -> None:
    finding = Finding(
        measure="auc", value=0.7, better="higher", low=0.6, high=0.8, replicates=(0.65, 0.75)
    )
    line = run("each-alone", 0, findings=[json.loads(json.dumps(finding.as_json()))])
    append(path, line)
    assert load(path).rows[-1].findings == (finding,)


def test_a_value_that_could_not_be_computed_stays_null(path: Path) -> None:
    finding = Finding(measure="auc", value=None, better="higher", note="too few")
    append(path, run("each-alone", 0, findings=[finding.as_json()]))
    assert load(path).rows[-1].findings == (finding,)


def test_a_run_before_its_plan_was_fixed_is_seen(path: Path) -> None:
    assert not load(path).early
    append(path, run("each-alone", 0, at="2026-01-01T09:59:59+00:00"))
    assert load(path).early


def test_the_published_schema_accepts_what_is_written_and_no_other_version(path: Path) -> None:
    schema = json_schema()
    for line in read(path):
        jsonschema.validate(line, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(PLAN | {"schema": 2}, schema)
