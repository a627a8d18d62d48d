"""`sandbox bench`: mounted by entry point, its page written from results, its docs up to date."""

import tomllib
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.catalogue import WORKLOADS
from benchmarks.cli import app
from benchmarks.environments import Environments
from benchmarks.results import Results, Row, Runs, machine
from benchmarks.setting import HERE
from benchmarks.summary import summary
from sandbox import cli

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
runner = CliRunner()
TAKEN = Runs(seconds=(1.0, 1.1), cpu_seconds=1.0, peak_bytes=100)
ROW = Row(
    key="one",
    workload="k-anonymity",
    case="case",
    rows=1000,
    status="done",
    own=TAKEN,
    baseline=TAKEN,
)


def folder(path: Path, *rows: Row) -> None:
    for row in rows:
        Results(folder=path).put(row, machine())


def test_the_package_names_its_command_as_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["sandbox.commands"] == {"bench": "benchmarks.cli:app"}


def test_commands_of_other_packages_are_mounted_under_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = EntryPoint(name="bench", value="benchmarks.cli:app", group="sandbox.commands")
    monkeypatch.setattr(cli, "entry_points", lambda group: [point] if group == point.group else [])
    mounted = typer.Typer()
    cli.mount(mounted)
    assert runner.invoke(mounted, ["bench", "--help"]).exit_code == 0


def test_a_regression_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    before, after = tmp_path / "a", tmp_path / "b"
    folder(before, ROW)
    folder(after, replace(ROW, own=None, status="timeout"))
    assert runner.invoke(app, ["compare", str(before), str(after)]).exit_code == 1
    assert runner.invoke(app, ["compare", str(before), str(before)]).exit_code == 0


def test_the_page_shows_every_row_and_plots(tmp_path: Path) -> None:
    folder(tmp_path, ROW, replace(ROW, key="two", rows=10_000))
    out = tmp_path / "page.html"
    asked = ["page", "--results", str(tmp_path), "--out", str(out), "--docs", str(tmp_path / "d")]
    done = runner.invoke(app, asked)
    assert done.exit_code == 0, done.output
    text = out.read_text()
    assert text.count("<svg") == 3  # one of lines, one of bars per size
    assert "10,000" in text
    assert (tmp_path / "d").read_text() == summary(Results(folder=tmp_path))


def test_settings_have_keys_of_their_own_and_peers_have_pins() -> None:
    settings = [setting for workload in WORKLOADS for setting in workload.settings]
    assert len({setting.key for setting in settings}) == len(settings)
    needed = {setting.environment for setting in settings} - {HERE}
    assert needed <= set(Environments.known())
    assert {setting.workload for setting in settings} == {each.name for each in WORKLOADS}


def test_the_documentation_says_what_the_results_say() -> None:
    if not list(RESULTS.glob("*.json")):
        pytest.skip("no results are committed yet")
    assert (ROOT / "docs" / "benchmarks.md").read_text() == summary(Results(folder=RESULTS))
