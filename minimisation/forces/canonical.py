"""One spelling per identifier: trimmed, upper case, Unicode NFKC (UAX 15).

`A1`, `a1`, `A1 ` and A1 in full-width letters are one person; counted as four they would escape
every bound on what one person adds.
"""

import unicodedata
from collections.abc import Sequence

import duckdb

from minimisation.forces import sql

TABLE = "spelling"
"""Temporary table of the spellings that SQL alone cannot bring into canonical form."""


def canonical(value: str) -> str:
    """The canonical spelling of an identifier; empty if nothing is left of it."""
    # twice, because upper case can undo the normal form and the normal form can hold blanks
    text = unicodedata.normalize("NFKC", value).strip().upper()
    return unicodedata.normalize("NFKC", text).strip()


def prepare(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> bool:
    """Fill `spelling` with the canonical form of every value that SQL alone gets wrong.

    Returns:
        Whether there are any.
    """
    connection.execute(f"create or replace temp table {TABLE} (raw varchar, canonical varchar)")
    known: dict[str, str] = {}
    for column in columns:
        value = f"cast({sql.name(column)} as varchar)"
        query = f"select distinct {value} from {sql.name(table)} where {_beyond(value)}"
        known |= {str(raw): canonical(str(raw)) for (raw,) in connection.execute(query).fetchall()}
    if known:
        connection.executemany(f"insert into {TABLE} values (?, ?)", list(known.items()))
    return bool(known)


def canonical_sql(expression: str, *, beyond_ascii: bool) -> str:
    """SQL of the canonical spelling; missing where nothing is left.

    Args:
        expression: SQL of the raw value.
        beyond_ascii: what `prepare` returned for its column.
    """
    text = f"cast({expression} as varchar)"
    spelled = f"upper(trim({text}))"
    if beyond_ascii:
        other = f"(select any_value(s.canonical) from {TABLE} s where s.raw = {text})"
        spelled = f"case when {_beyond(text)} then {other} else {spelled} end"
    return f"nullif({spelled}, '')"


def _beyond(text: str) -> str:
    """Whether `upper(trim())` alone would miss something; cheap, because it runs on every row."""
    blank = f"left({text}, 1) < ' ' or right({text}, 1) < ' '"
    return f"(strlen({text}) > length({text}) or {blank})"  # more bytes than characters
