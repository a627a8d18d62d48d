"""SQL that turns one source column into one harmonised column, and the rules a value can break."""

from collections.abc import Iterator
from dataclasses import dataclass

from minimisation.forces import sql
from minimisation.forces.canonical import canonical_sql
from minimisation.forces.mapping import MappedColumn

EARLIEST, LATEST = "1900-01-01", "2100-01-01"
"""Dates outside are garbled, not history."""

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
"""Source types that are whole numbers already."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """A harmonised column as SQL over the landed source."""

    name: str
    """Harmonised name."""
    value: str
    """SQL of the value; missing where the source has none or it cannot be read."""
    faults: tuple[tuple[str, str], ...]
    """(SQL condition, reason) pairs that quarantine a row; a reason never holds a value."""


def cast(name: str, column: MappedColumn, kind: str, *, beyond_ascii: bool) -> Cast:
    """The cast of one mapped column.

    Args:
        name: harmonised name.
        column: how it is mapped.
        kind: DuckDB type of the source column.
        beyond_ascii: whether the column has identifiers that are not plain ASCII.
    """
    text = _text(column)
    if column.kind == "id":
        value = canonical_sql(text, beyond_ascii=beyond_ascii)
    elif column.kind in ("identifier", "free_text"):
        value = text
    elif column.kind == "label":
        value = _label(column, text)
    elif column.kind == "integer" and column.codes:
        value = f"cast({_label(column, text)} as bigint)"
    else:
        value = {"integer": _integer, "date": _date, "month": _month}[column.kind](
            text, sql.name(column.source), kind
        )
    return Cast(name=name, value=value, faults=tuple(_faults(name, column, text)))


def _text(column: MappedColumn) -> str:
    trimmed = f"trim(cast({sql.name(column.source)} as varchar))"
    if not column.missing:
        return f"nullif({trimmed}, '')"
    return f"(case when {trimmed} not in {sql.texts(['', *column.missing])} then {trimmed} end)"


def _label(column: MappedColumn, text: str) -> str:
    if column.codes:
        cases = " ".join(
            f"when {sql.text(code)} then {sql.text(label)}" for code, label in column.codes.items()
        )
        return f"case {text} {cases} end"
    if column.labels:
        return f"case when {text} in {sql.texts(column.labels)} then {text} end"
    return text


def _integer(text: str, source: str, kind: str) -> str:
    if kind in INTEGERS:
        return f"cast({source} as bigint)"
    # a plain cast would round 3.5 to 4
    whole = f"regexp_full_match({text}, '[+-]?[0-9]{{1,18}}(\\.0+)?')"
    return f"case when {whole} then try_cast(split_part({text}, '.', 1) as bigint) end"


def _date(text: str, source: str, kind: str) -> str:
    if kind == "DATE":
        return source
    if kind.startswith("TIMESTAMP"):
        return f"try_cast({source} as date)"
    shape = f"regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ].*)?')"
    return f"case when {shape} then try_cast(left({text}, 10) as date) end"


def _month(text: str, _source: str, _kind: str) -> str:
    shape = f"regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}')"
    return f"case when {shape} then try_cast({text} || '-01' as date) end"


def _faults(name: str, column: MappedColumn, text: str) -> Iterator[tuple[str, str]]:
    value = sql.name(name)
    unread = {
        "label": "is not in its code list",
        "integer": "is not a whole number",
        "date": "is not a date",
        "month": "is not a month",
    }.get(column.kind)
    if column.codes:
        unread = "is not in its code list"
    if unread and (column.kind != "label" or column.codes or column.labels):
        yield f"{text} is not null and {value} is null", f"{name} {unread}"
    if column.required:
        yield f"{value} is null", f"{name} is missing"
    if column.kind in ("date", "month"):
        outside = f"not ({value} between date '{EARLIEST}' and date '{LATEST}')"
        yield outside, f"{name} is not a plausible date"
    if column.low is not None:
        yield f"{value} < {column.low}", f"{name} is out of range"
    if column.high is not None:
        yield f"{value} > {column.high}", f"{name} is out of range"
