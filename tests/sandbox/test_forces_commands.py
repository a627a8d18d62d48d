"""`sandbox forces` and `sandbox audit`, as a force's own people use them."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result
from typer.testing import CliRunner

from minimisation import PolicyError, StoreError, UseCaseError
from minimisation.contract.tables import TABLES
from minimisation.forces.actors import Role
from sandbox.commands.forces import audit_app, forces_app
from sandbox.houses import first_run, force_home, officer

PERSON = "SYN-ASH-P00000001"
NAMES = ("given_name", "family_name")
TYPES = {"VARCHAR": pa.string(), "DATE": pa.date32(), "INTEGER": pa.int32()}


class Desk:
    """A force's desk: a folder with stores, keys and feeds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stores = folder / "workspace" / "stores" / "tables"
        self.key = folder / "approver.pem"

    def run(self, *arguments: str, text: str | None = None) -> Result:
        """A command of `sandbox forces`; its errors are raised."""
        app = audit_app if arguments[0] in ("show", "verify") else forces_app
        given = [*arguments, "--stores", str(self.stores)]
        return CliRunner().invoke(app, given, input=text, catch_exceptions=False)

    def approver(self, *arguments: str, text: str | None = None) -> Result:
        return self.run(*arguments, "--as", str(self.key), text=text)

    def people(self, ids: str) -> str:
        """Feed of one SYNTHETIC person per letter, named after their place in it."""
        path = self.folder / f"{ids}.parquet"
        kinds = TABLES["person"].columns
        columns = {name: pa.array([None] * len(ids), TYPES[kind]) for name, kind in kinds.items()}
        columns |= {name: pa.array([f"Syn{n}" for n, _ in enumerate(ids)]) for name in NAMES}
        columns["person_id"] = pa.array([f"SYN-{letter}" for letter in ids])
        columns["birth_date"] = pa.array([date(1990, 1, 2)] * len(ids))
        pyarrow.parquet.write_table(pa.table(columns), path)
        return f"demo-person={path}"

    def feed(self, people: int) -> str:
        path = self.folder / "stop_search.parquet"
        rows = {name: [None] * people for name in TABLES["stop_search"].columns}
        columns = {
            name: pa.array(rows[name], TYPES[kind])
            for name, kind in TABLES["stop_search"].columns.items()
        }
        columns["search_id"] = pa.array([f"SYN-S{n}" for n in range(people)])
        columns["person_id"] = pa.array([f"SYN-ASH-P{n:08d}" for n in range(1, people + 1)])
        columns["sex"] = pa.array(["Male"] * people)
        pyarrow.parquet.write_table(pa.table(columns), path)
        return f"demo-stop-search={path}"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path)
    made.run("create", "ashmere", "--approver", str(made.key))
    return made


def load(desk: Desk, people: int, command: str = "load") -> Result:
    return desk.approver(
        command, "ashmere", "--source", desk.feed(people), "--use-case", "stop-search", "--json"
    )


def test_a_week_is_loaded_replaced_archived_and_listed(desk: Desk) -> None:
    (tally,) = json.loads(load(desk, 3).stdout)
    assert (tally["rows_in"], tally["accepted"]) == (3, 3)
    assert "outcome" in tally["columns_not_needed"]
    load(desk, 2, "replace")
    (row,) = json.loads(desk.run("list", "--json").stdout)
    assert (row["force"], row["archived"]) == ("ashmere", "1")
    (old,) = json.loads(desk.run("archive", "ashmere", "--json").stdout)
    assert old["authorised for"] == ""
    with pytest.raises(PolicyError, match="authorised"):
        desk.approver("retrieve", "ashmere", old["snapshot"])
    grant = ("--who", "DI X", "--why", "review", "--until")
    with pytest.raises(PolicyError, match="before it expires"):
        desk.approver("retrieve", "ashmere", old["snapshot"], *grant, "2999-01-01")
    soon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")
    desk.approver("retrieve", "ashmere", old["snapshot"], *grant, soon)
    with pytest.raises(PolicyError, match="can be read from"):
        desk.approver("retrieve", "ashmere", old["snapshot"])
    assert desk.approver("purge", "ashmere").stdout == ""


def test_load_is_for_the_first_week_and_replace_for_the_others(desk: Desk) -> None:
    with pytest.raises(StoreError, match="forces load"):
        load(desk, 2, "replace")
    load(desk, 2)
    with pytest.raises(StoreError, match="forces replace"):
        load(desk, 2)


def test_link_gives_one_person_one_token_in_two_forces(desk: Desk) -> None:
    desk.run("create", "brackley", "--approver", str(desk.folder / "other.pem"))
    keys = {"ashmere": desk.key, "brackley": desk.folder / "other.pem"}
    tokens: dict[str, str] = {}
    for force, ids in (("ashmere", "ABC"), ("brackley", "XY")):
        given = ("--source", desk.people(ids), "--use-case", "serious-violence", "--link")
        desk.run("load", force, *given, "--as", str(keys[force]))
        with force_home(desk.stores, desk.folder / "workspace" / "keys", force).open() as opened:
            query = "select person_id, linkage_token from person"
            tokens |= dict(opened.execute(query).fetchall())
    assert tokens["SYN-A"] == tokens["SYN-X"] is not None
    assert tokens["SYN-B"] == tokens["SYN-Y"]
    assert len(set(tokens.values())) == 3


