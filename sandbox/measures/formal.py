"""The formal view of released rows: k, l, t, uniqueness, risk in the sample and the population.

Definitions and estimates are those of `minimisation.statistics.disclosure.risk`; the population is
everybody the force holds, members and held-out people. The figures describe a release; none says
that it is safe. A k-anonymous table can give more records away than a sample of the raw rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Column, Forces, Microdata, Release, Scene, UseCase
from minimisation.statistics.disclosure import risk
from sandbox.attacks import guesses
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.cells import is_generalised, possible
from sandbox.findings import COLUMN, Finding
from sandbox.measures.resampling import Array, Integers

SCHEMA = pa.schema(
    [
        ("measure", pa.string()),
        ("about", pa.string()),
        ("value", pa.float64()),
        ("weight", pa.float64()),
    ]
)
"""One figure of a force; the weight is its number of released records."""

SMALLEST = ("formal_k", "formal_l", "formal_entropy_l")
"""Figures of which the smallest over the forces holds for all."""

LARGEST = ("formal_t",)
"""Figures of which the largest over the forces holds for all; the others are averaged."""

CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class FormalView:
    """Formal figures of the rows released about one force."""

    name: str = "formal-view"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Measure, what it is about, value, weight."""
        return SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Count this force's released rows, and whom in the force they may stand for."""
        artefact = scene.artefact
        if not isinstance(artefact, Microdata):
            return pa.Table.from_pylist([], schema=SCHEMA)
        rows = of_force(artefact.table, scene.force)
        keys = keys_of(scene.use_case, rows)
        if not keys or rows.num_rows == 0:
            return pa.Table.from_pylist([], schema=SCHEMA)
        columns = ["unit", *keys]
        people = pa.concat_tables(
            [side.to_arrow_table().select(columns) for side in (scene.members, scene.held_out)]
        )
        figures = {(name, ""): value for name, value in sample(rows, keys, artefact.share).items()}
        figures |= {(name, ""): value for name, value in population(rows, people, keys).items()}
        for column in _sensitive(scene.use_case, rows):
            for name, value in diversity(rows, keys, column).items():
                figures[name, column.name] = value
        found = [
            {"measure": name, "about": about, "value": value, "weight": float(rows.num_rows)}
            for (name, about), value in figures.items()
        ]
        return pa.Table.from_pylist(found, schema=SCHEMA)


def sample(rows: pa.Table, keys: Sequence[str], share: float = 1.0) -> dict[str, float]:
    """k, share of records alone with their key, and estimated risk of a record of the sample.

    Args:
        rows: n released records, plain or generalised.
        keys: quasi-identifiers.
        share: sampling fraction; a record weighs one over it.
    """
    weight = pa.array(np.full(rows.num_rows, 1 / share))
    counted = risk.frequencies(_text(rows, keys).append_column("weight", weight), keys, "weight")
    return {
        "formal_k": float(counted.k),
        "sample_uniqueness": float((counted.sample == 1).mean()),
        "sample_risk": float(counted.individual_risk.mean()),
    }


def population(rows: pa.Table, people: pa.Table, keys: Sequence[str]) -> dict[str, float]:
    """Share of records that fit one person of the population alone, and mean of one over fits.

    Args:
        rows: n released records, plain or generalised.
        people: records of everybody, with their `unit`.
        keys: quasi-identifiers.
    """
    fits = _fits(rows, people, keys)
    chance = np.where(fits > 0, 1 / np.maximum(fits, 1), 0.0)
    return {
        "population_uniqueness": float((fits == 1).mean()),
        "population_risk": float(chance.mean()),
    }


def diversity(rows: pa.Table, keys: Sequence[str], sensitive: Column) -> dict[str, float]:
    """Distinct and entropy l, and t, of one sensitive attribute; bins stand for numbers."""
    text = _text(rows, keys)
    codes = guesses.codes(sensitive, rows).astype(str)
    text = text.append_column("sensitive", pa.array(codes, pa.string()))
    return {
        "formal_l": float(risk.distinct_l(text, keys, "sensitive")),
        "formal_entropy_l": risk.entropy_l(text, keys, "sensitive"),
        "formal_t": risk.closeness_t(text, keys, "sensitive"),
    }


