"""What was planted in a SYNTHETIC demo and how it came out, as one JSON document."""

from typing import Any

import duckdb

from sandbox.demo.forces import AS_OF, FORCES, MISSING
from sandbox.demo.label import auc_sql
from sandbox.demo.lists import AREAS_PER_FORCE, OFFENCES, PROTECTED_HANDLING, area_labels
from sandbox.demo.records import INSURANCE_PER_MILLE, NAME_PER_MILLE, PHONE_PER_MILLE
from sandbox.demo.truth import (
    ARREST_RATE,
    FOUND_RATE,
    HISTORY_DAYS,
    HOTSPOT,
    INTERCEPT,
    PLANTED,
    REVIEW_HIGH_PER_MILLE,
    REVIEWED_PER_MILLE,
    SEARCH_WEIGHT,
    SHARED_PER_MILLE,
    THIRD_PER_MILLE,
    WINDOW_MONTHS,
    terms,
)


def ground_truth(
    connection: duckdb.DuckDBPyConnection, *, people: int, seed: int
) -> dict[str, Any]:
    """The document: what was planted, and exact counts of what came of it.

    Args:
        connection: holds the generator's tables.
        people: how many people were asked for.
        seed: the seed.
    """
    return {
        "marking": "SYNTHETIC: every person, place, force and event is invented",
        "seed": seed,
        "people": people,
        "as_of": AS_OF.isoformat(),
        "forces": _forces(connection),
        "label_model": _label_model(connection),
        "group_disparity": {
            "search_weight_by_ethnicity": SEARCH_WEIGHT,
            "found_per_mille_by_ethnicity": FOUND_RATE,
            "says": "some groups are searched more often and less is found on them",
        },
        "recording_bias": {
            "arrested_per_mille_by_ethnicity": ARREST_RATE,
            "added_per_mille_by_force": {force.name: force.arrest_shift for force in FORCES},
            "says": "a suspect's arrest depends on ethnicity and force; the offence does not, "
            "so that arrest is a biased proxy of offence",
        },
        "hotspot": _hotspot(people),
        "duplicates": _duplicates(connection),
        "after_as_of": {
            "column": "review_result",
            "dated_by": "reviewed_on",
            "reviewed_per_mille": REVIEWED_PER_MILLE,
            "high_per_mille_of_reviews": REVIEW_HIGH_PER_MILLE,
            "says": "known only after the as-of date and made from the label",
        },
        "history": {
            "held_days": HISTORY_DAYS,
            "useful_months": WINDOW_MONTHS,
            "says": "given the features of the last 24 months, older events carry no signal",
        },
        "never_ingest": {"handling": list(PROTECTED_HANDLING)},
        "free_text_per_mille": {
            "phone number 07700 900xxx": PHONE_PER_MILLE,
            "insurance number QQxxxxxxC": INSURANCE_PER_MILLE,
            "name": NAME_PER_MILLE,
        },
        "missing_per_mille": {
            force.name: {column: force.missing.get(column, MISSING[column]) for column in MISSING}
            for force in FORCES
        },
    }


def _forces(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    counts = connection.execute(
        "SELECT force_no, count(*), count(*) FILTER (label) FROM labelled "
        "GROUP BY force_no ORDER BY force_no"
    ).fetchall()
    by_number = {number: (records, labels) for number, records, labels in counts}
    return {
        force.name: {
            "title": force.title,
            "role": force.role,
            "person_records": by_number.get(number, (0, 0))[0],
            "with_label": by_number.get(number, (0, 0))[1],
        }
        for number, force in enumerate(FORCES)
    }


def _label_model(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    records, labels = _row(connection, "SELECT count(*), count(*) FILTER (label) FROM label")
    planted = terms()
    return {
        "target": "serious_violence",
        "kind": "logistic, on the scale of the use case's public encoding",
        "intercept": INTERCEPT,
        "coefficients": planted,
        "bounds": {f.name: [f.low, f.high] for f in PLANTED if f.high},
        "labels": {f.name: list(f.labels) for f in PLANTED if f.labels},
        "features_without_signal": [f.name for f in PLANTED if not any(f.terms().values())],
        "force_effect": 0.0,
        "person_records": records,
        "with_label": labels,
        "auc_of_planted_probabilities": _row(connection, auc_sql())[0],
    }


def _hotspot(people: int) -> dict[str, Any]:
    offence, severity = OFFENCES[HOTSPOT.offence]
    area = HOTSPOT.force * AREAS_PER_FORCE + HOTSPOT.area
    return {
        "force": FORCES[HOTSPOT.force].name,
        "small_area": area_labels(len(FORCES))[area],
        "offence": offence,
        "severity": severity,
        "month": HOTSPOT.month,
        "excess": HOTSPOT.excess(people),
    }


def _duplicates(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    several, three = _row(
        connection, "SELECT count(*) FILTER (copies > 1), count(*) FILTER (copies > 2) FROM human"
    )
    return {
        "shared_per_mille": SHARED_PER_MILLE,
        "of_those_in_three_per_mille": THIRD_PER_MILLE,
        "people_in_several_forces": several,
        "people_in_three_forces": three,
        "says": "same linkage_token, different person_id",
    }


def _row(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[Any, ...]:
    found = connection.execute(statement).fetchone()
    return found if found is not None else ()
