"""What an assessment says of a store is what happened to it, in counts and times alone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from invented import PERSON, House, people, stops

from minimisation import PolicyError
from minimisation.forces import rights, weeks
from minimisation.forces.facts import lifecycle_facts, reconciliation
from minimisation.forces.lineage import Derivative, Kind
from minimisation.forces.rewrite import Rectify
from minimisation.forces.search import search
from minimisation.forces.vault import Vault


def test_a_house_in_which_nothing_happened_has_nothing_to_say(house: House) -> None:
    facts = lifecycle_facts(house.home)
    assert reconciliation(house.home) == ()
    assert (facts["snapshot"], facts["made"]) == (None, None)
    assert facts["weeks"] == facts["archive"] == facts["requests"] == facts["archive_events"] == []
    assert (facts["remnants"], facts["refusals"]) == (0, {})


def test_rows_in_are_accounted_for_after_the_store_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"person_id": "SYN-ASH-P00000009", "handling": "source"}
    odd = {"person_id": "SYN-ASH-P00000008", "sex": "Zebediah"}
    house.load({"person": [*people(3), refused, odd], "stop_search": stops([1, 9])})
    monkeypatch.setattr(Vault, "open", lambda _: pytest.fail("a store was opened"))
    person, stop = reconciliation(house.home)
    assert (person.table, person.source) == ("person", "demo-person")
    assert (person.rows_in, person.accepted) == (5, 3)
    assert dict(person.refused) == {"its handling code is restricted": 1}
    assert dict(person.quarantined) == {"sex is not in its code list": 1}
    assert (stop.rows_in, stop.accepted) == (2, 1)
    assert dict(stop.refused) == {"it is about a person whose record is refused": 1}
    assert "Zebediah" not in json.dumps([tally.record() for tally in (person, stop)])
    assert lifecycle_facts(house.home)["weeks"][0]["live"] == {"person": 3, "stop_search": 1}


def lived(house: House, workspace: Path) -> dict[str, Any]:
    """Two weeks, a release, a refused act, a rectification, and an erasure that a file escapes."""
    home, clock = house.home, house.clock
    first = house.load({"person": people(3), "stop_search": stops([1, 1, 2])})
    made = Derivative(
        name="counts", kind=Kind.RELEASE, digest="ab", snapshots={"ashmere": first.snapshot}
    )
    home.lineage.record(made)
    clock.now += timedelta(days=7)
    house.load({"person": people(3)})
    with pytest.raises(PolicyError):
        weeks.purge(home, by=None)
    edit = Rectify(table="person", record=PERSON, column="sex", value="female")
    rights.rectify(home, PERSON, edit, by=house.dpo, why="request 8")
    workspace.mkdir()
    (workspace / "notes.txt").write_text(f"see {PERSON}")
    (workspace / f"{PERSON.lower()}.txt").write_text(PERSON)
    rights.erase(
        home, PERSON, by=house.dpo, why="request 7", look=lambda: search(home, PERSON, workspace)
    )
    until = clock.now + timedelta(days=1)
    (archived,) = home.archive.entries()
    name = archived.snapshot.name
    weeks.authorise(home, name, who="DI X", why="review", until=until, by=house.dpo)
    return lifecycle_facts(home)


def test_a_lived_house_tells_its_weeks_archive_requests_and_refusals(
    house: House, tmp_path: Path
) -> None:
    facts = lived(house, tmp_path / "workspace")
    assert [week["live"] for week in facts["weeks"]] == [
        {"person": 3, "stop_search": 3}, {"person": 3},
    ]  # fmt: skip
    assert [week["removed"] for week in facts["weeks"]] == [{}, {"person": 0, "stop_search": 3}]
    (archived,) = facts["archive"]
    assert archived["expires"] == datetime(2025, 3, 11, 9, tzinfo=UTC).isoformat(timespec="minutes")
    assert archived["authorised_for"] == "DI X"
    (refused, granted) = facts["archive_events"]
    assert refused["outcome"].startswith("refused: ")
    assert granted["what"] == "authorise retrieval for DI X until 2024-03-12"
    assert list(facts["refusals"].values()) == [1]
    assert next(iter(facts["refusals"])).startswith("purge from the archive: ")
    assert facts["key_holder"]["kept"] == "memory"
    assert [each.split(" (")[0] for each in facts["key_holder"]["actors"]] == [
        "A. Prover", "D. P. Officer",
    ]  # fmt: skip
    assert PERSON not in json.dumps(facts).upper()

    rectified, erased = facts["requests"]
    first = facts["weeks"][0]["snapshot"]
    influence = {
        "place": "release 'counts'",
        "reached": False,
        "note": "influence is recorded, not removable (no formal guarantee)",
    }
    assert rectified["reached"] == [
        {"place": "live store", "reached": True, "note": ""},
        {"place": f"archived snapshot {first}", "reached": True, "note": ""},
        influence,
    ]
    assert (rectified["kind"], rectified["why"], rectified["rows"]) == ("rectify", "request 8", 1)
    assert 0 < rectified["seconds"] < 600
    places = {each["place"]: each["reached"] for each in erased["reached"]}
    assert places.pop("live store")
    assert places.pop("release 'counts'") is False
    archived_place = next(place for place in places if place.startswith("archived snapshot"))
    assert places.pop(archived_place)
    assert all(places.pop(own) for own in list(places) if own.startswith(("tokens", "audit.")))
    assert places == {"notes.txt": False, "a file named after the person": False}
    assert (erased["rows"], erased["remnants"], facts["remnants"]) == (1, 2, 2)


def test_mutant_that_leaves_the_archive_alone_is_told_as_not_reached(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load({"person": people(2)})
    house.load({"person": people(2)})
    monkeypatch.setattr(rights, "_rewrite_archived", lambda *_: 1)
    request = house.erase()
    places = {each.place.split()[0]: each.reached for each in request.reached}
    assert places == {"live": True, "archived": False}
    assert lifecycle_facts(house.home)["remnants"] == 1
