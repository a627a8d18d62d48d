"""What never enters a store: media, biometric and genetic columns, and restricted handling codes.

The Stage 1 assessment of the National Data Analytics Solution promises these in 2.2 and 5.11.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from minimisation.contract.sources import AnyAfter, CountBefore, Field
from minimisation.contract.tables import PERSON, TABLES
from minimisation.contract.usecase import UseCase

NEVER: dict[str, str] = {
    "media": r"photo|image|picture|video|footage|audio|recording|mugshot|media|thumbnail|cctv",
    "biometric": r"biometric|finger_?print|palm_?print|face_?(id|template|print)|iris|retina|"
    r"voice_?print|gait|template_?(hash|id)",
    "genetic": r"dna|genetic|genome|genotype|allele",
}
"""Kind of data → names of columns that hold it."""

BINARY = ("BLOB", "BIT")
"""Column types that hold media or templates, whatever the column is called."""


@dataclass(frozen=True, kw_only=True)
class RefusedColumn:
    """A source column that is never read."""

    column: str
    """Its name."""
    rule: str
    """Which kind of data it is taken to hold."""


def refused_columns(columns: Mapping[str, str]) -> tuple[RefusedColumn, ...]:
    """Columns that must not be read, judged by name and type alone.

    Args:
        columns: source column → DuckDB type.
    """
    refused = []
    for name, kind in columns.items():
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower())
        for data, pattern in NEVER.items():
            if re.search(rf"(^|_)({pattern})(s?)(_|$)", plain):
                refused.append(RefusedColumn(column=name, rule=f"{data} data is never stored"))
                break
        else:
            if kind.upper().startswith(BINARY):
                refused.append(RefusedColumn(column=name, rule="binary data is never stored"))
    return tuple(refused)


def needed_columns(use_cases: Iterable[UseCase]) -> dict[str, frozenset[str]]:
    """Harmonised table → the columns that approved use cases name; nothing else is loaded.

    Keys, the person column, the linkage token and the columns that joins need come along.
    """
    needed: dict[str, set[str]] = {}
    for use_case in use_cases:
        for table, column in _named(use_case):
            referred, _, own = column.rpartition(".")
            needed.setdefault(referred or table, set()).add(own)
            if referred:
                needed.setdefault(table, set()).add(TABLES[table].references[referred])
    return {name: _with_keys(name, columns) for name, columns in needed.items()}


def _named(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """Table and possibly dotted column of everything a use case reads."""
    yield from ((use_case.table, column) for column in use_case.where)
    if use_case.unit == "person" and use_case.table != "person":
        yield use_case.table, f"person.{PERSON}"
    for declared in use_case.declared:
        source = declared.source or Field(column=declared.name)
        if isinstance(source, CountBefore | AnyAfter):
            yield from ((source.table, column) for column in (source.date, *source.where))
            continue
        yield use_case.table, source.column
        if isinstance(source, Field) and source.dated_by:
            yield use_case.table, source.dated_by


def _with_keys(table: str, columns: set[str]) -> frozenset[str]:
    known = TABLES[table].columns
    keys = {TABLES[table].key, PERSON, "linkage_token"} & set(known)
    return frozenset((columns | keys) & set(known))
