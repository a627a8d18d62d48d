"""Times one thing and its baseline in turn, in this process: runs, processor time, peak memory.

Needs the standard library only, because peers are measured by it in environments of their own.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENOUGH = 0.5
"""Seconds of runs after which a short one is not repeated further."""

MOST = 10
"""Most runs of a short one, as a multiple of what was asked for."""

Figures = Mapping[str, float | int | str]
"""What else was found out: errors, rows kept, sizes."""


def nothing() -> Figures:
    """No further figures."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is timed, made ready: opening files and reading them in is over."""

    run: Callable[[], object]
    """The thing."""
    baseline: Callable[[], object] | None = None
    """What it is divided by, run in turn with it."""
    figures: Callable[[], Figures] = nothing
    """Called once when all is timed."""


@dataclass
class Series:
    """Runs of one thing."""

    step: Callable[[], object]
    """The thing."""
    seconds: list[float] = field(default_factory=list)
    """Wall clock of each run."""
    cpu: list[float] = field(default_factory=list)
    """Processor time of each run, all threads, ended child processes included."""
    peak: int = 0
    """Most memory that the process held during any run, in bytes; 0 where it cannot be read."""

    def once(self) -> float:
        """Run once; seconds."""
        forget_peak()
        processor, start = _processor(), time.perf_counter()
        self.step()
        taken = time.perf_counter() - start
        self.seconds.append(taken)
        self.cpu.append(_processor() - processor)
        self.peak = max(self.peak, peak_bytes())
        return taken

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "seconds": [round(each, 6) for each in self.seconds],
            "cpu_seconds": round(statistics.median(self.cpu), 4),
            "peak_bytes": self.peak,
        }


def measure(trial: Trial, runs: int, seconds: float) -> dict[str, Any]:
    """Warm up, then run the thing and its baseline in turn.

    Args:
        trial: what is timed.
        runs: fewest runs of each; more of one that takes milliseconds.
        seconds: time there is. Where a warm-up and all runs do not fit there are fewer of them;
            where only the warm-up fits, it is the one run, and `warm` is false.

    Returns:
        `seconds`, `cpu_seconds`, `peak_bytes`, the same of `baseline` (or None), `warm`, `figures`.
    """
    end = time.perf_counter() + seconds
    pair = [Series(trial.run), *([Series(trial.baseline)] if trial.baseline else [])]
    once = sum(series.once() for series in pair)
    warm = time.perf_counter() + once < end
    if warm:
        pair = [Series(series.step) for series in pair]
        while _more(pair[0].seconds, runs) and time.perf_counter() + once < end:
            for series in pair:
                series.once()
    own, *base = pair
    return own.as_json() | {
        "baseline": base[0].as_json() if base else None,
        "warm": warm,
        "figures": dict(trial.figures()),
    }


def _more(taken: list[float], runs: int) -> bool:
    return len(taken) < runs or (sum(taken) < ENOUGH and len(taken) < MOST * runs)


def _processor() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def forget_peak() -> None:
    """Have the operating system count the peak memory of this process from here on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # not Linux, or not permitted: the peak is then that of the whole process


def peak_bytes() -> int:
    """Most memory that this process has held, in bytes; 0 where it cannot be read."""
    status = Path("/proc/self/status")
    if sys.platform == "linux" and status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
