"""What a step's SQL can reach from inside a force: its own tables, and nothing else."""

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from minimisation import Forces, Payload, PayloadKind, Premises, UseCase
from minimisation.forces import vault
from minimisation.forces.vault import Vault

ELSEWHERE = "the-other-force"
"""A value that is in every file but the store."""


@pytest.fixture
def inside(tmp_path: Path) -> Vault:
    """A force's store, beside another force's and a plain file."""
    for name in ("ashmere", "brackley"):
        made = Vault(force=name, path=tmp_path / f"{name}.duckdb", key=name.ljust(32).encode())
        with made.create() as connection:
            connection.execute(f"create table person as select '{ELSEWHERE}' as name")
    (tmp_path / "plain.csv").write_text(f"name\n{ELSEWHERE}\n")
    with duckdb.connect(str(tmp_path / "plain.duckdb")) as connection:
        connection.execute(f"create table person as select '{ELSEWHERE}' as name")
    return Vault(force="ashmere", path=tmp_path / "ashmere.duckdb", key=b"ashmere".ljust(32))


ATTEMPTS = {
    "read a CSV file": "select * from read_csv('{folder}/plain.csv')",
    "read a file by name": "select * from '{folder}/plain.csv'",
    "read text": "select * from read_text('{folder}/plain.csv')",
    "read bytes of another store": "select * from read_blob('{folder}/brackley.duckdb')",
    "read Parquet": "select * from read_parquet('{folder}/plain.parquet')",
    "list a folder": "select * from glob('{folder}/*')",
    "sniff a CSV file": "select * from sniff_csv('{folder}/plain.csv')",
    "read the password file": "select * from read_csv('/etc/passwd', header = false)",
    "attach another force": "attach '{folder}/brackley.duckdb' as other (encryption_key 'x')",
    "attach a plain database": "attach '{folder}/plain.duckdb' as other (read_only)",
    "attach a new database": "attach '{folder}/new.duckdb' as other",
    "read the web": "select * from read_csv('https://example.org/a.csv')",
    "copy out": "copy (select * from person) to '{folder}/out.csv'",
    "copy over the own store": "copy (select 1) to '{folder}/ashmere.duckdb'",
    "export": "export database '{folder}/out'",
    "import": "import database '{folder}/out'",
    "install an extension": "install sqlite",
    "load an extension": "load '{folder}/evil.duckdb_extension'",
    "open the door again": "set enable_external_access = true",
    "unlock": "reset lock_configuration",
    "allow a folder": "set allowed_directories = ['{folder}']",
    "allow a path": "set allowed_paths = ['{folder}/plain.csv']",
    "spill elsewhere": "set temp_directory = '{folder}'",
    "spill in plain text": "set temp_file_encryption = false",
    "weaken the crypto": "set force_mbedtls_unsafe = true",
    "log to a file": "pragma profiling_output = '{folder}/profile.json'",
    "profile as JSON": "pragma enable_profiling = 'json'",
    "read the environment": "select getenv('SANDBOX_SECRET')",
    "read a DataFrame": "select * from frame",
    "keep a web secret": "select * from duckdb_secrets()",
    "write to the store": "create table taken as select * from person",
    "change the store": "update person set name = 'x'",
    "delete from the store": "delete from person",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_outside_can_be_read_or_written(
    inside: Vault, attempt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_SECRET", ELSEWHERE)
    frame = [ELSEWHERE]
    before = sorted((path.name, path.stat().st_size) for path in inside.path.parent.iterdir())
    with inside.open() as connection, pytest.raises(duckdb.Error):
        connection.execute(ATTEMPTS[attempt].format(folder=inside.path.parent)).fetchall()
    assert frame
    after = sorted((path.name, path.stat().st_size) for path in inside.path.parent.iterdir())
    assert after == before


def test_there_are_at_least_twenty_attempts() -> None:
    assert len(ATTEMPTS) >= 20


READS = ["read a CSV file", "list a folder", "attach a plain database", "copy out"]


@pytest.mark.parametrize("attempt", READS)
def test_mutant_that_is_not_locked_lets_the_attempt_through(
    inside: Vault, attempt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "lock", lambda *_: None)
    with inside.open() as connection:
        connection.execute(ATTEMPTS[attempt].format(folder=inside.path.parent)).fetchall()


def test_a_connection_sees_one_file_only(inside: Vault) -> None:
    with inside.open() as connection:
        rows = connection.execute("select path from duckdb_databases() where path is not null")
        assert [Path(str(row[0])).name for row in rows.fetchall()] == ["ashmere.duckdb"]


def test_the_bytes_of_the_own_store_are_ciphertext(inside: Vault) -> None:
    with inside.open() as connection:
        query = f"select content from read_blob('{inside.path}')"
        assert ELSEWHERE.encode() not in connection.execute(query).fetchall()[0][0]


def test_an_attached_memory_database_holds_nothing_of_others(inside: Vault) -> None:
    with inside.open() as connection:
        connection.execute("attach ':memory:' as scratch")
        query = "select count(*) from duckdb_tables() where database_name = 'scratch'"
        assert connection.execute(query).fetchone() == (0,)
    assert os.listdir(inside.path.parent).count("scratch") == 0  # noqa: PTH208 - names only


def test_the_writing_connection_reads_its_inputs_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("name\na\n")
    (tmp_path / "other.csv").write_text("name\nb\n")
    made = Vault(force="ashmere", path=tmp_path / "store.duckdb", key=b"k" * 32)
    with made.create([tmp_path / "in.csv"]) as connection:
        connection.execute(f"create table t as select * from read_csv('{tmp_path}/in.csv')")
        with pytest.raises(duckdb.Error):
            connection.execute(f"select * from read_csv('{tmp_path}/other.csv')").fetchall()


@dataclass(frozen=True, kw_only=True)
class Tell:
    """A step whose SQL tries to carry a value out in an error."""

    sql: str
    name: str = "tell"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        schema = pa.schema([("n", pa.int64())])
        return Payload(kind=PayloadKind.STATISTICS, schema=schema, most_rows=1)

    def run(self, premises: Premises) -> pa.Table:
        return premises.query(self.sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select error(min(family_name)) as n from people",
        "select cast(min(family_name) as bigint) as n from people",
        "select cast(case when age > 89 then 'x' else '1' end as bigint) as n from people limit 1",
        "select 9223372036854775807 + count(*) as n from people",
        "select count(*) as n from read_csv(min(family_name))",
        "attach 'elsewhere.duckdb' as other",
        "copy people to 'out.csv'",
    ],
)
def test_an_error_carries_nothing_out_of_a_force(outcome_forces: Forces, sql: str) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Tell(sql=sql))
    assert not replies.payloads or "limit 1" in sql
    for failure in replies.failures:
        assert failure.reason.isidentifier(), "the kind of error and nothing else"
    assert "Testperson" not in repr(replies)
