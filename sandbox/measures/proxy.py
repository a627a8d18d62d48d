"""Proxies: can a sensitive column be told from the columns that are kept?

Leaving a column out does not take its information out (Barocas and Selbst 2016; redlining by
postcode). In each force a forest is trained on members to tell every sensitive or protected column
from the other kept ones, and judged on held-out people against the commonest value. The scan of
text counts patterns of identifiers in released values that no list of categories accounts for.
"""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sklearn.ensemble import ExtraTreesClassifier

from minimisation import (
    Categories,
    Column,
    Forces,
    Microdata,
    Release,
    Scene,
    Statistics,
    UseCase,
)
from sandbox.attacks import guesses
from sandbox.findings import Finding

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("column",)]
    + [(name, pa.float64()) for name in ("people", "told", "commonest", "told_only", "common_only")]
)
"""Counts of held-out people: told rightly, of the commonest value, and right in one way only."""

LEAF = 20
"""Fewest members in a leaf: what is told is a pattern, not a memory."""

TREES = 20
"""Trees of a forest."""

MOST_ROWS = 20_000
"""Most members that a forest is trained on."""

PATTERNS = {
    "postcodes": r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b",
    "telephone numbers": r"(?:\+44|\b0)\d{4} ?\d{3} ?\d{2,3}\b",
    "national insurance numbers": r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
    "email addresses": r"[\w.+-]+@[\w-]+\.[\w.]+",
    "vehicle registrations": r"\b[A-Z]{2}\d{2} ?[A-Z]{3}\b",
    "crime references": r"\b\d{2}[A-Z0-9]{2}/\d{4,6}/\d{2}\b",
    "dates": r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{4}\b",
}
"""Patterns of identifiers in British text."""


@dataclass(frozen=True, kw_only=True)
class ProxyTrial:
    """Counts how often a hidden column is told from the kept ones."""

    kept: tuple[str, ...]
    """Columns that are kept."""
    name: str = "proxy-trial"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Column and counts of held-out people."""
        return SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Train on this force's members and judge on its held-out people."""
        rng = scene.rng()
        sides = [
            side.order("share, unit").to_arrow_table() for side in (scene.members, scene.held_out)
        ]
        found = []
        for column in hidden(scene.use_case):
            rest = [name for name in self.kept if name != column.name]
            if rest and all(side.num_rows for side in sides):
                counts = told(scene.use_case, column, rest, (sides[0], sides[1]), rng)
                found.append({"column": column.name} | counts)
        return pa.Table.from_pylist(found, schema=SCHEMA)


def told(
    use_case: UseCase,
    column: Column,
    rest: list[str],
    sides: tuple[pa.Table, pa.Table],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Counts of held-out people whose value was told, and whose value is the commonest.

    Args:
        use_case: declares the columns.
        column: what is told.
        rest: from what.
        sides: members and held-out people; values outside the domain are left out.
        rng: samples members and seeds the forest.
    """
    labels = [guesses.codes(column, side) for side in sides]
    known = [each >= 0 for each in labels]
    coded = [
        guesses.scaled(use_case, rest, side)[keep].astype(np.float32)
        for side, keep in zip(sides, known, strict=True)
    ]
    learnt, truth = (each[keep] for each, keep in zip(labels, known, strict=True))
    if len(learnt) == 0:
        return dict.fromkeys(SCHEMA.names[1:], 0.0)
    some = rng.permutation(len(learnt))[:MOST_ROWS]
    forest = ExtraTreesClassifier(
        n_estimators=TREES, min_samples_leaf=LEAF, random_state=int(rng.integers(2**31))
    )
    forest.fit(coded[0][some], learnt[some])
    right = forest.predict(coded[1]) == truth if len(truth) else np.zeros(0, dtype=np.bool_)
    usual = np.bincount(learnt).argmax() == truth
    return {
        "people": float(len(truth)),
        "told": float(right.sum()),
        "commonest": float(usual.sum()),
        "told_only": float((right & ~usual).sum()),
        "common_only": float((usual & ~right).sum()),
    }


def hidden(use_case: UseCase) -> list[Column]:
    """Sensitive and protected columns."""
    return [
        column
        for column in use_case.columns
        if column.role == "sensitive_attribute" or column.protected
    ]


def kept_columns(use_case: UseCase, release: Release) -> tuple[str, ...]:
    """What the release shows, or what the question needs; identifiers and the target left out."""
    artefact = release.artefact
    shown = artefact.table.column_names if isinstance(artefact, Microdata) else use_case.needed
    return tuple(
        column.name
        for column in use_case.columns
        if column.name in shown and column.role not in ("direct_identifier", "target")
    )


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Gain over the commonest value for every sensitive column, and identifiers in text."""
    kept = kept_columns(forces.use_case, release)
    found = gains(forces, kept, seed)
    if isinstance(release.artefact, Microdata):
        found += _scanned(forces.use_case, release.artefact)
    return found


def gains(forces: Forces, kept: tuple[str, ...], seed: int) -> list[Finding]:
    """Gain over the commonest value for every sensitive column, told from the kept ones."""
    nothing = Release(artefact=Statistics(table=pa.table({})))
    tables = forces.assess(ProxyTrial(kept=kept), nothing, seed)
    total: dict[str, dict[str, float]] = {}
    for table in tables.values():
        for row in table.to_pylist():
            sums = total.setdefault(row.pop("column"), dict.fromkeys(row, 0.0))
            for name, value in row.items():
                sums[name] += value
    return [_gain(column, sums) for column, sums in total.items() if sums["people"]]


def scan(use_case: UseCase, rows: pa.Table) -> dict[str, int]:
    """Released text values that hold a pattern of an identifier; categories are not scanned."""
    listed = {c.name for c in use_case.columns if isinstance(c.domain, Categories)}
    counts = dict.fromkeys(PATTERNS, 0)
    for name in rows.column_names:
        values = rows.column(name)
        if name in listed or name == "force" or not pa.types.is_string(values.type):
            continue
        text = [value for value in values.to_pylist() if value is not None]
        for kind, pattern in PATTERNS.items():
            seek = re.compile(pattern).search
            counts[kind] += sum(seek(value) is not None for value in text)
    return counts


def _gain(column: str, sums: dict[str, float]) -> Finding:
    """Paired difference of two shares of the same people, with Wald's interval."""
    people = sums["people"]
    gain = (sums["told"] - sums["commonest"]) / people
    unlike = sums["told_only"] + sums["common_only"]
    half = 1.96 * np.sqrt(max(unlike / people - gain**2, 0.0) / people)
    note = (
        f"told rightly: {sums['told'] / people:.3f} of held-out people; baseline: commonest value"
    )
    return Finding(
        measure=f"proxy_gain_{column}",
        value=gain,
        better="neither",
        low=float(gain - half),
        high=float(gain + half),
        baseline=sums["commonest"] / people,
        note=note,
    )


def _scanned(use_case: UseCase, artefact: Microdata) -> list[Finding]:
    return [
        Finding(
            measure=f"text_with_{kind.replace(' ', '_')}",
            value=float(count),
            better="lower",
            note="released values in which the pattern occurs; a pattern is not proof",
        )
        for kind, count in scan(use_case, artefact.table).items()
    ]
