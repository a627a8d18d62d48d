"""What an assessment says of a force's stores, as values: weeks, archive, requests, refusals, keys.

Fills 2.4, 2.5, 5.11 and 5.14 of the assessment form from the force's logs, without opening a row.
The counts are of protected rows: controlled access.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

from minimisation.forces.acts import GRANT, PURGE, RETRIEVE
from minimisation.forces.home import Home
from minimisation.forces.tally import Tally

ARCHIVE_WORDS = ("authorise retrieval", RETRIEVE.what, PURGE.what)
"""How the audit's entries about the archive begin."""


def reconciliation(home: Home) -> tuple[Tally, ...]:
    """Per source of the live store: rows in, accepted, refused by rule, quarantined by reason.

    Empty before the first load, or if the live store was made before histories were kept.
    """
    live = home.snapshots.live()
    weeks = home.history.weeks()
    # a request rewrites the live store under a new name; its rows still came in with the last week
    return weeks[-1].tallies if live is not None and weeks else ()


def lifecycle_facts(home: Home) -> dict[str, Any]:
    """A force's life as JSON values.

    Returns:
        `force`; `snapshot` and `made` of the live store, or None; `weeks`, oldest first, each with
        `snapshot`, `at`, `live` and `removed` (table → rows); `archive`, each with `snapshot`,
        `replaced`, `expires`, `authorised_for`, `readable_from`; `archive_events` (`at`, `what`,
        `snapshot`, `outcome`); `requests` as `minimisation.forces.history.Request`, with
        `remnants`; `remnants`, the places in which an erased person is left, 0 as it should be;
        `key_holder` (`force`, `kept`, `actors`); `refusals` (act and rule → times); `entries`
        of the audit and whether it verifies.
    """
    live, requests = home.snapshots.live(), home.history.requests()
    audit = home.log("audit").entries()
    return {
        "force": home.force,
        "snapshot": live.name if live else None,
        "made": live.made.isoformat(timespec="minutes") if live else None,
        "weeks": [
            {
                "snapshot": week.snapshot,
                "at": week.at.isoformat(timespec="minutes"),
                "live": dict(week.live),
                "removed": dict(week.removed),
            }
            for week in home.history.weeks()
        ],
        "archive": _archive(home),
        "archive_events": [
            {name: entry[name] for name in ("at", "what", "snapshot", "outcome")}
            for entry in audit
            if entry["what"].startswith((*ARCHIVE_WORDS, GRANT.what))
        ],
        "requests": [
            asdict(request)
            | {
                "at": request.at.isoformat(timespec="minutes"),
                "reached": [asdict(place) for place in request.reached],
                "remnants": request.remnants,
            }
            for request in requests
        ],
        "remnants": sum(request.remnants for request in requests),
        "key_holder": {
            "force": home.force,
            "kept": home.key.kept,
            "actors": [str(actor) for actor in home.register.actors()],
        },
        "refusals": dict(
            Counter(
                f"{entry['what']}: {entry['outcome'].removeprefix('refused: ')}"
                for entry in audit
                if entry["outcome"] != "done"
            )
        ),
        "audit": {"entries": len(audit), "head": str(home.log("audit").verify())},
    }


def _archive(home: Home) -> list[dict[str, Any]]:
    return [
        {
            "snapshot": entry.snapshot.name,
            "replaced": entry.replaced.isoformat(timespec="minutes"),
            "expires": entry.expires.isoformat(timespec="minutes"),
            "authorised_for": entry.authorisation.who if entry.authorisation else None,
            "readable_from": entry.ready.isoformat(timespec="minutes") if entry.ready else None,
        }
        for entry in home.archive.entries()
    ]
