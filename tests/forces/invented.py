"""An invented force: feeds of a few SYNTHETIC people, its officers, and a clock that tests set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from minimisation.contract.tables import TABLES
from minimisation.forces import rights, weeks
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.history import Request, Week
from minimisation.forces.home import Home
from minimisation.forces.keys import ForceKey
from minimisation.forces.mapping import read_mappings
from minimisation.forces.paths import Paths

KEY = ForceKey(force="ashmere", material=b"H" * 32)
MAPPINGS = read_mappings(Path(__file__).parents[2] / "sandbox" / "mappings")
ALL = {name: frozenset(table.columns) for name, table in TABLES.items()}
PERSON = "SYN-ASH-P00000001"
TOKEN = "SYNtoken0001"  # noqa: S105 - a linkage token, invented

Row = Mapping[str, Any]


@dataclass
class Clock:
    """A clock that the test sets."""

    now: datetime = field(default_factory=lambda: datetime(2024, 3, 4, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass(kw_only=True)
class House:
    """A force's home, and the people who may act in it."""

    home: Home
    folder: Path
    clock: Clock
    approver: ActorKey
    dpo: ActorKey

    def load(self, rows: Mapping[str, Sequence[Row]], **more: Any) -> Week:  # noqa: ANN401
        """Load feeds of those rows, table by table."""
        sources = [
            (
                MAPPINGS[f"demo-{table.replace('_', '-')}"],
                [feed(self.folder / "feeds", table, found)],
            )
            for table, found in rows.items()
        ]
        return weeks.load(self.home, sources, ALL, by=more.pop("by", self.approver), **more)

    def erase(self, person: str = PERSON) -> Request:
        return rights.erase(self.home, person, by=self.dpo, why="request 7")

    def events(self) -> list[tuple[str, str]]:
        """Kind and name of what the audit holds, the making of the force left out."""
        entries = self.home.log("audit").entries()
        return [
            (entry["event"], entry["what"])
            for entry in entries
            if entry["what"] != "register an actor"
        ]


def invented_house(folder: Path) -> House:
    clock = Clock()
    home = Home(paths=Paths.of(folder / "forces", "ashmere"), key=KEY, clock=clock)
    approver = ActorKey.create(folder / "approver.pem")
    dpo = ActorKey.create(folder / "dpo.pem")
    home.enrol(Actor(name="A. Prover", role=Role.APPROVER, public=approver.public), None)
    home.enrol(Actor(name="D. P. Officer", role=Role.DPO, public=dpo.public), approver)
    return House(home=home, folder=folder, clock=clock, approver=approver, dpo=dpo)


def feed(folder: Path, table: str, rows: Sequence[Row]) -> Path:
    """A Parquet feed with every harmonised column."""
    folder.mkdir(parents=True, exist_ok=True)
    types = {"VARCHAR": pa.string(), "DATE": pa.date32(), "INTEGER": pa.int32()}
    columns = {
        name: pa.array([row.get(name) for row in rows], types[kind])
        for name, kind in TABLES[table].columns.items()
    }
    pyarrow.parquet.write_table(pa.table(columns), folder / f"{table}.parquet")
    return folder / f"{table}.parquet"


def people(count: int, first: int = 1) -> list[Row]:
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


def stops(owners: Sequence[int]) -> list[Row]:
    """Searches of those people, one each; ids in a spelling that is not canonical."""
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
