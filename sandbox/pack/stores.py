"""The stores' own facts, for 2.4, 2.5, 5.11 and 5.14; on protected data their counts are banded."""

from collections.abc import Mapping
from typing import Any

from minimisation.forces.facts import lifecycle_facts, reconciliation
from minimisation.forces.home import Home
from sandbox.pack import safe
from sandbox.study import Study


def facts(study: Study) -> dict[str, dict[str, Any]]:
    """Force → facts in words and numbers, as the sections lay them out."""
    banded = study.plan.file.data.status == "protected"
    return {name: of(home, banded=banded) for name, home in study.stores.items()}


def of(home: Home, *, banded: bool) -> dict[str, Any]:
    """One force's facts.

    Args:
        home: the force's house; no row is opened.
        banded: whether counts are rounded and small ones hidden.
    """
    found = lifecycle_facts(home)
    tallies = reconciliation(home)

    def count(number: int) -> int | str:
        return safe.rounded(number) if banded and number else number

    return {
        "snapshot": found["snapshot"] or "none",
        "extracted": found["made"] or "not recorded",
        "systems": ", ".join(tally.source or tally.table for tally in tallies),
        "rows_in": count(sum(tally.rows_in for tally in tallies)),
        "accepted": count(sum(tally.accepted for tally in tallies)),
        "refused": count(sum(sum(tally.refused.values()) for tally in tallies)),
        "quarantined": count(sum(sum(tally.quarantined.values()) for tally in tallies)),
        "weeks": [
            {
                "made": week["at"],
                "rows": count(sum(week["live"].values())),
                "removed": count(sum(week["removed"].values())),
            }
            for week in found["weeks"]
        ],
        "remnants": found["remnants"],
        "requests": len(found["requests"]),
        "archive": [
            {"at": event["at"], "event": event["what"], "who": event["outcome"]}
            for event in found["archive_events"]
        ],
        "rights": [_request(request) for request in found["requests"]],
        "key_holder": f"{found['key_holder']['force']}, {found['key_holder']['kept']}",
        "refusals": _refusals(found["refusals"]),
        "audit": f"{found['audit']['entries']} entries, verified",
    }


def _request(request: Mapping[str, Any]) -> dict[str, Any]:
    places = request["reached"]
    return {
        "act": f"{request['kind']}, {request['at']}",
        "reached": ", ".join(p["place"] for p in places if p["reached"]) or "none",
        "not_reached": ", ".join(
            f"{p['place']}: {p['note'] or 'left'}" for p in places if not p["reached"]
        )
        or "none",
        "seconds": f"{request['seconds']:.2f}",
    }


def _refusals(found: Mapping[str, int]) -> str:
    return "; ".join(f"{what} ({times} times)" for what, times in found.items())
