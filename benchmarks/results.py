"""Result files: one per workload, rows whatever became of them, and the machine they are of."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.setting import Setting
from minimisation import UseCaseError

SCHEMA = 1
"""Version of a result file."""

PACKAGES = ("duckdb", "opendp", "numpy", "pandas", "pyarrow", "scikit-learn", "sdv", "flwr")
"""Packages whose versions can change a figure."""

WRITTEN = ":(top,exclude)benchmarks/results"
"""What git is not asked about."""

Status: TypeAlias = Literal["done", "failed", "timeout", "out of memory", "skipped", "not run"]
FINISHED: frozenset[str] = frozenset({"done", "failed", "timeout", "out of memory"})
"""What resuming does not run again."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Repeated times of one thing."""

    seconds: tuple[float, ...]
    """Wall clock of each run."""
    cpu_seconds: float
    """Median processor time."""
    peak_bytes: int
    """Most memory during a run."""

    @property
    def median(self) -> float:
        """Median seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """Fastest and slowest."""
        return min(self.seconds), max(self.seconds)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of one setting."""

    key: str
    """The setting's identity."""
    workload: str
    """Its workload."""
    case: str
    """Its case."""
    rows: int
    """Its rows."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Its parameters."""
    threads: int = 2
    """Its threads."""
    memory: int = 4
    """Its memory limit in gigabytes."""
    environment: str = ""
    """Its peer environment."""
    baseline_name: str = ""
    """What it was divided by."""
    status: Status = "not run"
    """What became of it."""
    reason: str = ""
    """Why it is not done."""
    own: Runs | None = None
    """Its runs, if done."""
    baseline: Runs | None = None
    """Its baseline's runs."""
    warm: bool = True
    """Whether there was a warm-up before the runs."""
    peak_tree_bytes: int = 0
    """Most memory of the process and its children at once, as sampled from outside."""
    spill_bytes: int = 0
    """Most bytes spilled to disk at once, as sampled from outside."""
    seconds_in_all: float = 0.0
    """From the start of the process to its end."""
    figures: dict[str, Any] = field(default_factory=dict)
    """What else was found out."""
    commit: str = ""
    """Commit that ran it."""
    at: str = ""
    """When it ended, UTC."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Own over baseline, run by run; empty without a baseline."""
        if self.own is None or self.baseline is None:
            return ()
        pairs = zip(self.own.seconds, self.baseline.seconds, strict=True)
        return tuple(own / max(base, 1e-9) for own, base in pairs)

    @property
    def ratio(self) -> float | None:
        """Median ratio; None without a baseline."""
        return statistics.median(self.ratios) if self.ratios else None


def blank(setting: Setting, status: Status = "not run", reason: str = "") -> Row:
    """A row without runs."""
    return Row(
        key=setting.key,
        workload=setting.workload,
        case=setting.case,
        rows=setting.rows,
        parameters=dict(setting.parameters),
        threads=setting.threads,
        memory=setting.memory,
        environment=setting.environment,
        baseline_name=setting.baseline,
        status=status,
        reason=reason,
    )


@dataclass(frozen=True, kw_only=True)
class Results:
    """A folder of result files, one per workload."""

    folder: Path
    """The folder."""

    def rows(self) -> list[Row]:
        """All rows, file by file.

        Raises:
            UseCaseError: if a file is not of this schema.
        """
        return [row for path in self._files() for row in _read(path)[1]]

    def header(self) -> dict[str, Any]:
        """Machine and versions; empty if there are no results yet."""
        for path in self._files():
            return _read(path)[0]
        return {}

    def put(self, row: Row, header: dict[str, Any]) -> None:
        """Write one row in place of an older one of the same setting."""
        path = self.folder / f"{row.workload}.json"
        rows = {each.key: each for each in (_read(path)[1] if path.is_file() else [])}
        rows[row.key] = row
        write(path, header, rows.values())

    def _files(self) -> Iterator[Path]:
        return iter(sorted(self.folder.glob("*.json")))


def write(path: Path, header: dict[str, Any], rows: Iterable[Row]) -> None:
    """Write a result file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = header | {"schema": SCHEMA, "rows": [asdict(row) for row in rows]}
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    draft.replace(path)


def _read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.pop("schema") != SCHEMA:
            raise UseCaseError(f"result file ({path.name}) must be of schema {SCHEMA}")
        return content, [_row(each) for each in content.pop("rows")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UseCaseError(
            f"result file ({path.name}) must be one that sandbox bench wrote"
        ) from None


def _row(given: dict[str, Any]) -> Row:
    runs = {name: _runs(given.get(name)) for name in ("own", "baseline")}
    return Row(**given | runs)


def _runs(given: dict[str, Any] | None) -> Runs | None:
    if given is None:
        return None
    return Runs(**given | {"seconds": tuple(given["seconds"])})


def machine() -> dict[str, Any]:
    """What the figures are of: processor, memory, system and versions."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count() or 0,
            "memory_bytes": _memory(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "versions": found,
    }


def commit() -> str:
    """The commit that runs; `unknown` outside a checkout; `+` where files differ from it.

    Results are written while benchmarks run, and are no part of what runs.
    """
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        differ = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", WRITTEN)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return head + ("+" if differ.strip() else "")


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", *words],  # noqa: S607 - whichever git there is
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
