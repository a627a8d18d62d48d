"""SQL steps that draw SYNTHETIC crimes and who is involved in them; one step, one table.

A crime with a suspect is made by that suspect's row; victims and witnesses join one of those in
their force, or have a crime of their own. Rows are told apart by *kind*, record and place.
"""

from collections.abc import Sequence

from sandbox.demo.draws import draw, happens, pick, slot, whole
from sandbox.demo.forces import AS_OF, FORCES
from sandbox.demo.lists import AREAS_PER_FORCE, ETHNICITIES, OFFENCES, RISK_MARKERS
from sandbox.demo.people import by_force
from sandbox.demo.truth import (
    ARREST_RATE,
    CONVICTED_PER_MILLE,
    FUTURE_DAYS,
    HISTORY_DAYS,
    HOTSPOT,
)

SUSPECTED, LATER, LABEL, OTHER, HOT = range(5)
"""Kinds of row: suspect before as-of, after it, the label, victim or witness, hotspot."""

CONVICTED = 8
"""Added to the kind of a suspect's row for the conviction that follows from it."""

SERIOUS = tuple(n for n, (_, severity) in enumerate(OFFENCES) if severity == "serious violence")
"""Positions of the offences of serious violence."""

_DAY = f"DATE '{AS_OF}'"


def key(kind: str, record: str, place: str) -> str:
    """A whole number below 2**40 that is unique per kind, record and place."""
    return f"(({kind})::BIGINT << 36 | {record} * 512 + {place})"


def suspect_sql(seed: int, kind: int) -> str:
    """Suspects' rows of one kind, each with the crime it makes.

    Before the as-of date people repeat a favoured offence half of the time; after it no crime
    of serious violence happens but by the label process.
    """
    count = {SUSPECTED: "n_suspect", LATER: "n_later", LABEL: "n_label"}[kind]
    what = {SUSPECTED: "offence", LATER: "later offence", LABEL: "serious offence"}[kind]
    day = {SUSPECTED: f"{_DAY} - 1 - {whole('d', 0, 'span')}"}.get(
        kind, f"{_DAY} + {whole('d', 0, FUTURE_DAYS)}"
    )
    people = "labelled" if kind == LABEL else "activity"
    exploded = f"SELECT *, unnest(range({count}))::INTEGER AS place FROM {people} WHERE {count} > 0"
    hashed = f"""
        SELECT *, {draw(seed, f"crime {kind}", "record * 512 + place")} AS d,
          {draw(seed, f"suspect {kind}", "record * 512 + place")} AS e
        FROM ({exploded})
        """
    favoured = f"CASE WHEN {happens('d', 3, 500)} THEN favourite ELSE {slot('d', 2)} END"
    dated = f"""
        SELECT *, {day} AS occurred_on, {_lag("d", 1)} AS lag, {favoured} AS offence_slot
        FROM ({hashed})
        """
    number = pick(what, "dated.force_no", "offence_slot")
    return f"""
        WITH dated AS ({dated})
        SELECT {kind} AS kind, record, place, dated.force_no, first_crime + place AS crime_no,
          {key(str(kind), "record", "place")} AS crime_key, occurred_on,
          occurred_on + lag AS recorded_on, occurred_on + lag + {whole("e", 3, 15)} AS involved_on,
          {what.replace(" ", "_")}.number AS offence,
          CASE WHEN {happens("e", 1, 500)} THEN area_no
            ELSE {AREAS_PER_FORCE} * dated.force_no + area.number END AS area_no,
          {happens("e", 2, _arrest_rate())} AS arrested,
          {draw(seed, f"outcome {kind}", "record * 512 + place")} AS f
        FROM dated
        {number}
        {pick("area", "dated.force_no", slot("e", 0))}
        """


def outcome_sql(table: str) -> str:
    """Suspects' rows with dates of conviction and custody, NULL where they did not happen."""
    held = f"arrested AND {happens('f', 1, 600)}"
    return f"""
        SELECT * EXCLUDE (f),
          CASE WHEN {happens("f", 0, CONVICTED_PER_MILLE)}
            THEN involved_on + 30 + {whole("f", 2, 170)} END AS convicted_on,
          CASE WHEN {held} THEN involved_on END AS custody_on,
          {whole("f", 2, 3)} AS custody_days, {whole("f", 3, len(RISK_MARKERS))} AS marker
        FROM {table}
        """


