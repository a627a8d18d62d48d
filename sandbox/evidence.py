"""Evidence: one JSON line for the plan, then one per run and inquiry; all that a report reads.

The file is JSON Lines (jsonlines.org), appended and flushed to disk line by line, so that a
comparison killed half-way keeps every finished run; a torn last line is cut off and run again.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from minimisation import UseCaseError
from sandbox.evidence_lines import Header, Inquiry, Line, Row, check


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A whole evidence file, checked."""

    header: Header
    """The plan."""
    rows: tuple[Row, ...]
    """Finished runs, in the order in which they finished."""
    inquiries: Mapping[str, Inquiry] = field(default_factory=dict)
    """Topic → what was measured about the question and its data; the last line of each topic."""

    @property
    def early(self) -> bool:
        """Whether any run finished before the plan was fixed, which no honest file shows."""
        return any(row.at < self.header.at for row in self.rows)


def append(path: Path, line: Mapping[str, object]) -> None:
    """Check a line and write it so that it survives a kill or a power cut.

    A torn last line, left by an earlier kill, is cut off first. One process writes at a time.

    Raises:
        UseCaseError: if the line breaks the format; nothing is written.
    """
    what = f"new line of evidence ({path.name})"
    check(line, what)
    try:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise UseCaseError(
            f"{what} must hold finite numbers only; leave a figure out and say why in its note"
        ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        _cut_torn_line(file)
        file.write(text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """Every whole line as a JSON object; empty where the file is absent.

    A torn last line is left out.

    Raises:
        UseCaseError: if a line is not JSON, is of another schema or breaks a rule.
    """
    if not path.is_file():
        return []
    *whole, _torn = path.read_bytes().split(b"\n")
    lines = []
    for number, text in enumerate(whole, start=1):
        what = f"evidence ({path.name}) line {number}"
        line = _decode(text, what)
        check(line, what)
        lines.append(line)
    return lines


def finished(path: Path, plan_hash: str) -> set[tuple[str, int]]:
    """Option and repeat of every run that the file already holds, whatever its status.

    Returns:
        An empty set where the file is absent or holds no whole line.

    Raises:
        UseCaseError: if the file belongs to another plan, or is damaged.
    """
    if not read(path):
        return set()
    evidence = load(path)
    if evidence.header.plan != plan_hash:
        raise UseCaseError(
            f"evidence ({path.name}) must belong to this plan, and holds another one; "
            "a changed plan needs a file of its own"
        )
    return {(row.option, row.repeat) for row in evidence.rows}


def load(path: Path) -> Evidence:
    """A whole evidence file as values.

    Raises:
        UseCaseError: if it is missing, damaged, of two plans, or holds one run twice.
    """
    what = f"evidence ({path.name})"
    if not path.is_file():
        raise UseCaseError(f"{what} must be an existing file; `sandbox compare PLAN` writes it")
    lines = [check(line, what) for line in read(path)]
    if not lines or not isinstance(lines[0], Header):
        raise UseCaseError(f"{what} must start with the line of its plan")
    return Evidence(
        header=lines[0],
        rows=tuple(_runs(lines, lines[0].plan, what)),
        inquiries={line.topic: line for line in lines if isinstance(line, Inquiry)},
    )


def _runs(lines: list[Line], plan: str, what: str) -> Iterator[Row]:
    seen: set[tuple[str, int]] = set()
    for number, line in enumerate(lines[1:], start=2):
        if not isinstance(line, Row | Inquiry) or line.plan != plan:
            raise UseCaseError(
                f"{what} line {number} must be a run or an inquiry of the plan of line 1; "
                "keep one file per plan"
            )
        if isinstance(line, Inquiry):
            continue
        if (line.option, line.repeat) in seen:
            raise UseCaseError(
                f"{what} line {number} must not repeat option '{line.option}', repeat "
                f"{line.repeat}; run the comparison into a new file"
            )
        seen.add((line.option, line.repeat))
        yield line


def _cut_torn_line(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _decode(line: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except ValueError:
        raise UseCaseError(
            f"{what} must be one JSON object; the file was damaged after it was written"
        ) from None
    if not isinstance(value, dict):
        raise UseCaseError(f"{what} must be one JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
