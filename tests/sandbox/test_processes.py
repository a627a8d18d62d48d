"""Processes of runs: each its own, told apart when they fail, and silent about what failed."""

import os
from pathlib import Path
from typing import Any

import pytest

from sandbox.processes import RunFailedError, answer_of
from sandbox.worker import answer_order

OPTION = """
import os, signal
from dataclasses import dataclass

@dataclass(frozen=True, kw_only=True)
class {name}:
    name = "{option}"
    summary = "{option}"
    keeps_direct_identifiers = False
    def apply(self, forces, use_case, rng):
        {deed}
"""

PLAN = """
use_case = "stop-search"
repeats = 1
options = ["{option}"]
option_files = ["deed.py"]
[data]
status = "demo"
[data.demo]
people = 600
"""


def order(workspace: Path, option: str, deed: str) -> dict[str, Any]:
    text = OPTION.format(name=option.title(), option=option, deed=deed)
    folder = workspace.parent
    (folder / "deed.py").write_text(text, "utf-8")
    (folder / "plan.toml").write_text(PLAN.format(option=option), "utf-8")
    about = {"option": option, "repeat": 0, "code": {"attacks": "none", "flags": "none"}}
    return about | {"plan": str(folder / "plan.toml"), "workspace": str(workspace)}


def test_a_run_that_is_killed_is_told_by_its_signal(demo_workspace: Path) -> None:
    with pytest.raises(RunFailedError, match="was ended by SIGKILL"):
        answer_of(
            answer_order, order(demo_workspace, "dies", "os.kill(os.getpid(), signal.SIGKILL)")
        )


def test_a_run_that_raises_is_told_by_kind_and_quotes_nothing(
    demo_workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RunFailedError) as caught:
        answer_of(
            answer_order, order(demo_workspace, "raises", "raise KeyError('Zebediah Canary')")
        )
    assert str(caught.value) == "its process ended with KeyError"
    printed = capfd.readouterr()
    assert "Zebediah" not in printed.out + printed.err


def test_a_run_that_leaves_without_a_word_is_a_failure(demo_workspace: Path) -> None:
    with pytest.raises(RunFailedError, match="ended with an error"):
        answer_of(answer_order, order(demo_workspace, "leaves", "os._exit(3)"))


def test_every_run_has_a_process_of_its_own(demo_workspace: Path) -> None:
    """The server has what all need; it makes no run's peak memory another's."""
    deed = "raise __import__('minimisation').NotApplicableError(str(os.getpid()))"
    found = {
        answer_of(answer_order, order(demo_workspace, "tells", deed))["reason"] for _ in range(2)
    }
    assert len(found) == 2
    assert str(os.getpid()) not in found
