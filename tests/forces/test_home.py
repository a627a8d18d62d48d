"""A force's life: feeds in, weeks replaced, people erased and rectified, everything logged."""

import gzip
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from minimisation import PolicyError, StoreError, UseCaseError
from minimisation.contract.tables import TABLES
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.archive import Authorisation
from minimisation.forces.backup import open_key, seal_key
from minimisation.forces.home import Home
from minimisation.forces.keys import ForceKey
from minimisation.forces.lineage import Derivative, Kind
from minimisation.forces.mapping import read_mappings
from minimisation.forces.paths import Paths
from minimisation.forces.rewrite import Merge, Rectify
from minimisation.forces.search import search

KEY = ForceKey(force="ashmere", material=b"H" * 32)
MAPPINGS = read_mappings(Path(__file__).parents[2] / "sandbox" / "mappings")
ALL = {name: frozenset(table.columns) for name, table in TABLES.items()}
PERSON = "SYN-ASH-P00000001"
TOKEN = "SYNtoken0001"  # noqa: S105 - a linkage token, invented


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = datetime(2024, 3, 4, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path, clock: Clock) -> Iterator[Home]:
    made = Home(paths=Paths.of(tmp_path / "forces", "ashmere"), key=KEY, clock=clock)
    yield made
    made.close()


def feed(folder: Path, table: str, rows: list[Mapping[str, Any]]) -> Path:
    """A Parquet feed with every harmonised column."""
    folder.mkdir(parents=True, exist_ok=True)
    types = {"VARCHAR": pa.string(), "DATE": pa.date32(), "INTEGER": pa.int32()}
    columns = {
        name: pa.array([row.get(name) for row in rows], types[kind])
        for name, kind in TABLES[table].columns.items()
    }
    pyarrow.parquet.write_table(pa.table(columns), folder / f"{table}.parquet")
    return folder / f"{table}.parquet"


def people(count: int, first: int = 1) -> list[Mapping[str, Any]]:
    return [
        {
            "person_id": f"SYN-ASH-P{number:08d}",
            "linkage_token": f"SYNtoken{number:04d}",
            "given_name": "Aldro",
            "sex": "male",
            "deprivation": 3,
            "handling": "standard",
        }
        for number in range(first, first + count)
    ]


def stops(owners: list[int]) -> list[Mapping[str, Any]]:
    day = datetime(2023, 10, 1, tzinfo=UTC).date()
    return [
        {
            "search_id": f"SYN-S{place:04d}",
            "person_id": f"syn-ash-p{owner:08d} ",
            "searched_on": day,
            "found": 0,
        }
        for place, owner in enumerate(owners)
    ]


def load(home: Home, tmp_path: Path, rows: dict[str, list[Mapping[str, Any]]], **more: Any) -> Any:  # noqa: ANN401
    sources = [
        (MAPPINGS[f"demo-{table.replace('_', '-')}"], [feed(tmp_path / "feeds", table, found)])
        for table, found in rows.items()
    ]
    return home.load(sources, ALL, **more)


def events(home: Home) -> list[tuple[str, str]]:
    return [(entry["event"], entry["what"]) for entry in home.log("audit").entries()]


def test_a_load_accounts_for_every_row_and_is_logged(home: Home, tmp_path: Path) -> None:
    tallies = load(home, tmp_path, {"stop_search": stops([1, 1, 2]), "person": people(2)})
    assert list(tallies) == ["person", "stop_search"]
    assert tallies["stop_search"].accepted == 3
    with home.open() as connection:
        query = "select count(*), count(distinct person_id) from stop_search"
        assert connection.execute(query).fetchone() == (3, 2)
    assert events(home) == [("collection", "load feeds: begun"), ("collection", "load feeds")]
    assert home.log("audit").verify().count == 2


def test_a_feed_that_is_refused_leaves_last_week_live(home: Home, tmp_path: Path) -> None:
    load(home, tmp_path, {"person": people(2)})
    bad = tmp_path / "bad.parquet"
    bad.write_text("not Parquet")
    with pytest.raises(UseCaseError):
        home.load([(MAPPINGS["demo-person"], [bad])], ALL)
    with home.open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert home.archive.entries() == []


def test_who_did_what_is_in_the_log_with_the_key_they_proved(home: Home, tmp_path: Path) -> None:
    key = ActorKey.create(tmp_path / "approver.pem")
    home.register.add(Actor(name="A. Prover", role=Role.APPROVER, public=key.public))
    actor = home.register.prove(key, "load", frozenset({Role.APPROVER}))
    load(home, tmp_path, {"person": people(1)}, actor=actor, purpose="stop-search")
    (_, done) = home.log("audit").entries()
    assert done["actor"] == f"A. Prover (approver, {actor.fingerprint})"
    assert done["purpose"] == "stop-search"
    live = home.snapshots.live()
    assert live is not None
    assert done["snapshot"] == live.name