def test_link_without_a_feed_of_people_is_refused(desk: Desk) -> None:
    arguments = ("load", "ashmere", "--source", desk.feed(2), "--use-case", "stop-search")
    with pytest.raises(UseCaseError, match="person table"):
        desk.approver(*arguments, "--link")


def test_an_act_without_a_proved_key_is_refused(desk: Desk) -> None:
    arguments = ("load", "ashmere", "--source", desk.feed(2), "--use-case", "stop-search")
    with pytest.raises(UseCaseError, match="--as"):
        desk.run(*arguments)
    desk.approver("actor", "ashmere", str(desk.folder / "dpo.pem"), "--name", "D", "--role", "dpo")
    with pytest.raises(PolicyError, match="approver"):
        desk.run(*arguments, "--as", str(desk.folder / "dpo.pem"))


def test_an_actor_who_is_dismissed_can_no_longer_act(desk: Desk) -> None:
    load(desk, 2)
    dpo = ("--as", str(desk.folder / "dpo.pem"))
    words = ("actor", "ashmere", dpo[1], "--name", "D", "--role", "dpo")
    fingerprint = desk.approver(*words).stdout.strip()
    desk.run("purge", "ashmere", *dpo)
    desk.approver("dismiss", "ashmere", fingerprint)
    with pytest.raises(PolicyError, match="knows"):
        desk.run("purge", "ashmere", *dpo)


def test_without_an_approved_use_case_nothing_is_loaded(desk: Desk) -> None:
    with pytest.raises(UseCaseError, match="approved use case"):
        desk.approver("load", "ashmere", "--source", desk.feed(2))


def test_an_erased_person_is_found_before_and_not_after(desk: Desk) -> None:
    load(desk, 3)
    desk.approver("actor", "ashmere", str(desk.folder / "dpo.pem"), "--name", "D", "--role", "dpo")
    (desk.folder / "workspace" / "notes.txt").write_text("nothing")
    before = desk.run("remnants", "-", text=f"{PERSON.lower()}\n").stdout
    assert "person id" in before
    desk.run(
        "erase", "ashmere", "-", "--why", "request 1", "--as", str(desk.folder / "dpo.pem"),
        text=f"{PERSON}\n",
    )  # fmt: skip
    assert desk.run("remnants", PERSON).stdout == ""
    entries = json.loads(desk.approver("show", "ashmere", "--json").stdout)
    assert entries[-1]["event"] == "erasure"
    assert entries[-1]["actor"].startswith("D (dpo, ")
    assert PERSON not in json.dumps(entries)


def test_the_audit_is_verified_against_a_noted_head(desk: Desk) -> None:
    load(desk, 2)
    heads = dict(line.split() for line in desk.run("verify", "ashmere").stdout.splitlines())
    assert set(heads) == {"audit", "history"}
    head = heads["audit"]
    load(desk, 1, "replace")
    desk.run("verify", "ashmere", "--noted", head)
    with pytest.raises(StoreError, match="cut off"):
        desk.run("verify", "ashmere", "--noted", f"999:{'0' * 64}")


def test_an_unknown_force_or_mapping_is_named_with_the_known_ones(desk: Desk) -> None:
    with pytest.raises(StoreError, match="ashmere"):
        desk.run("archive", "nowhere")
    with pytest.raises(UseCaseError, match="police-uk-street-crime"):
        desk.approver("load", "ashmere", "--source", "nothing=x.csv", "--use-case", "stop-search")


def test_no_key_or_person_is_in_any_plain_file(desk: Desk) -> None:
    load(desk, 3)
    (desk.folder / "stop_search.parquet").unlink()
    for path in desk.folder.rglob("*"):
        if path.is_file() and path.suffix != ".key":
            assert PERSON.encode() not in path.read_bytes()


@pytest.mark.parametrize("real", [False, True])
def test_a_plans_own_officers_sign_unless_a_real_force_must(desk: Desk, *, real: bool) -> None:
    home = force_home(desk.stores, desk.folder / "workspace" / "keys", "brackley")
    first_run(home, real=real)
    home.close()
    assert desk.run("purge", "brackley").exit_code == 0
    (entry,) = json.loads(desk.run("show", "brackley", "--json", "--last", "1").stdout)
    assert entry["actor"].startswith("first run, approver (approver, ")
    arguments = ("erase", "brackley", PERSON, "--why", "request 1")
    # the data protection officer of demo and public data gets as far as the empty store
    with pytest.raises(UseCaseError if real else StoreError, match="--as" if real else "loaded"):
        desk.run(*arguments)


def test_forces_of_the_same_folder_share_no_key_with_another_workspace(desk: Desk) -> None:
    home = force_home(desk.stores, desk.folder / "elsewhere" / "keys", "brackley")
    assert officer(home, Role.APPROVER) is None
    first_run(home, real=True)
    home.close()
    with pytest.raises(StoreError, match="key"):
        desk.run("purge", "brackley")
