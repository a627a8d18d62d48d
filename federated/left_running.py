"""Programs that were left running when the process that started them ended: found again, stopped.

What is known of them is in one file of their folder.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minimisation import SandboxError

RUNNING = "running.json"
"""File in the folder that says which programs were left running."""

FAREWELL = 5.0
"""Seconds that programs have to end by themselves."""


def leave(folder: Path, programs: Mapping[str, "subprocess.Popen[bytes]"], **facts: object) -> None:
    """Write down which programs keep running, and what else is to be known of them.

    Args:
        folder: theirs.
        programs: name → running program.
        facts: plain values.
    """
    running = {name: [each.pid, started(each.pid)] for name, each in programs.items()}
    (folder / RUNNING).write_text(json.dumps({**facts, "programs": running}), "utf-8")


def states(folder: Path) -> dict[str, tuple[int, bool]]:
    """Program → its process and whether it runs, of a federation that was left running.

    Raises:
        SandboxError: if there is none.
    """
    programs: dict[str, tuple[int, str]] = kept(folder)["programs"]
    return {
        name: (pid, bool(began) and started(pid) == began)
        for name, (pid, began) in programs.items()
    }


def stop_detached(folder: Path) -> int:
    """Stop every program that was left running; returns how many did run.

    Raises:
        SandboxError: if there is no such federation.
    """
    running = [pid for pid, runs in states(folder).values() if runs]
    for pid in reversed(running):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + FAREWELL
    while (left := _left(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    (folder / RUNNING).unlink()
    return len(running)


def _left(folder: Path) -> list[int]:
    return [pid for pid, runs in states(folder).values() if runs]


def kept(folder: Path) -> dict[str, Any]:
    """What was written down when programs were left running.

    Raises:
        SandboxError: if there is no such federation.
    """
    path = folder / RUNNING
    if not path.is_file():
        raise SandboxError("a federation must be running; start one: sandbox federate up PLAN")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def started(pid: int) -> str:
    """When a process began, empty if it has ended: a number alone could be another's by now."""
    words = ["ps", "-o", "stat=,lstart=", "-p", f"{pid}"]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout  # noqa: S603 - no shell
    state, _, began = said.strip().partition(" ")
    return "" if state.startswith("Z") else began.strip()