def test_last_week_can_be_retrieved_and_the_retrieval_is_logged(
    home: Home, tmp_path: Path, clock: Clock
) -> None:
    load(home, tmp_path, {"person": people(2)})
    clock.now += timedelta(days=7)
    load(home, tmp_path, {"person": people(1)})
    (entry,) = home.archive.entries()
    name = entry.snapshot.name
    with pytest.raises(PolicyError):
        home.retrieve(name, None)
    until = clock.now + timedelta(days=1)
    home.authorise(name, Authorisation(who="DI X", why="review", until=until, by="ab"), None)
    clock.now += timedelta(hours=4)
    with home.retrieve(name, None) as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert [event for event, _ in events(home)][-2:] == ["consultation", "consultation"]


# deleted means gone


def test_after_replacement_and_purge_no_remnant_is_found(
    home: Home, tmp_path: Path, clock: Clock
) -> None:
    load(home, tmp_path, {"person": people(3), "stop_search": stops([1, 2])})
    before = search(home, PERSON.lower(), tmp_path / "workspace")
    assert {remnant.what for remnant in before.found} == {"person id", "linkage token"}
    clock.now += timedelta(days=7)
    load(home, tmp_path, {"person": people(2, first=2), "stop_search": stops([2])})
    archived = search(home, PERSON, tmp_path / "workspace")
    assert {remnant.where.split()[1] for remnant in archived.found} == {
        entry.snapshot.name for entry in home.archive.entries()
    }
    clock.now += timedelta(days=366)
    home.purge(None)
    assert search(home, PERSON, tmp_path / "workspace").found == ()
    assert ("erasure", "purge from the archive") in events(home)


def test_an_erased_person_is_in_no_store_archive_or_log(
    home: Home, tmp_path: Path, clock: Clock
) -> None:
    rows = {"person": people(3), "stop_search": stops([1, 1, 2])}
    load(home, tmp_path, rows)
    clock.now += timedelta(days=7)
    load(home, tmp_path, rows)
    assert home.erase(PERSON, None, "request 7") == 3
    also = {"linkage token": [TOKEN]}
    assert search(home, PERSON, tmp_path / "workspace", also).found == ()
    with home.open() as connection:
        assert connection.execute("select count(*) from stop_search").fetchone() == (1,)
    (entry,) = home.archive.entries()
    with home.archive.vault(entry).open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert entry.expires == datetime(2025, 3, 11, 9, tzinfo=UTC)
    home.log("audit").verify()
    erasures = [e for e in home.log("audit").entries() if e["event"] == "erasure"]
    assert len(erasures) == 2
    assert all(e["people"] and PERSON not in str(e) for e in erasures)
    assert home.tokens.find(PERSON) is None


