"""A person's requests: what is erased is gone everywhere, what is rectified is right everywhere."""

import gzip
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from invented import PERSON, TOKEN, House, people, stops

from minimisation import UseCaseError
from minimisation.forces import rights, weeks
from minimisation.forces.lineage import Derivative, Kind
from minimisation.forces.rewrite import Merge, Rectify
from minimisation.forces.search import search


def test_after_replacement_and_purge_no_remnant_is_found(house: House, tmp_path: Path) -> None:
    house.load({"person": people(3), "stop_search": stops([1, 2])})
    before = search(house.home, PERSON.lower(), tmp_path / "workspace")
    assert {remnant.what for remnant in before.found} == {"person id", "linkage token"}
    house.clock.now += timedelta(days=7)
    house.load({"person": people(2, first=2), "stop_search": stops([2])})
    archived = search(house.home, PERSON, tmp_path / "workspace")
    assert {remnant.where.split()[1] for remnant in archived.found} == {
        entry.snapshot.name for entry in house.home.archive.entries()
    }
    house.clock.now += timedelta(days=366)
    weeks.purge(house.home, by=house.approver)
    assert search(house.home, PERSON, tmp_path / "workspace").found == ()
    assert ("erasure", "purge from the archive") in house.events()


def test_an_erased_person_is_in_no_store_archive_or_log(house: House, tmp_path: Path) -> None:
    rows = {"person": people(3), "stop_search": stops([1, 1, 2])}
    house.load(rows)
    house.clock.now += timedelta(days=7)
    house.load(rows)
    assert house.erase().rows == 3
    also = {"linkage token": [TOKEN]}
    assert search(house.home, PERSON, tmp_path / "workspace", also).found == ()
    with house.home.open() as connection:
        assert connection.execute("select count(*) from stop_search").fetchone() == (1,)
    (entry,) = house.home.archive.entries()
    with house.home.archive.vault(entry).open() as connection:
        assert connection.execute("select count(*) from person").fetchone() == (2,)
    assert entry.expires == datetime(2025, 3, 11, 9, tzinfo=UTC)
    house.home.log("audit").verify()
    erasures = [e for e in house.home.log("audit").entries() if e["event"] == "erasure"]
    assert [e["what"] for e in erasures] == ["erase a person: begun", *["erase a person"] * 2]
    assert all(e["people"] and PERSON not in str(e) for e in erasures)
    assert house.home.tokens.find(PERSON) is None


