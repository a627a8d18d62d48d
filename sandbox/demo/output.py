"""SQL that writes one SYNTHETIC force's harmonised tables: numbers become labels and ids here."""

from collections.abc import Mapping

from minimisation.contract.tables import TABLES
from sandbox.demo.draws import among, draw, happens, pick, scrambled, slot, whole
from sandbox.demo.events import CONVICTED, key
from sandbox.demo.forces import AS_OF, FORCES, DemoForce, per_force
from sandbox.demo.lists import (
    AREAS_PER_FORCE,
    DISTRICT_PARTS,
    EMPLOYMENT,
    ETHNICITIES,
    FAMILY_NAMES,
    GIVEN_NAMES,
    NOTHING_FOUND,
    OBJECTS,
    OFFENCES,
    OUTCOMES,
    PLACES,
    PROTECTED_HANDLING,
    PUBLISHED_ETHNICITY,
    RISK_MARKERS,
    THEMES,
    area_labels,
)

OPENINGS = ("Seen near", "Said to meet others at", "Believed to store goods by", "Stopped close to")
"""How an intelligence text begins."""

SUSPECT_TABLES = ("suspected", "later", "label_crime")
"""Generator's tables of suspects' rows: before the as-of date, after it, and the label's."""

AGE_BANDS = """CASE WHEN age < 18 THEN '10-17' WHEN age < 25 THEN '18-24'
    WHEN age < 35 THEN '25-34' ELSE 'over 34' END"""
"""Age bands in the words of data.police.uk."""


def table_sql(table: str, seed: int, number: int) -> str:
    """Rows of a harmonised table of one force, in order of their key, with the contract's types.

    Args:
        table: a name in `TABLES`.
        seed: seed of the demo.
        number: position of the force in `FORCES`.
    """
    force = FORCES[number]
    maker = {
        "person": _person,
        "crime": _crime,
        "involvement": _involvement,
        "custody": _custody,
        "intelligence": _intelligence,
        "stop_search": _search,
    }[table]
    values, rows = maker(seed, force, number)
    columns = TABLES[table].columns
    chosen = ", ".join(f"({values[name]})::{kind} AS {name}" for name, kind in columns.items())
    return f"SELECT {chosen} FROM {rows} ORDER BY {TABLES[table].key}"


def district_labels() -> tuple[str, ...]:
    """Labels of all districts, force by force."""
    return tuple(f"{force.name.capitalize()} {part}" for force in FORCES for part in DISTRICT_PARTS)


def person_id(number: int, record: str = "record") -> str:
    """Local id of a record: the same human has unrelated ids in different forces."""
    return f"'SYN-{FORCES[number].code}-P' || {scrambled(record, 3 + number, 8)}"


def _person(seed: int, force: DemoForce, number: int) -> tuple[Mapping[str, str], str]:
    missing = {n: per_force(n)[number] for n in ("religion", "sexual_orientation", "disability")}
    given = among(GIVEN_NAMES, whole("n", 0, len(GIVEN_NAMES)))
    letters = f"chr(65 + {whole('l', 2, 26)}) || chr(65 + {whole('l', 3, 26)})"
    postcode = (
        f"'X{chr(65 + number)}' || (1 + area_no % {AREAS_PER_FORCE}) || ' ' || "
        f"{whole('l', 1, 10)} || {letters}"
    )
    handling = among(PROTECTED_HANDLING, "record % 2")
    values = {
        "person_id": person_id(number),
        "linkage_token": f"'SYN' || md5('{int(seed)}|token|' || human)",
        "given_name": f"CASE WHEN copy > 0 AND {happens('l', 0, 150)} "
        f"THEN left({given}, 1) || '.' ELSE {given} END",
        "family_name": among(FAMILY_NAMES, whole("n", 1, len(FAMILY_NAMES))),
        "birth_date": "birth_date",
        "postcode": postcode,
        "sex": "sex",
        "ethnicity": among(ETHNICITIES, "known_ethnicity"),
        "religion": _unless_missing("religion.label", 0, missing["religion"]),
        "sexual_orientation": _unless_missing(
            "orientation.label", 1, missing["sexual_orientation"]
        ),
        "disability": _unless_missing("disability.label", 2, missing["disability"]),
        "vulnerable": "CASE WHEN vulnerable THEN 'yes' ELSE 'no' END",
        "employment": among(EMPLOYMENT, "employment"),
        "district": _district(),
        "small_area": _area(),
        "deprivation": "deprivation",
        "handling": f"CASE WHEN protected_record THEN {handling} ELSE '{force.standard}' END",
        "recorded_on": f"DATE '{AS_OF}' - span - {whole('q', 3, 365)}",
        "review_result": "CASE WHEN reviewed_on IS NOT NULL THEN review_result END",
        "reviewed_on": "reviewed_on",
    }
    drawn = f"""(SELECT *, {draw(seed, "name", "human")} AS n, {draw(seed, "belief", "human")} AS b,
          {draw(seed, "local", "record")} AS l, {draw(seed, "quiet", "record")} AS q
        FROM labelled WHERE labelled.force_no = {number}) AS drawn"""
    joins = (
        pick("religion", "-1", slot("b", 0)),
        pick("orientation", "-1", slot("b", 1)),
        pick("disability", "-1", slot("b", 2)),
    )
    return values, " ".join([drawn, *joins])


