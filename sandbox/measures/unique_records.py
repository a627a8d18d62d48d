"""Records that one person alone has: how many of them a release of rows shows as they are.

Read against a plain sample of the raw rows, because a table of classes of k can show more of them
than such a sample does: the National Institute of Standards and Technology found so of its own
`k_anonymity_k_6` submission (Task and others, Collaborative Research Cycle, 2023).
"""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from minimisation import Forces, Microdata, Release, Scene
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.copies import FEWEST_COLUMNS, plain_columns
from sandbox.findings import Finding

MEASURE = "unique_records_shown"

SAMPLE = 0.4
"""Share of the raw rows that the release is read against."""


@dataclass(frozen=True, kw_only=True)
class UniqueRecords:
    """Counts members' records that no other member has, and those of them that were released."""

    name: str = "unique-records"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Records that one person alone has on the released plain attributes, and those shown."""
        return pa.schema([("alone", pa.int64()), ("shown", pa.int64())])

    def observe(self, scene: Scene) -> pa.Table:
        """Count in this force; nothing where too few plain attributes were released."""
        names = plain_columns(scene)
        found = []
        if isinstance(scene.artefact, Microdata) and len(names) >= FEWEST_COLUMNS:
            held = Counter(_records(scene.members.to_arrow_table(), names))
            released = set(_records(of_force(scene.artefact.table, scene.force), names))
            alone = [record for record, times in held.items() if times == 1]
            shown = sum(record in released for record in alone)
            found.append({"alone": len(alone), "shown": shown})
        return pa.Table.from_pylist(found, schema=self.schema)


def findings(forces: Forces, release: Release, seed: int, k: float | None = None) -> list[Finding]:
    """The share of such records that the release shows; nothing if it shows no plain records.

    Args:
        forces: opened.
        release: what is judged.
        seed: of the assessment.
        k: records in the release's smallest class of equal quasi-identifiers, where it has any.
    """
    tables = forces.assess(UniqueRecords(), release, seed).values()
    rows = [row for table in tables for row in table.to_pylist()]
    alone, shown = (sum(row[name] for row in rows) for name in ("alone", "shown"))
    if not alone:
        return []
    share = shown / alone
    return [
        Finding(
            measure=MEASURE,
            value=share,
            better="neither",
            baseline=SAMPLE,
            note=told(share, k),
        )
    ]


def told(share: float, k: float | None) -> str:
    """What the share means beside a sample of the raw rows, in the report's words."""
    less = f"a sample of {SAMPLE:.0%} of the raw rows would show {SAMPLE:.0%} of them"
    if share <= SAMPLE:
        return less
    classes = f"although every class has at least {k:.0f} records, " if k and k > 1 else ""
    return f"{less}; {classes}to release that sample instead would have given fewer people away"


def _records(table: pa.Table, names: list[str]) -> list[tuple[object, ...]]:
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
