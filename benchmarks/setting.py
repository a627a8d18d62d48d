"""One setting of a benchmark, and what a workload is: settings, data, and what is timed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.measuring import Trial

Tier: TypeAlias = Literal["quick", "full"]
Value: TypeAlias = str | int | float | bool
Parameters: TypeAlias = Mapping[str, Value]

HERE = ""
"""The environment that the benchmarks themselves run in."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One case at one size: runs in a process of its own and becomes one row."""

    workload: str
    """Name of the workload."""
    case: str
    """What is timed."""
    rows: int
    """Rows of the data."""
    parameters: Parameters = field(default_factory=dict)
    """What else fixes data and case."""
    baseline: str = ""
    """What the time is divided by, in words; empty: nothing."""
    data: str = ""
    """File of the data, shared by all settings that name it; empty: the trial makes its own."""
    module: str = ""
    """Module whose function `trial` is called; empty: the workload's own."""
    environment: str = HERE
    """Peer environment that it needs."""
    tier: Tier = "full"
    """The first tier that runs it."""
    rank: int = 50
    """Order of running: smallest first."""
    runs: int = 5
    """Fewest runs."""
    seconds: float = 120.0
    """Time for all of its runs; it is ended after half as much again."""
    threads: int = 2
    """Threads of every engine."""
    memory: int = 4
    """Gigabytes that the process should stay within; it is ended at three times as many."""

    @property
    def duckdb_memory(self) -> str:
        """DuckDB's part of the memory: results, frames and the interpreter need the rest."""
        return f"{self.memory * 750}MB"

    @property
    def key(self) -> str:
        """Identity of the row."""
        more = ", ".join(f"{name}={value}" for name, value in sorted(self.parameters.items()))
        machine = f"{self.threads} threads, {self.memory} GB"
        return f"{self.workload} | {self.case} | {self.rows} | {more} | {machine}"


Generate: TypeAlias = Callable[[Setting, Path], None]
"""Writes the data of a setting to a path, in a process of its own."""

Try: TypeAlias = Callable[[Setting, Path], Trial]
"""Makes a setting ready in this process; the path is that of its data."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One benchmark."""

    name: str
    """Kebab-case name."""
    title: str
    """What it measures, in a sentence."""
    settings: tuple[Setting, ...]
    """Everything that it can run."""
    trial: Try
    """Makes a setting ready."""
    generate: Generate | None = None
    """Writes data; None: trials make their own."""
