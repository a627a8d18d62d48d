"""A process that is watched from outside: ended when it takes too long or holds too much memory.

Memory is the sum over the process and its descendants, so that engines with processes of their own
(Java, Ray) are counted; what two of them share is counted twice.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.05
"""Seconds between two looks at memory."""

SPILL_INTERVAL = 0.5
"""Seconds between two looks for spilled files: folders of stores are slow to walk."""

SPILLED = "duckdb_temp_"
"""How the names of files begin that DuckDB spills to."""

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a process is ended."""

    seconds: float
    """Wall clock from its start."""
    memory: int
    """Bytes that it and its descendants hold."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How a process went."""

    code: int
    """Exit code; below 0: ended by that signal."""
    ended: str
    """`timeout` or `out of memory` if it was ended for that; else empty."""
    said: str
    """The end of what it wrote to standard error."""
    seconds: float
    """Wall clock from start to end."""
    peak_bytes: int
    """Most memory seen, descendants included."""
    spill_bytes: int
    """Most bytes seen in spilled files."""


def watch(
    command: Sequence[str],
    limits: Limits,
    folder: Path,
    environment: Mapping[str, str],
    spill_in: Path,
) -> Watched:
    """Run a command to its end.

    Args:
        command: program and words.
        limits: when it is ended.
        folder: where it works; its error output goes to `stderr.txt` there.
        environment: its variables.
        spill_in: folder below which engines spill.
    """
    log = folder / "stderr.txt"
    peak = spill = 0
    ended, start, look = "", time.monotonic(), 0.0
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdout=subprocess.DEVNULL,
            stderr=said,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            while process.poll() is None and not ended:
                peak = max(peak, sum(resident(each) for each in descendants(process.pid)))
                if time.monotonic() > look:
                    spill = max(spill, spilled(spill_in))
                    look = time.monotonic() + SPILL_INTERVAL
                if time.monotonic() - start > limits.seconds:
                    ended = "timeout"
                elif peak > limits.memory:
                    ended = "out of memory"
                else:
                    _pause(process)
        finally:
            _end(process)
    return Watched(
        code=process.returncode,
        ended=ended,
        said=log.read_text("utf-8", "replace")[-2000:],
        seconds=round(time.monotonic() - start, 3),
        peak_bytes=peak,
        spill_bytes=spill,
    )


def _pause(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(INTERVAL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process, and its descendants that are still there."""
    left = list(descendants(process.pid))
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)  # its own session, hence its own group
    for each in left[1:]:
        with contextlib.suppress(OSError):
            os.kill(each, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> Iterator[int]:
    """The process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            words = children.read_text().split()
        except OSError:
            continue
        for child in words:
            yield from descendants(int(child))


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 if it has ended or cannot be read."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def spilled(folder: Path) -> int:
    """Bytes in spilled files below a folder, while others come and go there."""
    total = 0
    for place, _, names in os.walk(folder):  # what vanishes meanwhile is passed over
        for name in names:
            if name.startswith(SPILLED):
                with contextlib.suppress(OSError):
                    total += Path(place, name).stat().st_size
    return total
