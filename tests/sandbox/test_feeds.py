"""A user's own files: every bad input is one line with the rule and the fix, nothing half-made."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from minimisation import PolicyError, Release, Statistics, UseCaseError
from minimisation.contract.tables import TABLES
from minimisation.forces import rights
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.facts import reconciliation
from minimisation.forces.tally import Tally
from sandbox.feeds import not_stored
from sandbox.houses import force_home, officer
from sandbox.starter import starter_plan
from sandbox.study import Study

USE_CASE = (Path(__file__).parents[1] / "own_data.toml").read_text("utf-8")
PLAN = """
use_case = "own.toml"
[data]
status = "public"
file = "data.csv"
force_column = "area"
person = "pid"
"""
ROWS = "pid,area,age,sex,y\nSYN1,north,20,f,0\nSYN2,north,30,m,1\nSYN3,south,40,m,0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(USE_CASE, "utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    (tmp_path / "data.csv").write_text(ROWS, "utf-8")
    return tmp_path


def study(folder: Path) -> Study:
    return Study(plan_path=folder / "plan.toml", workspace=folder / "work")


def load_error(folder: Path) -> str:
    with pytest.raises(UseCaseError) as caught:
        _ = study(folder).stores
    assert not list((folder / "work").rglob("*.duckdb")), "nothing may be left half-written"
    message = str(caught.value)
    assert "\n" not in message
    assert "SYN" not in message
    return message


def test_one_file_with_a_force_column_becomes_one_store_per_force(folder: Path) -> None:
    with study(folder).forces() as forces:
        assert forces.names == ("north", "south")


def test_a_file_per_force_keeps_the_plans_order(folder: Path) -> None:
    (folder / "s.csv").write_text(ROWS, "utf-8")
    files = PLAN.replace('file = "data.csv"\nforce_column = "area"\n', "")
    (folder / "plan.toml").write_text(files + '[data.files]\nz = "data.csv"\na = "s.csv"\n')
    assert list(study(folder).stores) == ["z", "a"]


def test_labels_can_be_mapped(folder: Path) -> None:
    (folder / "data.csv").write_text(ROWS.replace(",m,", ",Male,"), "utf-8")
    assert "hold only its declared categories" in load_error(folder)
    (folder / "plan.toml").write_text(PLAN + '[data.codes.sex]\nMale = "m"\n', "utf-8")
    assert set(study(folder).stores) == {"north", "south"}


def test_person_ids_are_canonical(folder: Path) -> None:
    rows = ROWS + "syn2 ,north,31,m,1\n\uff33YN2,north,32,m,1\n"
    (folder / "data.csv").write_text(rows, "utf-8")
    with study(folder).stores["north"].open() as connection:
        people = connection.execute("select distinct person_id from records").fetchall()
    assert sorted(people) == [("SYN1",), ("SYN2",)]


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("SYN2,", ",", "person id must not be missing"),
        (",m,1", ",x,1", "column 'sex' must hold only its declared categories"),
        ("30,m", "thirty,m", "column 'age' must hold numbers"),
        ("30,m", ",m", "column 'age' must not have missing values"),
        ("SYN3,south", "SYN3,", "data.force_column (area) must have a value in every row"),
        ("age,sex", "years,sex", "data.columns.age (age) must be a column of data.csv"),
        (ROWS, "pid,area,age,sex,y\n", "must hold at least one row"),
    ],
)
def test_a_bad_file_is_refused_with_the_rule(
    folder: Path, before: str, after: str, rule: str
) -> None:
    assert before in ROWS
    (folder / "data.csv").write_text(ROWS.replace(before, after), "utf-8")
    assert rule in load_error(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "data.csv").unlink()
    assert "file (data.csv) must exist" in load_error(folder)


def test_a_csv_that_is_not_utf_8_is_named(folder: Path) -> None:
    (folder / "data.csv").write_bytes(ROWS.replace("north", "nörth").encode("latin-1"))
    assert "must be UTF-8 text" in load_error(folder)


def test_a_damaged_parquet_file_is_named(folder: Path) -> None:
    (folder / "data.parquet").write_bytes(b"PAR1 not really PAR1")
    (folder / "plan.toml").write_text(PLAN.replace("data.csv", "data.parquet"), "utf-8")
    assert "must be a well-formed Parquet file" in load_error(folder)


def test_an_empty_force_is_refused(folder: Path) -> None:
    files = PLAN.replace('file = "data.csv"\nforce_column = "area"\n', "")
    (folder / "empty.csv").write_text("pid,area,age,sex,y\n", "utf-8")
    (folder / "plan.toml").write_text(files + '[data.files]\na = "data.csv"\nb = "empty.csv"\n')
    assert "force 'b' must have at least one row" in load_error(folder)


def test_a_failed_reload_keeps_what_was_there(folder: Path) -> None:
    homes = study(folder).stores.values()
    before = [home.snapshots.live() for home in homes]
    (folder / "data.csv").write_text(ROWS.replace(",m,1", ",x,1"), "utf-8")
    with pytest.raises(UseCaseError):
        _ = study(folder).stores
    assert [home.snapshots.live() for home in homes] == before
    for home in homes:
        home.open().close()


def test_the_same_data_is_loaded_once(folder: Path) -> None:
    before = study(folder).stores["north"].snapshots.live()
    assert study(folder).stores["north"].snapshots.live() == before
    assert study(folder).digests == study(folder).digests


def test_a_starter_plan_maps_what_it_can_and_asks_for_the_rest(folder: Path) -> None:
    plan, case = starter_plan(folder / "data.csv", "own.toml", folder)
    assert '# measure = "auc"\n# at_least = 0.6\n' in plan
    assert case is None
    assert 'age = "age"' in plan
    assert "FILL IN: the column that tells the forces apart" in plan
    filled = plan.replace('force_column = ""', 'force_column = "area"')
    (folder / "plan.toml").write_text(filled.replace('person = ""', 'person = "pid"'), "utf-8")
    assert set(study(folder).stores) == {"north", "south"}


def test_a_starter_use_case_states_no_domain_from_the_data(folder: Path) -> None:
    plan, case = starter_plan(folder / "data.csv", None, folder)
    assert case is not None
    assert 'use_case = "my-use-case.toml"' in plan
    assert "[columns.sex]" in case
    assert "SYN" not in case
    assert "north" not in case


def test_every_release_is_entered_in_the_lineage_of_every_force(folder: Path) -> None:
    made = study(folder)
    release = Release(artefact=Statistics(table=pa.table({"rows": [1]})))
    made.note_release("raw-pool, repeat 0", release)
    for name, home in made.stores.items():
        (noted,) = home.lineage.all()
        live = home.snapshots.live()
        assert live is not None
        assert noted.snapshots[name] == live.name
        assert noted.epsilon is None
        assert home.lineage.of(name, frozenset({live.name})) == (noted,)


def test_a_force_with_a_policy_of_its_own_permits_what_that_says_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study(folder)
    (open_to_all,) = {force.policy.use_cases for force in made.forces()}
    assert open_to_all == {"own"}
    home = made.stores["north"]
    (home.paths.root / "policy.toml").write_text("[purpose.other]\nkinds = ['statistics']\n")
    policies = {force.name: force.policy for force in made.forces()}
    assert policies["north"].use_cases == frozenset()
    assert policies["north"].objection_to_asker("") is not None
    assert policies["south"].use_cases == {"own"}
    key = ActorKey.create(folder / "analyst.pem")
    for each in made.stores.values():
        each.register.add(Actor(name="A", role=Role.ANALYST, public=key.public))
    monkeypatch.setenv("SANDBOX_AS", str(key.path))
    assert {force.actor.name for force in made.forces() if force.actor} == {"A"}


def test_declared_numbers_of_a_flat_file_are_stored_as_whole_steps(folder: Path) -> None:
    with study(folder).stores["north"].open() as connection:
        types = connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = 'coded' "
            "and table_name = 'records' and column_name in ('age', 'y')"
        ).fetchall()
        assert sorted(types) == [("age", "BIGINT"), ("y", "BIGINT")]
        ages = connection.execute("select age from records order by 1").fetchall()
        assert ages == [(20.0,), (30.0,)]


@pytest.mark.parametrize("number", ["1e30", "inf", "-inf", "nan", "old"])
def test_a_number_that_cannot_be_kept_as_steps_is_refused_unquoted(
    folder: Path, number: str
) -> None:
    (folder / "data.csv").write_text(ROWS.replace(",30,", f",{number},"), "utf-8")
    with pytest.raises(UseCaseError, match="must hold numbers") as refused:
        study(folder).stores  # noqa: B018
    assert number not in str(refused.value).replace("must hold", "")


def test_a_rows_id_does_not_depend_on_the_other_rows(folder: Path) -> None:
    seen = []
    for rows in (ROWS, ROWS.replace("SYN1,north,20,f,0\n", "")):
        (folder / "data.csv").write_text(rows + "SYN2,north,30,m,1\n", "utf-8")
        with study(folder).stores["north"].open() as connection:
            query = "select record_id, person_id from records where person_id = 'SYN2'"
            seen.append(sorted(connection.execute(query).fetchall()))
    assert seen[0] == seen[1]
    assert [record.rpartition("-")[2] for record, _ in seen[0]] == ["1", "2"]


def test_rows_that_are_not_stored_are_said_by_count_and_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {name: pa.array([None] * 4, pa.string()) for name in ("sex", "linkage_token")}
    people["person_id"] = pa.array(["SYN1", "SYN2", "syn2", None])
    people["birth_date"] = pa.array(["1990-01-01", "Zebediah", "1990-01-01", "1990-01-01"])
    missing = {
        name: pa.array([None] * 4, pa.string())
        for name in TABLES["person"].columns
        if name not in people
    }
    (tmp_path / "data" / "north").mkdir(parents=True)
    path = tmp_path / "data" / "north" / "person.parquet"
    pyarrow.parquet.write_table(pa.table(people | missing), path)
    (tmp_path / "plan.toml").write_text(
        'use_case = "serious-violence"\n[data]\nstatus = "public"\nfolder = "data"\n', "utf-8"
    )
    made = Study(plan_path=tmp_path / "plan.toml", workspace=tmp_path / "work")
    (home,) = made.stores.values()
    (tally,) = reconciliation(home)
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if line.startswith("north: ")]
    assert "north: 1 of 4 rows of person quarantined: person_id is missing" in lines
    assert len(lines) == len(tally.quarantined) >= 2
    assert "Zebediah" not in said.err
    Study(plan_path=tmp_path / "plan.toml", workspace=tmp_path / "work").stores  # noqa: B018
    assert "north: " not in capsys.readouterr().err, "nothing is loaded again"


def test_a_reason_of_several_forces_is_one_line() -> None:
    def tally(rows_in: int, **refused: int) -> Tally:
        accepted = rows_in - sum(refused.values())
        return Tally(
            table="person", rows_in=rows_in, accepted=accepted, refused=refused, quarantined={}
        )

    tallies = {"north": (tally(10, late=2),), "south": (tally(20, late=3, blank=1),)}
    assert list(not_stored(tallies)) == [
        "2 forces: 5 of 30 rows of person refused: late",
        "south: 1 of 20 rows of person refused: blank",
    ]


def test_a_plan_on_protected_data_makes_an_approver_and_nobody_who_may_erase(folder: Path) -> None:
    (folder / "plan.toml").write_text(PLAN.replace('"public"', '"protected"'), "utf-8")
    home = study(folder).stores["north"]
    assert [actor.role for actor in home.register.actors()] == [Role.APPROVER]
    assert officer(home, Role.DPO) is None
    with pytest.raises(PolicyError, match="must be one of: dpo"):
        rights.erase(home, "SYN1", by=officer(home, Role.APPROVER), why="request 7")


def test_a_force_with_actors_of_its_own_is_not_loaded_by_a_plan(folder: Path) -> None:
    made = study(folder)
    own = ActorKey.create(folder / "own.pem")
    home = force_home(folder / "work" / "stores" / "own", folder / "work" / "keys", "north")
    home.enrol(Actor(name="A. Prover", role=Role.APPROVER, public=own.public), None)
    with pytest.raises(PolicyError, match="signed by one of: approver"):
        made.stores  # noqa: B018
    assert home.snapshots.live() is None
    home.close()
