"""Decides for every landed row: accepted, refused or quarantined, by one SQL statement.

Refusals come first, so that a record that may not be stored is not even examined.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from minimisation.contract.tables import PERSON, TABLES
from minimisation.forces import canonical, casts, sql
from minimisation.forces.landing import LANDED, landed_name
from minimisation.forces.mapping import MappedColumn
from minimisation.forces.mapping import Mapping as SourceMapping

RESTRICTED = "its handling code is restricted"
ABOUT_REFUSED = "it is about a person whose record is refused"
REPEATED = "its record id occurs before"

REFUSED_PEOPLE = "refused_person"
"""Temporary table of the ids of people whose record is refused; gone with the connection."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One reason not to store a row."""

    condition: str
    """SQL over a read row."""
    reason: str
    """What is said about it."""
    refusal: bool = False
    """Whether the row is refused rather than quarantined."""


def judge(
    connection: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    chosen: Mapping[str, MappedColumn],
    types: Mapping[str, str],
    taken: frozenset[str],
) -> tuple[Rule, ...]:
    """Make the temporary table `judged_TABLE` and the view `accepted_TABLE`.

    Args:
        connection: with `landed` on it.
        mapping: how the source is mapped.
        chosen: harmonised columns to make.
        types: DuckDB type of each source column.
        taken: tables that were taken before, to which references are checked.

    Returns:
        The rules; column `rule` of `judged_TABLE` is a place in them, or missing if accepted.
    """
    landed = {
        name: column.model_copy(update={"source": landed_name(column.source)})
        for name, column in chosen.items()
    }
    ids = [column.source for column in landed.values() if column.kind == "id"]
    ids += [landed_name(mapping.key)] if mapping.key else []
    beyond = canonical.prepare(connection, LANDED, ids)
    made = [
        casts.cast(name, column, types[chosen[name].source], beyond_ascii=beyond)
        for name, column in landed.items()
    ]
    rules = tuple(_rules(mapping, made, chosen, taken))
    key = sql.name(TABLES[mapping.table].key)
    judged, names = f"judged_{mapping.table}", [key, *(sql.name(cast.name) for cast in made)]
    cases = " ".join(f"when {r.condition} then {place}" for place, r in enumerate(rules))
    connection.execute(
        f"create temp table {judged} as with read as ({read_sql(mapping, made, beyond=beyond)}) "
        f"select source_row, {', '.join(names)}, "
        f"cast({f'case {cases} end' if cases else 'null'} as integer) as rule from read"
    )
    repeated = Rule(condition="", reason=REPEATED)
    _mark_repeated(connection, judged, key, len(rules))
    connection.execute(
        f"create temp view accepted_{mapping.table} as "
        f"select {', '.join(names)} from {judged} where rule is null"
    )
    if mapping.table == "person":
        refusals = [str(place) for place, rule in enumerate(rules) if rule.refusal]
        connection.execute(
            f"create temp table {REFUSED_PEOPLE} as select distinct {key} from {judged} "
            f"where list_contains([{', '.join(refusals)}]::integer[], rule) and {key} is not null"
        )
    return (*rules, repeated)


def read_sql(mapping: SourceMapping, made: list[casts.Cast], *, beyond: bool) -> str:
    """Landed rows with their key and harmonised values beside the raw ones."""
    if mapping.key is not None:
        source = sql.name(landed_name(mapping.key))
        key = canonical.canonical_sql(source, beyond_ascii=beyond)
    else:
        # equal rows are told apart by their number, so that an unchanged row keeps its id
        place = "row_number() over (partition by content order by source_row)"
        key = f"content || '-' || {place}"
    values = "".join(f", {cast.value} as {sql.name(cast.name)}" for cast in made)
    return f"select *, {key} as {sql.name(TABLES[mapping.table].key)}{values} from {LANDED}"


def _rules(
    mapping: SourceMapping,
    made: list[casts.Cast],
    chosen: Mapping[str, MappedColumn],
    taken: frozenset[str],
) -> Iterator[Rule]:
    table = TABLES[mapping.table]
    key = sql.name(table.key)
    if mapping.handling is not None:
        code = (
            f"coalesce(trim(cast({sql.name(landed_name(mapping.handling.source))} as varchar)), '')"
        )
        accept = sql.texts(mapping.handling.accept)
        yield Rule(condition=f"{code} not in {accept}", reason=RESTRICTED, refusal=True)
    if PERSON in chosen and "person" in taken:
        about = f"exists (select 1 from {REFUSED_PEOPLE} r where r.{PERSON} = read.{PERSON})"
        yield Rule(condition=about, reason=ABOUT_REFUSED, refusal=True)
    yield Rule(condition=f"{key} is null", reason=f"{table.key} is missing")
    if PERSON in chosen:
        yield Rule(condition=f"{PERSON} is null", reason=f"{PERSON} is missing")
    for cast in made:
        yield from (Rule(condition=condition, reason=reason) for condition, reason in cast.faults)
    for referred, column in table.references.items():
        if column in chosen and referred in taken:
            there = f"t.{sql.name(TABLES[referred].key)} = read.{sql.name(column)}"
            known = f"exists (select 1 from accepted_{referred} t where {there})"
            fault = f"{sql.name(column)} is not null and not {known}"
            yield Rule(condition=fault, reason=f"{column} names no accepted {referred} record")


def _mark_repeated(
    connection: duckdb.DuckDBPyConnection, judged: str, key: str, place: int
) -> None:
    # distinct hashes prove distinct ids, and are counted in a fraction of the time
    row = connection.execute(
        f"select count(*) = count(distinct hash({key})) from {judged} where rule is null"
    ).fetchone()
    if row and row[0]:
        return
    connection.execute(
        f"""update {judged} set rule = {place} where source_row in (
            select source_row from (
                select source_row, row_number() over (partition by {key} order by source_row) as n
                from {judged} where rule is null
            ) where n > 1
        )"""
    )
