"""A force's weeks: feeds in, stores replaced, everything logged, and nobody acts without a key."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from invented import ALL, KEY, MAPPINGS, House, people, stops

from minimisation import PolicyError, StoreError, UseCaseError
from minimisation.forces import rights, weeks
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.backup import open_key, seal_key
from minimisation.forces.home import Home
from minimisation.forces.keys import ForceKey
from minimisation.forces.paths import Paths
from minimisation.forces.rewrite import Rectify


def test_a_load_accounts_for_every_row_and_is_logged(house: House) -> None:
    week = house.load({"stop_search": stops([1, 1, 2]), "person": people(2)})
    assert [tally.table for tally in week.tallies] == ["person", "stop_search"]
    assert [tally.accepted for tally in week.tallies] == [2, 3]
    with house.home.open() as connection:
        query = "select count(*), count(distinct person_id) from stop_search"
        assert connection.execute(query).fetchone() == (3, 2)
    assert house.events() == [("collection", "load feeds: begun"), ("collection", "load feeds")]
    assert house.home.log("audit").verify().count == 4  # two officers were registered


def test_a_feed_that_is_refused_leaves_last_week_live(house: House, tmp_path: Path) -> None:
    house.load({"person": people(2)})
    bad = tmp_path / "bad.parquet"
    bad.write_text("not Parquet")
    with pytest.raises(UseCaseError):
        weeks.load(house.home, [(MAPPINGS["demo-person"], [bad])], ALL, by=house.approver)
    with house.home.open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert house.home.archive.entries() == []


def test_who_did_what_is_in_the_log_with_the_key_they_proved(house: House) -> None:
    week = house.load({"person": people(1)}, purpose="stop-search")
    done = house.home.log("audit").entries()[-1]
    (approver, _) = house.home.register.actors()
    assert done["actor"] == f"A. Prover (approver, {approver.fingerprint})"
    assert done["purpose"] == "stop-search"
    assert done["snapshot"] == week.snapshot


def test_last_week_can_be_retrieved_and_the_retrieval_is_logged(house: House) -> None:
    house.load({"person": people(2)})
    house.clock.now += timedelta(days=7)
    house.load({"person": people(1)})
    (entry,) = house.home.archive.entries()
    name = entry.snapshot.name
    with pytest.raises(PolicyError):
        weeks.retrieve(house.home, name, by=house.approver)
    until = house.clock.now + timedelta(days=1)
    weeks.authorise(house.home, name, who="DI X", why="review", until=until, by=house.dpo)
    house.clock.now += timedelta(hours=4)
    with weeks.retrieve(house.home, name, by=house.approver) as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert [event for event, _ in house.events()][-2:] == ["consultation", "consultation"]


@pytest.mark.parametrize(("policy", "hours"), [("", 3), ("retrieval_hours = 5", 5)])
def test_a_forces_policy_says_after_how_many_hours_an_archived_week_is_read(
    house: House, policy: str, hours: int
) -> None:
    house.load({"person": people(2)})
    house.load({"person": people(1)})
    house.home.paths.policy.write_text(policy, "utf-8")
    (entry,) = house.home.archive.entries()
    until = house.clock.now + timedelta(days=1)
    ready = weeks.authorise(
        house.home, entry.snapshot.name, who="DI X", why="review", until=until, by=house.dpo
    )
    assert ready == house.clock.now + timedelta(hours=hours)


def test_what_cannot_be_logged_does_not_happen(house: House) -> None:
    house.load({"person": people(2)})
    house.home.close()
    house.home.paths.anchor("audit").unlink()
    with pytest.raises(StoreError, match="anchor"):
        house.load({"person": people(1)})
    with house.home.open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)


def test_a_force_comes_back_whole_from_a_copy_of_its_folders_and_its_key_backup(
    house: House, tmp_path: Path
) -> None:
    house.load({"person": people(3)})
    house.clock.now += timedelta(days=7)
    house.load({"person": people(2)})
    sealed = seal_key(KEY, "six words that nobody will guess")
    house.home.close()
    shutil.copytree(tmp_path / "forces", tmp_path / "backup")
    shutil.rmtree(tmp_path / "forces")
    shutil.copytree(tmp_path / "backup", tmp_path / "forces")
    key = open_key(sealed, "six words that nobody will guess")
    house.home = again = Home(paths=house.home.paths, key=key, clock=house.clock)
    with again.open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert again.log("audit").verify().count == 6
    house.load({"person": people(1)})
    assert len(again.archive.entries()) == 2


def test_no_value_of_a_feed_is_in_any_file_of_the_force(house: House, tmp_path: Path) -> None:
    rows = {"person": people(40), "stop_search": stops(list(range(1, 41)))}
    house.load(rows)
    house.load(rows)
    house.erase()
    house.home.close()
    values = [b"SYN-ASH-P", b"SYNtoken", b"Aldro", b"SYN-S0"]
    files = [path for path in (tmp_path / "forces").rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        assert not any(value in content for value in values), path.name


# a week's rows are counted against the week before


def test_records_that_are_gone_from_the_feed_are_counted_as_removed(house: House) -> None:
    first = house.load({"person": people(3), "stop_search": stops([1, 1, 2])})
    second = house.load({"person": people(3, first=2)})
    assert (first.live, first.removed) == ({"person": 3, "stop_search": 3}, {})
    assert (second.live, second.removed) == ({"person": 3}, {"person": 1, "stop_search": 3})
    assert house.home.history.weeks() == (first, second)


def test_a_damaged_store_does_not_keep_the_next_week_from_being_loaded(house: House) -> None:
    week = house.load({"person": people(2)})
    path = house.home.paths.snapshots / f"{week.snapshot}.duckdb"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    after = house.load({"person": people(1)})
    assert (after.live, after.removed) == ({"person": 1}, {})


# a house is closed by default

Act = Callable[[House, ActorKey | None], Any]
UNTIL = timedelta(days=2)


def load_again(house: House, by: ActorKey | None) -> object:
    return house.load({"person": people(1)}, by=by)


def retrieve_archived(house: House, by: ActorKey | None) -> object:
    return weeks.retrieve(house.home, "any", by=by)


def authorise_somebody(house: House, by: ActorKey | None) -> object:
    until = house.clock.now + UNTIL
    return weeks.authorise(house.home, "any", who="DI X", why="review", until=until, by=by)


def purge_everything(house: House, by: ActorKey | None) -> object:
    return weeks.purge(house.home, by=by, everything=True)


def erase_somebody(house: House, by: ActorKey | None) -> object:
    return rights.erase(house.home, "SYN-ASH-P00000002", by=by, why="request 7")


def rectify_something(house: House, by: ActorKey | None) -> object:
    edit = Rectify(table="person", record="SYN-ASH-P00000002", column="sex", value="female")
    return rights.rectify(house.home, "SYN-ASH-P00000002", edit, by=by, why="request 8")


def enrol_a_friend(house: House, by: ActorKey | None) -> object:
    friend = Actor(name="A friend", role=Role.DPO, public=b"f" * 32)
    return house.home.enrol(friend, by)


def dismiss_the_officer(house: House, by: ActorKey | None) -> object:
    return house.home.dismiss(house.home.register.actors()[1].fingerprint, by)


ACTS: list[tuple[Act, str]] = [
    (load_again, "approver"),
    (retrieve_archived, "approver, dpo"),
    (authorise_somebody, "approver, dpo"),
    (purge_everything, "approver, dpo"),
    (erase_somebody, "dpo"),
    (rectify_something, "dpo"),
    (enrol_a_friend, "approver"),
    (dismiss_the_officer, "approver"),
]


def state(house: House) -> tuple[object, ...]:
    """Whatever an act could change; the audit left out."""
    home = house.home
    return (
        home.snapshots.live(),
        home.archive.entries(),
        home.register.actors(),
        home.history.weeks(),
        home.history.requests(),
    )


def test_an_act_needs_the_signature_of_a_registered_actor_of_its_role(house: House) -> None:
    house.load({"person": people(2)})
    house.load({"person": people(2)})
    analyst = ActorKey.create(house.folder / "analyst.pem")
    of_analyst = Actor(name="A. Nalyst", role=Role.ANALYST, public=analyst.public)
    house.home.enrol(of_analyst, house.approver)
    stranger = ActorKey.create(house.folder / "stranger.pem")
    refusals = {
        None: "signed by one of: ",
        stranger: "must prove a key",
        analyst: "must be one of: ",
    }
    before = state(house)
    for (act, roles), (by, rule) in product(ACTS, refusals.items()):
        with pytest.raises(PolicyError, match=rule + ("" if by is stranger else roles)) as refused:
            act(house, by)
        logged = house.home.log("audit").entries()[-1]
        assert logged["outcome"] == f"refused: {refused.value}"
    assert state(house) == before


def test_nobody_may_do_anything_in_a_house_without_actors(house: House, tmp_path: Path) -> None:
    key = ForceKey(force="brackley", material=b"B" * 32)
    house.home = Home(paths=Paths.of(tmp_path / "forces", "brackley"), key=key)
    officer = Actor(name="An officer", role=Role.DPO, public=house.dpo.public)
    for act in (load_again, purge_everything, erase_somebody, rectify_something):
        with pytest.raises(PolicyError, match="must know its actors"):
            act(house, house.approver)
    with pytest.raises(PolicyError, match="must be an approver"):
        house.home.enrol(officer, house.dpo)
    assert house.home.snapshots.live() is None
    house.home.close()


def test_mutant_whose_house_asks_nobody_changes_its_store(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(house)
    (approver, _) = house.home.register.actors()
    monkeypatch.setattr(Home, "permit", lambda *_: approver)
    load_again(house, None)
    assert state(house) != before


def test_the_last_approver_cannot_be_dismissed(house: House) -> None:
    (approver, officer) = house.home.register.actors()
    with pytest.raises(PolicyError, match="at least one approver"):
        house.home.dismiss(approver.fingerprint, house.approver)
    house.home.dismiss(officer.fingerprint, house.approver)
    assert house.home.register.actors() == (approver,)
