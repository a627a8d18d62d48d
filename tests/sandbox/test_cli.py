"""The command line: data on standard output, one-line errors with their exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.reference import reference

ROOT = Path(__file__).parents[2]


def run(*words: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sandbox.cli", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_reference_page_is_the_one_the_commands_make() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    assert page == reference(), "write it again: python -m sandbox.reference"


def test_options_and_use_cases_are_listed_as_data() -> None:
    options = run("options", "--json")
    assert options.returncode == 0, options.stderr
    found = json.loads(options.stdout)
    assert len(found) >= 14
    assert found["k-anonymity"]["parameters"]["k"] == 5
    cases = json.loads(run("use-cases", "--json").stdout)
    assert {case["name"] for case in cases} >= {"serious-violence", "stop-search"}


def test_the_tables_name_every_option() -> None:
    shown = run("options").stdout
    assert "federated-newton" in shown
    assert "raw-pool" in shown


@pytest.mark.parametrize(
    ("words", "code", "rule"),
    [
        (("compare", "nothing.toml"), 2, "plan (nothing.toml) must be an existing TOML file"),
        (("report", "nothing.jsonl"), 2, "must exist; run: sandbox compare PLAN"),
        (("plan", "new", "nothing.csv"), 2, "file (nothing.csv) must exist"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    tmp_path: Path, words: tuple[str, ...], code: int, rule: str
) -> None:
    done = run(*words, folder=tmp_path)
    assert done.returncode == code
    assert done.stdout == ""
    assert rule in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_starter_plan_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("force,person,age\n", "utf-8")
    assert run("plan", "new", "own.csv", folder=tmp_path).returncode == 0
    assert (tmp_path / "my-use-case.toml").is_file()
    again = run("plan", "new", "own.csv", folder=tmp_path)
    assert again.returncode == 2
    assert "must not exist yet" in again.stderr