def victim_sql(seed: int) -> str:
    """Victims and witnesses, each with a crime: half join a suspect's, half have their own."""
    exploded = (
        "SELECT *, unnest(range(n_victim))::INTEGER AS place FROM activity WHERE n_victim > 0"
    )
    hashed = f"""
        SELECT *, {draw(seed, "victim", "record * 512 + place")} AS d,
          {draw(seed, "own crime", "record * 512 + place")} AS e,
          {draw(seed, "joined crime", "record * 512 + place")} AS f
        FROM ({exploded})
        """
    dated = f"""
        SELECT hashed.*,
          {_DAY} - {HISTORY_DAYS} + {whole("e", 0, HISTORY_DAYS + FUTURE_DAYS)} AS occurred_on,
          {_lag("e", 1)} AS lag, CASE WHEN {happens("d", 0, 500)} AND crimes > 0
            THEN (force_count.first_crime + (f >> 1)::BIGINT % crimes)::BIGINT END AS wanted
        FROM ({hashed}) AS hashed JOIN force_count USING (force_no)
        """
    return f"""
        WITH dated AS ({dated})
        SELECT {OTHER} AS kind, record, place, dated.force_no, wanted,
          {key(str(OTHER), "record", "place")} AS crime_key, occurred_on,
          occurred_on + lag AS recorded_on, {whole("d", 3, 15)} AS delay,
          CASE WHEN {happens("d", 2, 650)} THEN 'victim' ELSE 'witness' END AS role,
          offence.number AS offence, {AREAS_PER_FORCE} * dated.force_no + area.number AS area_no
        FROM dated
        {pick("offence", "dated.force_no", slot("e", 2))}
        {pick("area", "dated.force_no", slot("e", 3))}
        """


def involved_sql() -> str:
    """Victims and witnesses with the crime that they are recorded under, never their own deed."""
    return """
        SELECT v.kind, v.record, v.place, v.force_no, v.role,
          coalesce(s.crime_key, v.crime_key) AS crime_key,
          coalesce(s.recorded_on, v.recorded_on) + delay AS involved_on
        FROM victim AS v LEFT JOIN suspected AS s ON s.crime_no = v.wanted
        WHERE s.record IS DISTINCT FROM v.record
        """


def hot_sql(seed: int, people: int) -> str:
    """The crimes that the hotspot adds; nobody is suspected of them."""
    first = f"DATE '{HOTSPOT.month}-01'"
    return f"""
        SELECT {key(str(HOT), "i", "0")} AS crime_key, {HOTSPOT.force} AS force_no, occurred_on,
          occurred_on + 1 AS recorded_on, {HOTSPOT.offence} AS offence,
          {AREAS_PER_FORCE * HOTSPOT.force + HOTSPOT.area} AS area_no
        FROM (SELECT i, {first} + {whole(draw(seed, "hotspot", "i"), 0, 28)} AS occurred_on
              FROM range({HOTSPOT.excess(people)}) AS counter(i))
        """


def crime_sql() -> str:
    """All crimes of all kinds, with numbers for labels."""
    columns = "crime_key, force_no, occurred_on, recorded_on, offence, area_no"
    tables: Sequence[str] = ("suspected", "later", "label_crime", "hot")
    parts = [f"SELECT {columns} FROM {table}" for table in tables]
    parts.append(f"SELECT {columns} FROM victim WHERE wanted IS NULL")
    return " UNION ALL ".join(parts)


def _lag(bits: str, index: int) -> str:
    """Days from occurring to recording: often none, sometimes months."""
    factors = by_force([force.lag for force in FORCES])
    return f"least(120, {factors} * (16384 // ({whole(bits, index, 16384)} + 1) - 1))::INTEGER"


def _arrest_rate() -> str:
    base = by_force([ARREST_RATE[label] for label in ETHNICITIES], "ethnicity")
    return f"({base} + {by_force([force.arrest_shift for force in FORCES], 'dated.force_no')})"
