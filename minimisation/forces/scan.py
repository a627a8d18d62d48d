"""Counts what free text reveals: special-category terms, names, phones, e-mail, NI, postcodes.

A count of rows per kind, never a quotation. Patterns find what is written plainly; a count of
zero is no proof that a text is harmless.
"""

from dataclasses import dataclass

import duckdb

from minimisation.forces import sql

PATTERNS: dict[str, str] = {
    "phone number": r"(\+44|\b0)[ -]?\d{2,4}[ -]?\d{3,4}[ -]?\d{3,4}\b",
    "e-mail address": r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b",
    "national insurance number": r"\b[a-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[a-d]\b",
    "postcode": r"\b[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}\b",
    "date of birth": r"\b(dob|d\.o\.b\.?|born)\b",
    "health": r"\b(diagnos\w*|depress\w*|schizo\w*|bipolar|hiv|pregnan\w*|disab\w*|suicid\w*|"
    r"self[- ]harm\w*|medicat\w*|dementia|autis\w*|epilep\w*)\b",
    "religion or belief": r"\b(christian|muslim|islam\w*|hindu|sikh|jew\w*|buddhis\w*|catholic|"
    r"mosque|church|synagogue|temple|atheis\w*)\b",
    "race or ethnic origin": r"\b(ethnic\w*|asian|black|caribbean|african|romany|gypsy|traveller|"
    r"nationality)\b",
    "sexual life or orientation": r"\b(gay|lesbian|bisexual|transgender|homosexual|sex work\w*)\b",
    "politics or trade union": r"\b(trade union\w*|labour party|conservative party|activis\w*|"
    r"protest\w*)\b",
}
"""Kind → RE2 pattern, matched without regard to case. DPA 2018 s.35(8) and identifiers."""

SHORTEST = 3
"""Names with fewer letters match too much."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many rows of a free-text column hold a kind of identifier or sensitive term."""

    column: str
    """Column."""
    rows: int
    """Rows with any text."""
    kinds: dict[str, int]
    """Kind → rows that hold it at least once; kinds with none are left out."""


def scan(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, names: str | None
) -> Found:
    """Scan one free-text column.

    Args:
        connection: of the force.
        table: table of the text.
        column: the text.
        names: relation with a column `name`: given and family names of the person table; None
            where there is no person table.
    """
    text = sql.name(column)
    counted = ", ".join(f"count(*) filter (where regexp_matches({text}, ?, 'i'))" for _ in PATTERNS)
    row = connection.execute(
        f"select count({text}), {counted} from {sql.name(table)}", list(PATTERNS.values())
    ).fetchone()
    rows, *hits = row or (0, *(0 for _ in PATTERNS))
    kinds = dict(zip(PATTERNS, hits, strict=True))
    if names is not None:
        kinds["name of a person on record"] = _named(connection, table, text, names)
    return Found(column=column, rows=int(rows), kinds={k: int(n) for k, n in kinds.items() if n})


def _named(connection: duckdb.DuckDBPyConnection, table: str, text: str, names: str) -> int:
    # whole words are looked up, so that the cost grows with the text and not with the names
    row = connection.execute(
        f"""with words as (
            select row_number() over () as place,
                unnest(regexp_extract_all(lower({text}), '[\\p{{L}}''-]+')) as word
            from {sql.name(table)} where {text} is not null
        ), known as (select distinct lower(trim(name)) as name from ({names}))
        select count(distinct place) from words join known on word = name
        where length(name) >= {SHORTEST}"""
    ).fetchone()
    return int(row[0]) if row else 0
