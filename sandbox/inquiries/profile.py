"""What the records hold, before anything is asked of them: people, their parts in events, gaps.

Fills 2.2, 2.6, 2.7 and 5.13 of the assessment form. Counts come from inside each force and are
banded before they are written: nothing here tells a small number of people.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Bounds, Categories, Release, Scene, Statistics, UseCase
from sandbox.inquiries.inquiry import Answer
from sandbox.pack import safe
from sandbox.study import Study

MOST_RECORDS = 1000
"""Records of one person that are told apart; more are counted as this many."""
SUBJECT = re.compile(r"s\.38\(3\)\([a-z]\) (.+)")
"""A category of data subject, as columns state it."""
KINDS = ("fact", "assessment")
"""What section 38 asks to be told apart."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Who and what is in the records."""

    topic: str = "profile"
    """Under what it is found."""
    title: str = "Whose records are these, and how full are they?"
    """What is asked."""
    smallest: int = field(default=safe.SMALLEST)
    """Counts below this are not shown."""

    def run(self, study: Study) -> Answer:
        """Count inside each force, add up, band."""
        nothing = Release(artefact=Statistics(table=pa.table({})))
        with study.forces() as forces:
            use_case = forces.use_case
            tables = forces.assess(Counts(), nothing, study.plan.file.seed)
        counts: Counter[tuple[str, str]] = Counter()
        for table in tables.values():
            for row in table.to_pylist():
                counts[row["part"], row["name"]] += row["count"]
        return Answer(
            summary="The records of every force were counted, and the counts banded.",
            findings=(),
            data=described(use_case, counts),
        )


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Counts of one force's records: rows, filled values, people, their records and parts."""

    name: str = "profile-counts"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Part of the profile, name within it, count."""
        return pa.schema([("part", pa.string()), ("name", pa.string()), ("count", pa.int64())])

    def observe(self, scene: Scene) -> pa.Table:
        """Count everyone, held out or not."""
        rows = scene.members.union(scene.held_out).to_arrow_table()
        found = [("rows", "", rows.num_rows)]
        for column in scene.use_case.columns:
            if column.name in rows.column_names:
                full = rows.num_rows - rows.column(column.name).null_count
                found.append(("filled", column.name, full))
        found += [("subject", part, _with(rows, names)) for part, names in parts(scene.use_case)]
        sizes = Counter(
            min(size, MOST_RECORDS)
            for size in pc.value_counts(rows.column("unit").combine_chunks())
            .field("counts")
            .to_pylist()
        )
        found += [("records", str(size), people) for size, people in sizes.items()]
        columns = [list(values) for values in zip(*found, strict=True)]
        return pa.table(dict(zip(self.schema.names, columns, strict=True)), schema=self.schema)


def parts(use_case: UseCase) -> list[tuple[str, list[str]]]:
    """Part in events → the counting columns that record it."""
    found: dict[str, list[str]] = {}
    for column in use_case.columns:
        match = SUBJECT.match(column.category or "")
        if match and isinstance(column.domain, Bounds):
            found.setdefault(match[1], []).append(column.name)
    return list(found.items())


def _with(rows: pa.Table, names: list[str]) -> int:
    """Rows in which any of the counts is above nought."""
    any_of = pa.scalar(value=False)
    for name in names:
        above = pc.fill_null(pc.greater(rows.column(name).cast(pa.float64()), 0), fill_value=False)
        any_of = pc.or_(any_of, above)
    return int(pc.sum(any_of).as_py() or 0)


def described(use_case: UseCase, counts: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Counts as the pack shows them: banded, rounded, small ones hidden."""
    rows = counts.get(("rows", ""), 0)
    sizes = {int(name): n for (part, name), n in counts.items() if part == "records"}
    people = sum(sizes.values())
    return {
        "columns": {
            name: {"filled": round(n / rows, 2) if rows else 0.0}
            for (part, name), n in counts.items()
            if part == "filled"
        },
        "people": {
            "band": safe.band(people),
            "rows_band": safe.band(rows),
            "records_p50": quantile(sizes, 0.5),
            "records_p95": quantile(sizes, 0.95),
        },
        "subjects": {
            name: safe.rounded(n) for (part, name), n in counts.items() if part == "subject"
        },
        "kinds": kinds(use_case),
        "months": _domain(use_case, "month"),
        "areas": _areas(use_case),
    }


def quantile(sizes: Mapping[int, int], share: float) -> int | None:
    """The smallest number of records that at least that share of people do not exceed.

    Args:
        sizes: records of one person → people.
        share: in (0, 1].
    """
    people, seen = sum(sizes.values()), 0
    for size in sorted(sizes):
        seen += sizes[size]
        if seen >= share * people:
            return size
    return None


def kinds(use_case: UseCase) -> dict[str, str]:
    """Fact or assessment → labels of the columns that say so of themselves."""
    found = {
        kind: [c.label for c in use_case.columns if kind in (c.category or "").split()]
        for kind in KINDS
    }
    return {f"{kind}s": ", ".join(labels) or "none stated" for kind, labels in found.items()}


def _domain(use_case: UseCase, name: str) -> str:
    column = next((c for c in use_case.columns if c.name == name), None)
    if column is None or not isinstance(column.domain, Categories):
        return "not a column of the use case"
    return f"{len(column.domain.values)}"


def _areas(use_case: UseCase) -> str:
    found = [
        f"{len(column.domain.values)} of {column.label}"
        for column in use_case.columns
        if column.name in use_case.geography and isinstance(column.domain, Categories)
    ]
    return ", ".join(found) or "whole forces"
