"""What changed between two packs, figure by figure: a new snapshot, a new version, a new floor."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox.pack.folder import read


@dataclass(frozen=True, kw_only=True)
class Change:
    """One figure that differs."""

    section: str
    """Number of its section."""
    where: str
    """Table, row and column, or the place of a text."""
    before: str
    """What the first pack says; empty: it is not there."""
    after: str
    """What the second says."""

    def as_json(self) -> dict[str, str]:
        """As JSON values."""
        return asdict(self)


def diff(before: Path, after: Path) -> list[Change]:
    """Every difference between two packs, provenance first.

    Raises:
        UseCaseError: if one of them is no pack.
    """
    first, second = (json.loads(read(path)["evidence.json"]) for path in (before, after))
    ours, theirs = dict(_figures(first)), dict(_figures(second))
    return [
        Change(section=key[0], where=key[1], before=ours.get(key, ""), after=theirs.get(key, ""))
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    ]


def _figures(pack: dict[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Place → text, by headings where there are any, so that a new row moves no other."""
    for name, value in pack["provenance"].items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        yield ("provenance", name), text
    seen: dict[tuple[str, str], int] = {}
    for number in pack["numbers"]:
        place = [number.get(name, "") for name in ("table", "row", "column")]
        where = " / ".join(part for part in place if part) or number["anchor"]
        key = (number["section"], where)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:  # two rows of one heading are told apart by their order
            key = (key[0], f"{where} #{seen[key]}")
        yield key, number["text"]
