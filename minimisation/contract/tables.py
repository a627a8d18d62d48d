"""The harmonised tables that every force's feeds are brought into, and how they refer to others.

References are N:1 and lead away from the table that holds the person column, so that following
one never multiplies a person's rows.
"""

from dataclasses import dataclass

PERSON = "person_id"
"""Name of the one person column of every table that has one."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A harmonised table: column name → DuckDB type, its key and its references."""

    key: str
    """Unique record id."""
    columns: dict[str, str]
    """Column name → DuckDB type; the key and the person column included."""
    references: dict[str, str]
    """Referred table → column here that holds the other table's key."""


TABLES: dict[str, Table] = {
    "person": Table(
        key="person_id",
        columns={
            "person_id": "VARCHAR",
            "linkage_token": "VARCHAR",
            "given_name": "VARCHAR",
            "family_name": "VARCHAR",
            "birth_date": "DATE",
            "postcode": "VARCHAR",
            "sex": "VARCHAR",
            "ethnicity": "VARCHAR",
            "religion": "VARCHAR",
            "sexual_orientation": "VARCHAR",
            "disability": "VARCHAR",
            "vulnerable": "VARCHAR",
            "employment": "VARCHAR",
            "district": "VARCHAR",
            "small_area": "VARCHAR",
            "deprivation": "INTEGER",
            "handling": "VARCHAR",
            "recorded_on": "DATE",
            "review_result": "VARCHAR",
            "reviewed_on": "DATE",
        },
        references={},
    ),
    "crime": Table(
        key="crime_id",
        columns={
            "crime_id": "VARCHAR",
            "occurred_on": "DATE",
            "recorded_on": "DATE",
            "offence": "VARCHAR",
            "severity": "VARCHAR",
            "small_area": "VARCHAR",
            "district": "VARCHAR",
        },
        references={},
    ),
    "involvement": Table(
        key="involvement_id",
        columns={
            "involvement_id": "VARCHAR",
            "crime_id": "VARCHAR",
            "person_id": "VARCHAR",
            "role": "VARCHAR",
            "arrested": "VARCHAR",
            "recorded_on": "DATE",
        },
        references={"person": "person_id", "crime": "crime_id"},
    ),
    "custody": Table(
        key="custody_id",
        columns={
            "custody_id": "VARCHAR",
            "person_id": "VARCHAR",
            "started_on": "DATE",
            "ended_on": "DATE",
            "offence": "VARCHAR",
            "risk_marker": "VARCHAR",
        },
        references={"person": "person_id"},
    ),
    "intelligence": Table(
        key="intelligence_id",
        columns={
            "intelligence_id": "VARCHAR",
            "person_id": "VARCHAR",
            "recorded_on": "DATE",
            "kind": "VARCHAR",
            "theme": "VARCHAR",
            "handling": "VARCHAR",
            "text": "VARCHAR",
        },
        references={"person": "person_id"},
    ),
    "stop_search": Table(
        key="search_id",
        columns={
            "search_id": "VARCHAR",
            "person_id": "VARCHAR",
            "searched_on": "DATE",
            "sex": "VARCHAR",
            "age_band": "VARCHAR",
            "ethnicity": "VARCHAR",
            "object": "VARCHAR",
            "outcome": "VARCHAR",
            "found": "INTEGER",
            "small_area": "VARCHAR",
        },
        references={"person": "person_id"},
    ),
}