def _crime(_seed: int, force: DemoForce, number: int) -> tuple[Mapping[str, str], str]:
    values = {
        "crime_id": _id(force, "C", "crime_key"),
        "occurred_on": "occurred_on",
        "recorded_on": "recorded_on",
        "offence": among([offence for offence, _ in OFFENCES], "offence"),
        "severity": among([severity for _, severity in OFFENCES], "offence"),
        "small_area": _area(),
        "district": _district(),
    }
    return values, f"crime WHERE force_no = {number}"


def _involvement(_seed: int, force: DemoForce, number: int) -> tuple[Mapping[str, str], str]:
    values = {
        "involvement_id": _id(force, "V", "involvement_key"),
        "crime_id": _id(force, "C", "crime_key"),
        "person_id": person_id(number),
        "role": "role",
        "arrested": "CASE WHEN arrested THEN 'yes' WHEN NOT arrested THEN 'no' END",
        "recorded_on": "recorded_on",
    }
    others = (
        f"SELECT {key('kind', 'record', 'place')} AS involvement_key, crime_key, record, role, "
        f"NULL::BOOLEAN AS arrested, involved_on AS recorded_on FROM involved "
        f"WHERE force_no = {number}"
    )
    suspects = (_suspect_rows(table, number) for table in SUSPECT_TABLES)
    return values, f"({' UNION ALL '.join((others, *suspects))}) AS involvement"


def _suspect_rows(table: str, number: int) -> str:
    """A suspect's involvement, and the conviction that may follow under the same crime."""
    suspect = f"""SELECT {key("kind", "record", "place")}, crime_key, record, 'suspect', arrested,
        involved_on FROM {table} WHERE force_no = {number}"""
    convicted = f"""SELECT {key(f"kind + {CONVICTED}", "record", "place")}, crime_key, record,
        'convicted', NULL, convicted_on FROM {table}
        WHERE force_no = {number} AND convicted_on IS NOT NULL"""
    return f"{suspect} UNION ALL {convicted}"


def _custody(_seed: int, force: DemoForce, number: int) -> tuple[Mapping[str, str], str]:
    values = {
        "custody_id": _id(force, "D", key("kind", "record", "place")),
        "person_id": person_id(number),
        "started_on": "custody_on",
        "ended_on": "custody_on + custody_days",
        "offence": among([offence for offence, _ in OFFENCES], "offence"),
        "risk_marker": among(RISK_MARKERS, "marker"),
    }
    columns = "kind, record, place, custody_on, custody_days, offence, marker"
    parts = [
        f"SELECT {columns} FROM {table} WHERE force_no = {number} AND custody_on IS NOT NULL"
        for table in SUSPECT_TABLES
    ]
    return values, f"({' UNION ALL '.join(parts)}) AS custody"


def _intelligence(_seed: int, force: DemoForce, number: int) -> tuple[Mapping[str, str], str]:
    name = (
        f"{among(GIVEN_NAMES, f'digits % {len(GIVEN_NAMES)}')} || ' ' || "
        f"{among(FAMILY_NAMES, f'digits_2 % {len(FAMILY_NAMES)}')}"
    )
    text = (
        f"{among(OPENINGS, 'opening')} || ' ' || {among(PLACES, 'at_place')} || '.' || "
        f"CASE WHEN named THEN ' With ' || {name} || '.' ELSE '' END || "
        "CASE WHEN phone THEN ' Uses 07700 900' || lpad(digits::VARCHAR, 3, '0') || '.' "
        "ELSE '' END || CASE WHEN insurance THEN ' Gave QQ' || lpad(digits_2::VARCHAR, 3, '0') "
        "|| lpad(digits::VARCHAR, 3, '0') || 'C.' ELSE '' END"
    )
    handling = among(PROTECTED_HANDLING, "place % 2")
    values = {
        "intelligence_id": _id(force, "I", key("5", "record", "place")),
        "person_id": person_id(number),
        "recorded_on": "recorded_on",
        "kind": "CASE WHEN fact THEN 'fact' ELSE 'assessment' END",
        "theme": among(THEMES, "theme"),
        "handling": f"CASE WHEN protected_record THEN {handling} ELSE '{force.standard}' END",
        "text": text,
    }
    return values, f"intelligence WHERE force_no = {number}"


def _search(_seed: int, force: DemoForce, number: int) -> tuple[Mapping[str, str], str]:
    values = {
        "search_id": _id(force, "S", key("6", "record", "place")),
        "person_id": person_id(number),
        "searched_on": "searched_on",
        "sex": "CASE sex WHEN 'male' THEN 'Male' WHEN 'female' THEN 'Female' END",
        "age_band": f"CASE WHEN age_known THEN {AGE_BANDS} END",
        "ethnicity": among(PUBLISHED_ETHNICITY, "ethnicity"),
        "object": among(OBJECTS, "object"),
        "outcome": f"CASE WHEN found THEN {among(OUTCOMES, 'outcome')} ELSE '{NOTHING_FOUND}' END",
        "found": "found",
        "small_area": _area(),
    }
    return values, f"search WHERE force_no = {number}"


def _unless_missing(label: str, index: int, per_mille: int) -> str:
    return f"CASE WHEN NOT {happens('q', index, per_mille)} THEN {label} END"


def _id(force: DemoForce, letter: str, number: str) -> str:
    return f"'SYN-{force.code}-{letter}' || {scrambled(number, ord(letter), 10)}"


def _area() -> str:
    return among(area_labels(len(FORCES)), "area_no")


def _district() -> str:
    return among(district_labels(), f"area_no // {AREAS_PER_FORCE // len(DISTRICT_PARTS)}")