def test_mutant_that_only_hides_an_erased_person_is_caught(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load({"person": people(2)})
    monkeypatch.setattr(rights, "_rewrite", lambda *_: 1)
    house.erase()
    assert search(house.home, PERSON, tmp_path / "workspace").found


def test_mutant_that_keeps_the_token_is_caught(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load({"person": people(2)})
    monkeypatch.setattr(type(house.home.tokens), "destroy", lambda *_: True)
    house.erase()
    whats = {r.what for r in search(house.home, PERSON, tmp_path / "workspace").found}
    assert whats == {"audit token"}


def test_erasing_one_person_changes_nobody_elses_ranks(house: House) -> None:
    house.load({"person": people(3), "stop_search": stops([1, 2, 2, 2, 3, 3])})
    ranked = "select search_id, rank from coded.stop_search order by 1"
    with house.home.open() as connection:
        before = dict(connection.execute(ranked).fetchall())
    house.erase("SYN-ASH-P00000003")
    with house.home.open() as connection:
        after = dict(connection.execute(ranked).fetchall())
    assert len(after) == 4
    assert after.items() <= before.items()


def test_a_token_left_in_a_plain_file_of_any_kind_is_found(house: House, tmp_path: Path) -> None:
    house.load({"person": people(1)})
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
    found = search(house.home, PERSON, workspace, {"pseudonym": ["abc123"]}).found
    files = {remnant.where.split()[0] for remnant in found if "snapshot" not in remnant.where}
    assert files == {"notes.txt", "wide.csv", "old.csv.gz", "pack.docx", "release.parquet"}


def test_a_pseudonym_in_a_release_is_found(house: House, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "release.csv").write_text("pseudonym,age\n0123456789abcdef,30\n")
    found = search(house.home, PERSON, workspace, {"pseudonym": ["0123456789abcdef"]}).found
    assert [(r.where, r.what) for r in found] == [("release.csv", "pseudonym")]


def test_influence_on_what_is_out_is_recorded_and_said(house: House, tmp_path: Path) -> None:
    house.load({"person": people(2)})
    live = house.home.snapshots.live()
    assert live is not None
    made = Derivative(
        name="grouped counts, epsilon 1",
        kind=Kind.RELEASE,
        digest="ab",
        snapshots={"ashmere": live.name},
        epsilon=1.0,
        made=datetime(2024, 3, 5, tzinfo=UTC),
    )
    house.home.lineage.record(made)
    house.home.lineage.record(
        replace(made, name="of another force", snapshots={"brackley": live.name})
    )
    house.erase()
    after = search(house.home, PERSON, tmp_path / "workspace")
    assert after.found == ()
    assert after.influenced == (made,)


def test_influence_is_known_by_the_names_that_a_store_had_before_other_requests(
    house: House, tmp_path: Path
) -> None:
    week = house.load({"person": people(3)})
    made = Derivative(
        name="counts",
        kind=Kind.RELEASE,
        digest="ab",
        snapshots={"ashmere": week.snapshot},
        made=datetime(2024, 3, 5, tzinfo=UTC),
    )
    house.home.lineage.record(made)
    house.erase("SYN-ASH-P00000003")
    house.load({"person": people(2)})
    house.erase("SYN-ASH-P00000002")
    assert search(house.home, PERSON, tmp_path / "workspace").influenced == (made,)
    assert house.erase(PERSON).reached[-1].place == "release 'counts'"


# rectification


def test_a_wrong_value_is_rectified_and_the_wrong_version_destroyed(house: House) -> None:
    house.load({"person": people(2)})
    old = house.home.snapshots.live()
    edit = Rectify(table="person", record=PERSON, column="sex", value="female")
    assert rights.rectify(house.home, PERSON, edit, by=house.dpo, why="request 9").rows == 1
    with house.home.open() as connection:
        query = "select sex from person where person_id = ?"
        assert connection.execute(query, [PERSON]).fetchone() == ("female",)
    assert old is not None
    assert not list(house.home.paths.root.rglob(f"{old.name}*"))
    assert house.events()[-1] == ("alteration", "rectify records")


@pytest.mark.parametrize(
    ("table", "column"), [("person", "person_id"), ("person", "x"), ("x", "y")]
)
def test_a_key_or_an_unknown_column_cannot_be_rectified(table: str, column: str) -> None:
    with pytest.raises(UseCaseError, match="harmonised column"):
        Rectify(table=table, record="1", column=column, value="2")


def test_a_value_of_the_wrong_type_is_refused_without_quoting_it(house: House) -> None:
    house.load({"person": people(2)})
    edit = Rectify(table="person", record=PERSON, column="deprivation", value="Zebediah")
    with pytest.raises(UseCaseError, match="INTEGER") as error:
        rights.rectify(house.home, PERSON, edit, by=house.dpo, why="request 9")
    assert "Zebediah" not in str(error.value)


def test_two_ids_of_one_person_are_merged_and_ranked_anew(house: House) -> None:
    house.load({"person": people(3), "stop_search": stops([1, 1, 2, 3])})
    edit = Merge(person=PERSON, into="SYN-ASH-P00000002")
    assert rights.rectify(house.home, PERSON, edit, by=house.dpo, why="same person").rows == 3
    with house.home.open() as connection:
        query = "select max(rank), count(*) from coded.stop_search group by person order by 2"
        assert connection.execute(query).fetchall() == [(1, 1), (3, 3)]
        assert connection.execute("select count(*) from person").fetchone() == (2,)
