"""Linkage tokens made at load put one person into one fold in every force, and keep no name."""

import shutil
from pathlib import Path

import duckdb
import pytest

from minimisation import UseCaseError
from minimisation.forces import analysis
from minimisation.forces.linkage.at_load import Linkage
from minimisation.forces.linkage.exact import Identity, LinkageHolder
from sandbox.demo import generate
from sandbox.study import Study

USE_CASE = """
name = "own"
title = "Own data"
purpose = "testing"
unit = "person"
as_of = 2024-01-01
[question]
kind = "grouped-statistics"
by = ["force"]
statistics = ["rows"]
[floor]
measure = "total_variation"
at_most = 0.1
[business_as_usual]
known = ["force"]
[columns.age]
low = 10
high = 90
step = 0.5
"""
PLAN = """
use_case = "own.toml"
[data]
status = "public"
person = "pid"
[data.files]
north = "north.csv"
south = "south.csv"
[data.linkage]
given_name = "first"
family_name = "last"
birth_date = "born"
"""
NORTH = """pid,first,last,born,age
N1,Selka,O'Sampleton,1990-01-02,20.5
N2,Farlow,Dummerling,1980-04-09,30
N3,Wrenna,Testerby,,40
"""
SOUTH = """pid,first,last,born,age
77,SELKA , osampleton,1990-01-02,20.5
78,Corvath,Examplar,1992-03-09,31
N3,Wrenna,Testerby,,40
"""


def shares(study: Study) -> dict[str, dict[str, float]]:
    """Force → person id → the number by which folds are cut."""
    found: dict[str, dict[str, float]] = {}
    for force, home in study.stores.items():
        with home.open() as connection:
            analysis.build(connection, study.plan.use_case, study.split, force)
            unit = analysis._unit_number(study.split, "p.person_id")
            table = "records" if study.plan.file.data.files else "person"
            rows = connection.execute(
                f"select distinct p.person_id, a.share from {table} p join analysis a "
                f"on a.unit = {unit}"
            )
            found[force] = {str(person): float(share) for person, share in rows.fetchall()}
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(USE_CASE, "utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    (tmp_path / "north.csv").write_text(NORTH, "utf-8")
    (tmp_path / "south.csv").write_text(SOUTH, "utf-8")
    return tmp_path


def test_one_person_under_two_ids_falls_into_one_fold_in_both_forces(folder: Path) -> None:
    found = shares(Study(plan_path=folder / "plan.toml", workspace=folder / "work"))
    assert found["north"]["N1"] == found["south"]["77"]
    assert found["north"]["N2"] != found["south"]["78"]
    # who cannot be identified is somebody else in another force, whatever the local id
    assert found["north"]["N3"] != found["south"]["N3"]


def test_mutant_without_linkage_cuts_the_folds_apart(folder: Path) -> None:
    plan = PLAN.partition("[data.linkage]")[0]
    (folder / "plan.toml").write_text(plan, "utf-8")
    found = shares(Study(plan_path=folder / "plan.toml", workspace=folder / "work"))
    assert found["north"]["N1"] != found["south"]["77"]


def test_a_token_column_of_the_data_is_used_as_it_is(folder: Path) -> None:
    plan = PLAN.partition("[data.linkage]")[0].replace(
        'person = "pid"', 'person = "pid"\ntoken = "t"'
    )
    (folder / "plan.toml").write_text(plan, "utf-8")
    for name, text in (("north", NORTH), ("south", SOUTH)):
        head, *rows = text.splitlines()
        lines = [f"t,{head}", *(f"t{number},{row}" for number, row in enumerate(rows))]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    found = shares(Study(plan_path=folder / "plan.toml", workspace=folder / "work"))
    assert found["north"]["N2"] == found["south"]["78"]


def test_a_plan_names_a_token_column_or_linkage_but_not_both(folder: Path) -> None:
    plan = PLAN.replace('person = "pid"', 'person = "pid"\ntoken = "t"')
    (folder / "plan.toml").write_text(plan, "utf-8")
    with pytest.raises(UseCaseError, match="not both"):
        Study(plan_path=folder / "plan.toml", workspace=folder / "work").stores  # noqa: B018


def test_a_column_that_linkage_needs_and_the_file_lacks_is_named(folder: Path) -> None:
    (folder / "plan.toml").write_text(PLAN.replace('"born"', '"birthday"'), "utf-8")
    with pytest.raises(UseCaseError, match=r"data\.linkage\.birth_date \(birthday\)"):
        Study(plan_path=folder / "plan.toml", workspace=folder / "work").stores  # noqa: B018


def test_no_name_that_a_token_is_made_of_is_stored(folder: Path) -> None:
    study = Study(plan_path=folder / "plan.toml", workspace=folder / "work")
    with study.stores["north"].open() as connection:
        columns = connection.execute("select column_name from coded.kept").fetchall()
        assert {name for (name,) in columns} == {"record_id", "age", "person_id", "linkage_token"}
        rows = connection.execute("select columns(*)::varchar from records").fetchall()
    assert not any("ampleton" in str(rows) or name in str(rows) for name in ("Selka", "Farlow"))


def test_demo_people_of_several_forces_get_one_token_each(tmp_path: Path) -> None:
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    generate(feeds, people=2_000, seed=1)
    plan = (
        'use_case = "serious-violence"\n[data]\nstatus = "public"\nfolder = "kept"\n[data.linkage]'
    )
    (tmp_path / "plan.toml").write_text(plan, "utf-8")
    gold: dict[str, dict[str, str]] = {}
    for force in ("estvane", "tarnholt", "unharm"):
        shutil.copytree(feeds / force, tmp_path / "kept" / force)
        path = tmp_path / "kept" / force / "person.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"create table p as from '{path}'")
            rows = connection.execute("select person_id, linkage_token from p").fetchall()
            gold[force] = {str(person): str(token) for person, token in rows}
            connection.execute(
                f"copy (select * replace (null as linkage_token) from p) to '{path}'"
            )
    found = shares(Study(plan_path=tmp_path / "plan.toml", workspace=tmp_path / "work"))
    people = [(force, person) for force, own in found.items() for person in own]
    pairs = [(a, b) for place, a in enumerate(people) for b in people[place + 1 :] if a[0] != b[0]]
    same = {(a, b) for a, b in pairs if gold[a[0]][a[1]] == gold[b[0]][b[1]]}
    matched = {(a, b) for a, b in pairs if found[a[0]][a[1]] == found[b[0]][b[1]]}
    # the demo spells some names in two ways, which an exact token cannot see
    assert matched < same
    assert len(matched) / len(same) > 0.8


def test_the_holder_is_sent_hashes_in_an_order_that_tells_nothing() -> None:
    sent: list[bytes | None] = []

    class Watched(LinkageHolder):
        def tokens(self, force: str, blinded: object) -> list[str | None]:
            assert isinstance(blinded, list)
            sent.extend(blinded)
            return super().tokens(force, blinded)

    people = {
        f"P{number}": Identity(
            given_name="Aldro", family_name=f"Syn{number}", birth_date="2000-01-01"
        )
        for number in range(20)
    }
    linkage = Linkage(study_key=b"s" * 32, holder=Watched(key=b"l" * 32))
    tokens = linkage.tokens("north", people)
    assert sent == sorted(sent, key=bytes)  # type: ignore[arg-type] # hashes alone
    assert len(set(tokens.values())) == 20
    assert "Syn" not in str(tokens) + str(sent)
    assert tokens == Linkage(study_key=b"s" * 32, holder=LinkageHolder(key=b"l" * 32)).tokens(
        "south", dict(reversed(people.items()))
    )