def test_mutant_that_only_hides_an_erased_person_is_caught(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(home, tmp_path, {"person": people(2)})
    monkeypatch.setattr(Home, "_rewrite", lambda *_: 1)
    home.erase(PERSON, None, "request 7")
    assert search(home, PERSON, tmp_path / "workspace").found


def test_mutant_that_keeps_the_token_is_caught(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(home, tmp_path, {"person": people(2)})
    monkeypatch.setattr(type(home.tokens), "destroy", lambda *_: True)
    home.erase(PERSON, None, "request 7")
    whats = {r.what for r in search(home, PERSON, tmp_path / "workspace").found}
    assert whats == {"audit token"}


def test_erasing_one_person_changes_nobody_elses_ranks(home: Home, tmp_path: Path) -> None:
    load(home, tmp_path, {"person": people(3), "stop_search": stops([1, 2, 2, 2, 3, 3])})
    ranked = "select search_id, rank from coded.stop_search order by 1"
    with home.open() as connection:
        before = dict(connection.execute(ranked).fetchall())
    home.erase("SYN-ASH-P00000003", None, "request 8")
    with home.open() as connection:
        after = dict(connection.execute(ranked).fetchall())
    assert len(after) == 4
    assert after.items() <= before.items()


def test_a_token_left_in_a_plain_file_of_any_kind_is_found(home: Home, tmp_path: Path) -> None:
    load(home, tmp_path, {"person": people(1)})
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "notes.txt").write_text(f"see {PERSON.lower()}")
    (workspace / "wide.csv").write_bytes(PERSON.encode("utf-16"))
    with gzip.open(workspace / "old.csv.gz", "wb") as file:
        file.write(PERSON.encode() * 9)
    with zipfile.ZipFile(workspace / "pack.docx", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("word/document.xml", f"<p>{TOKEN}</p>" * 9)
    pyarrow.parquet.write_table(pa.table({"t": [TOKEN]}), workspace / "release.parquet")
    (workspace / "clean.txt").write_text("nothing here")
    found = search(home, PERSON, workspace, {"pseudonym": ["abc123"]}).found
    files = {remnant.where.split()[0] for remnant in found if "snapshot" not in remnant.where}
    assert files == {"notes.txt", "wide.csv", "old.csv.gz", "pack.docx", "release.parquet"}


def test_a_pseudonym_in_a_release_is_found(home: Home, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "release.csv").write_text("pseudonym,age\n0123456789abcdef,30\n")
    found = search(home, PERSON, workspace, {"pseudonym": ["0123456789abcdef"]}).found
    assert [(r.where, r.what) for r in found] == [("release.csv", "pseudonym")]


def test_influence_on_what_is_out_is_recorded_and_said(home: Home, tmp_path: Path) -> None:
    load(home, tmp_path, {"person": people(2)})
    live = home.snapshots.live()
    assert live is not None
    made = Derivative(
        name="grouped counts, epsilon 1",
        kind=Kind.RELEASE,
        digest="ab",
        snapshots={"ashmere": live.name},
        epsilon=1.0,
        made=datetime(2024, 3, 5, tzinfo=UTC),
    )
    home.lineage.record(made)
    home.lineage.record(replace(made, name="of another force", snapshots={"brackley": live.name}))
    home.erase(PERSON, None, "request 7")
    after = search(home, PERSON, tmp_path / "workspace")
    assert after.found == ()
    assert after.influenced == (made,)


# rectification


def test_a_wrong_value_is_rectified_and_the_wrong_version_destroyed(
    home: Home, tmp_path: Path
) -> None:
    load(home, tmp_path, {"person": people(2)})
    old = home.snapshots.live()
    edit = Rectify(table="person", record=PERSON, column="sex", value="female")
    assert home.rectify(PERSON, edit, None, "request 9") == 1
    with home.open() as connection:
        query = "select sex from person where person_id = ?"
        assert connection.execute(query, [PERSON]).fetchone() == ("female",)
    assert old is not None
    assert not list(home.paths.root.rglob(f"{old.name}*"))
    assert events(home)[-1] == ("alteration", "rectify records")


@pytest.mark.parametrize(
    ("table", "column"), [("person", "person_id"), ("person", "x"), ("x", "y")]
)
def test_a_key_or_an_unknown_column_cannot_be_rectified(table: str, column: str) -> None:
    with pytest.raises(UseCaseError, match="harmonised column"):
        Rectify(table=table, record="1", column=column, value="2")


def test_a_value_of_the_wrong_type_is_refused_without_quoting_it(
    home: Home, tmp_path: Path
) -> None:
    load(home, tmp_path, {"person": people(2)})
    edit = Rectify(table="person", record=PERSON, column="deprivation", value="Zebediah")
    with pytest.raises(UseCaseError, match="INTEGER") as error:
        home.rectify(PERSON, edit, None, "request 9")
    assert "Zebediah" not in str(error.value)


def test_two_ids_of_one_person_are_merged_and_ranked_anew(home: Home, tmp_path: Path) -> None:
    load(home, tmp_path, {"person": people(3), "stop_search": stops([1, 1, 2, 3])})
    edit = Merge(person=PERSON, into="SYN-ASH-P00000002")
    assert home.rectify(PERSON, edit, None, "same person") == 3
    with home.open() as connection:
        query = "select max(rank), count(*) from coded.stop_search group by person order by 2"
        assert connection.execute(query).fetchall() == [(1, 1), (3, 3)]
        assert connection.execute("select count(*) from person").fetchone() == (2,)


def test_what_cannot_be_logged_does_not_happen(home: Home, tmp_path: Path) -> None:
    load(home, tmp_path, {"person": people(2)})
    home.close()
    home.paths.anchor("audit").unlink()
    with pytest.raises(StoreError, match="anchor"):
        load(home, tmp_path, {"person": people(1)})
    with home.open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)


def test_a_force_comes_back_whole_from_a_copy_of_its_folders_and_its_key_backup(
    home: Home, tmp_path: Path, clock: Clock
) -> None:
    load(home, tmp_path, {"person": people(3)})
    clock.now += timedelta(days=7)
    load(home, tmp_path, {"person": people(2)})
    sealed = seal_key(KEY, "six words that nobody will guess")
    home.close()
    shutil.copytree(tmp_path / "forces", tmp_path / "backup")
    shutil.rmtree(tmp_path / "forces")
    shutil.copytree(tmp_path / "backup", tmp_path / "forces")
    key = open_key(sealed, "six words that nobody will guess")
    again = Home(paths=home.paths, key=key, clock=clock)
    with again.open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert again.log("audit").verify().count == 4
    load(again, tmp_path, {"person": people(1)})
    assert len(again.archive.entries()) == 2
    again.close()


def test_no_value_of_a_feed_is_in_any_file_of_the_force(home: Home, tmp_path: Path) -> None:
    rows = {"person": people(40), "stop_search": stops(list(range(1, 41)))}
    load(home, tmp_path, rows)
    load(home, tmp_path, rows)
    home.erase(PERSON, None, "request 7")
    home.close()
    values = [b"SYN-ASH-P", b"SYNtoken", b"Aldro", b"SYN-S0"]
    files = [path for path in (tmp_path / "forces").rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        assert not any(value in content for value in values), path.name
