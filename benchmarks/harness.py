"""Runs settings one by one, each in a process of its own, and keeps what became of every one."""

import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.environments import Environments
from benchmarks.results import FINISHED, Results, Row, Runs, Status, blank, commit, machine
from benchmarks.setting import HERE, Setting, Workload
from benchmarks.watched import Limits, Watched, watch
from minimisation import UseCaseError

ROOT = Path(__file__).parent.parent
"""Folder that processes import `benchmarks` from."""

GIGABYTE = 10**9
SLACK = 3
"""A process is ended where it holds so many times its memory: peers keep to no limit."""

GRACE = 1.5
"""A process is ended after so many times the seconds of its setting."""

START = 20.0
"""Seconds for imports and opening, on top."""

GENERATION = 900.0
"""Seconds that data may take to generate."""

GENERATION_MEMORY = 18
"""Gigabytes that generating data may take: it is no part of what is measured."""

FOLDERS = r"(?<![\w.])/(?:[^\s/'\":,;()]+/)+"
"""The folders of an absolute path."""

Say = Callable[[str, int, int], None]
"""Told what runs, how many are finished, and how many there are."""


@dataclass(frozen=True, kw_only=True)
class Harness:
    """Runs settings of workloads and keeps rows in a folder of results."""

    workloads: Sequence[Workload]
    """Everything there is."""
    results: Results
    """Where rows go."""
    data: Path
    """Where data is kept between settings."""
    environments: Environments = field(default_factory=Environments.usual)
    """The peers'."""

    def chosen(self, tier: str, only: str = "") -> list[Setting]:
        """Settings of a tier, those of an earlier tier included, in order of running.

        Raises:
            UseCaseError: if no workload has that name.
        """
        names = [workload.name for workload in self.workloads]
        if only and only not in names:
            raise UseCaseError(f"benchmark ({only}) must be one of: {', '.join(names)}")
        tiers = ("quick",) if tier == "quick" else ("quick", "full")
        settings = [
            setting
            for workload in self.workloads
            for setting in workload.settings
            if setting.tier in tiers and only in ("", setting.workload)
        ]
        return sorted(settings, key=lambda setting: setting.rank)

    def run(self, settings: Sequence[Setting], say: Say, minutes: float | None = None) -> list[Row]:
        """Run what is not finished, until the time is up.

        What the time does not allow is kept as `not run`.

        Raises:
            UseCaseError: if the folder holds results of another machine or other versions.
        """
        header = machine()
        if self.results.header() not in ({}, header):
            raise UseCaseError(
                f"results ({self.results.folder}) must be of this machine and these versions; "
                "choose another --results"
            )
        until = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
        old, rows = {row.key: row for row in self.results.rows()}, []
        for place, setting in enumerate(settings):
            say(f"{setting.workload}: {setting.case}, {setting.rows:,} rows", place, len(settings))
            known = old.get(setting.key)
            if known is not None and known.status in FINISHED:
                rows.append(known)
                continue
            left = until - time.monotonic()
            row = self.one(setting, left) if left > 0 else blank(setting, reason="time was up")
            self.results.put(row, header)
            rows.append(row)
        say("done", len(settings), len(settings))
        return rows

    def one(self, setting: Setting, left: float = float("inf")) -> Row:
        """Run one setting, whatever becomes of it.

        Args:
            setting: what is run.
            left: seconds that are left for it.
        """
        row = replace(blank(setting), commit=commit(), at=_now())
        if not self.environments.present(setting.environment):
            name = setting.environment
            return replace(
                row, status="skipped", reason=f"build its environment: sandbox bench peers {name}"
            )
        workload = next(each for each in self.workloads if each.name == setting.workload)
        data = self.data / (setting.data or "nothing")
        if workload.generate is not None and setting.data and not data.exists():
            limits = Limits(
                seconds=min(GENERATION, left + START), memory=GENERATION_MEMORY * GIGABYTE
            )
            made, _ = self._process(setting, "generate", workload.generate.__module__, HERE, limits)
            if not data.exists():
                what = f"data: {_why(made)}"
                cut = left < GENERATION and made.ended == "timeout"
                return replace(row, status="not run" if cut else "failed", reason=what)
        seconds = min(setting.seconds * GRACE, left) + START
        limits = Limits(seconds=seconds, memory=_most(setting))
        module = setting.module or workload.trial.__module__
        went, found = self._process(setting, "trial", module, setting.environment, limits)
        row = replace(_row(row, went, found), at=_now())
        if row.status == "timeout" and left < setting.seconds * GRACE:
            return replace(row, status="not run", reason="time was up while it ran")
        return row

    def _process(
        self, setting: Setting, function: str, module: str, environment: str, limits: Limits
    ) -> tuple[Watched, dict[str, Any]]:
        self.data.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="work-", dir=self.data) as folder:
            order = Path(folder) / "order.json"
            content = {
                "module": module,
                "function": function,
                "setting": asdict(setting),
                "data": str((self.data / (setting.data or "nothing")).resolve()),
            }
            order.write_text(json.dumps(content), "utf-8")
            python = str(self.environments.python(environment))
            variables = _variables(setting.threads, Path(folder))
            words = [python, "-m", "benchmarks.child", str(order.resolve())]
            went = watch(words, limits, Path(folder), variables, self.data)
            done = order.with_suffix(".done")
            found = json.loads(done.read_text("utf-8")) if done.is_file() else {}
        return went, found


def _variables(threads: int, folder: Path) -> dict[str, str]:
    """This process's variables, with the threads of every engine and homes in a folder."""
    engines = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON")
    limits = {f"{engine}_NUM_THREADS": str(threads) for engine in engines}
    homes = {"XDG_DATA_HOME": str(folder), "TMPDIR": str(folder)}
    ours = {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": str(threads), "PYTHONHASHSEED": "0"}
    return os.environ | limits | homes | ours


def _row(row: Row, went: Watched, found: dict[str, Any]) -> Row:
    """The row with what a process answered, or with why it did not."""
    row = replace(
        row,
        peak_tree_bytes=went.peak_bytes,
        spill_bytes=went.spill_bytes,
        seconds_in_all=went.seconds,
    )
    if went.ended == "timeout":
        return replace(row, status="timeout", reason=f"not done within {went.seconds:.0f} s")
    if went.ended or went.code or not found:
        status: Status = "out of memory" if went.ended else "failed"
        return replace(row, status=status, reason=_why(went))
    return replace(
        row,
        status="done",
        own=_runs(found),
        baseline=_runs(found["baseline"]) if found["baseline"] else None,
        warm=found["warm"],
        figures=found["figures"],
    )


def _runs(found: dict[str, Any]) -> Runs:
    return Runs(
        seconds=tuple(found["seconds"]),
        cpu_seconds=found["cpu_seconds"],
        peak_bytes=found["peak_bytes"],
    )


def _why(went: Watched) -> str:
    if went.ended:
        return f"{went.ended}: ended after {went.seconds:.0f} s, {went.peak_bytes / 1e9:.1f} GB"
    last = went.said.strip().splitlines()[-1:] or ["no message"]
    # folders of this machine say nothing to a reader
    return f"exit {went.code}: {re.sub(FOLDERS, '', last[0])[:300]}"


def _most(setting: Setting) -> int:
    return SLACK * setting.memory * GIGABYTE


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