def keys_of(use_case: UseCase, rows: pa.Table) -> list[str]:
    """Released quasi-identifiers."""
    return [c.name for c in use_case.quasi_identifiers if c.name in rows.column_names]


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """Figures over all forces, exact for this release.

    The smallest k and l and the largest t hold for all forces; shares and risks are averaged over
    released records.
    """
    artefact = release.artefact
    if not isinstance(artefact, Microdata):
        return [_none("only rows have equivalence classes")]
    if artefact.synthetic:
        return [_none("the rows are drawn from a model: none is anybody's record")]
    tables = forces.assess(FormalView(), release, seed)
    collected: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for table in tables.values():
        for row in table.to_pylist():
            collected.setdefault((row["measure"], row["about"]), []).append(
                (row["value"], row["weight"])
            )
    if not collected:
        return [_none("no quasi-identifier was released")]
    keys = ", ".join(keys_of(forces.use_case, artefact.table))
    return [
        Finding(
            measure=f"{name}{COLUMN}{about}" if about else name,
            value=_together(name, values),
            better="neither",
            note=f"counted, not estimated, on {keys}" if name != "sample_risk" else _ESTIMATE,
        )
        for (name, about), values in collected.items()
    ]


_ESTIMATE = "mean chance of a right link, estimated from the sample alone (Benedetti and Franconi)"


def _together(name: str, values: list[tuple[float, float]]) -> float:
    figures, weights = np.array(values).T
    if name in SMALLEST:
        return float(figures.min())
    if name in LARGEST:
        return float(figures.max())
    return float(np.average(figures, weights=weights))


def _none(note: str) -> Finding:
    return Finding(measure="formal_k", value=None, better="neither", note=note)


def _sensitive(use_case: UseCase, rows: pa.Table) -> list[Column]:
    return [
        column
        for column in use_case.columns
        if column.role == "sensitive_attribute" and column.name in rows.column_names
    ]


def _text(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Keys as text, generalised ones too, so that equal values can be counted."""
    return pa.table({key: _as_text(rows.column(key).combine_chunks()) for key in keys})


def _as_text(values: pa.Array) -> pa.Array:
    if not is_generalised(values):
        return pc.cast(values, pa.string())
    if pa.types.is_struct(values.type):
        ends = [pc.cast(pc.struct_field(values, part), pa.string()) for part in ("low", "high")]
        return pc.binary_join_element_wise(*ends, " to ")
    return pc.binary_join(values, " or ")


def _fits(rows: pa.Table, people: pa.Table, keys: Sequence[str]) -> Integers:
    """How many people every released record may stand for. Shape (n,)."""
    text = _text(rows, keys)
    classes = np.unique(_places(text, keys), axis=0, return_index=True, return_inverse=True)
    distinct = rows.take(pa.array(classes[1])).select(list(keys))
    who = people.group_by(list(keys)).aggregate([("unit", "count_distinct")])
    counts: Array = np.asarray(who.column("unit_count_distinct"), dtype=float)
    fits = np.zeros(distinct.num_rows)
    if any(is_generalised(distinct.column(key)) for key in keys):
        for start in range(0, distinct.num_rows, CHUNK):
            may = possible(who, distinct.slice(start, CHUNK), keys)
            fits[start : start + CHUNK] = counts @ may
    else:
        held = {key: i for i, key in enumerate(zip(*_values(who, keys), strict=True))}
        for place, key in enumerate(zip(*_values(distinct, keys), strict=True)):
            fits[place] = counts[held[key]] if key in held else 0.0
    return np.round(fits).astype(np.int64)[classes[2].ravel()]


def _values(table: pa.Table, keys: Sequence[str]) -> list[list[object]]:
    return [table.column(key).to_pylist() for key in keys]


def _places(text: pa.Table, keys: Sequence[str]) -> Integers:
    parts = []
    for key in keys:
        encoded = pc.fill_null(text.column(key).combine_chunks(), "\0").dictionary_encode()
        parts.append(encoded.indices.to_numpy(zero_copy_only=False))
    return np.stack(parts, axis=1).astype(np.int64)
