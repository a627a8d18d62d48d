"""Loading at scale: ten million rows, validated, laid out by rank and encrypted."""

import time
from pathlib import Path

import duckdb
import pytest

from minimisation.contract.tables import TABLES
from minimisation.forces import weeks
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.home import Home
from minimisation.forces.keys import ForceKey
from minimisation.forces.mapping import read_mappings
from minimisation.forces.paths import Paths

MAPPINGS = Path(__file__).parents[2] / "sandbox" / "mappings"


def seconds_of_processor(folder: Path, rows: int) -> float:
    """Processor seconds to load an invented involvement feed, 20 rows per person on average."""
    people = rows // 20
    source = folder / "involvement.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"""copy (select
            'R' || lpad(((i * 7919) % {rows})::varchar, 9, '0') as involvement_id,
            'C' || lpad((hash(i, 9) % 1000000)::varchar, 9, '0') as crime_id,
            'P' || lpad(floor({people} * pow((hash(i) % 1000003) / 1000003.0, 2))::int::varchar,
                8, '0') as person_id,
            ['suspect', 'victim', 'witness', 'convicted'][1 + (hash(i, 1) % 4)::int] as role,
            ['yes', 'no'][1 + (hash(i, 2) % 2)::int] as arrested,
            date '2020-01-01' + (hash(i, 3) % 2000)::int as recorded_on
            from range({rows}) t(i)) to '{source}'""")
    home = Home(
        paths=Paths.of(folder / "forces", "ashmere"),
        key=ForceKey(force="ashmere", material=b"T" * 32),
        threads=2,
    )
    approver = ActorKey.create(folder / "approver.pem")
    home.enrol(Actor(name="A. Prover", role=Role.APPROVER, public=approver.public), None)
    began = time.process_time()
    week = weeks.load(
        home,
        [(read_mappings(MAPPINGS)["demo-involvement"], [source])],
        {"involvement": frozenset(TABLES["involvement"].columns)},
        by=approver,
    )
    spent = time.process_time() - began
    home.close()
    assert week.live == {"involvement": rows}
    return spent


@pytest.mark.full
@pytest.mark.slow
def test_ten_million_rows_take_a_minute_of_two_processors_at_most(tmp_path: Path) -> None:
    assert seconds_of_processor(tmp_path, 10_000_000) < 2 * 60


@pytest.mark.slow
def test_the_cost_of_a_load_is_that_of_its_rows(tmp_path: Path) -> None:
    assert seconds_of_processor(tmp_path, 500_000) < 2 * 60 / 20 * 3  # start-up costs included
