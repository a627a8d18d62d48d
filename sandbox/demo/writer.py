"""Writes the SYNTHETIC forces: one folder per force, one Parquet file per harmonised table.

Every random-looking choice is a hash of the seed and a counter (`draws`), so the same seed gives
the same rows in the same order, whatever the number of threads.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from minimisation.contract.tables import TABLES
from sandbox.demo import events, label, people, records
from sandbox.demo.draws import Mix, mix_sql
from sandbox.demo.events import LABEL, LATER, SERIOUS, SUSPECTED
from sandbox.demo.forces import FORCES
from sandbox.demo.ground_truth import ground_truth
from sandbox.demo.lists import (
    AREA_WEIGHTS,
    DISABILITIES,
    ETHNICITIES,
    OFFENCES,
    ORIENTATIONS,
    RELIGIONS,
)
from sandbox.demo.output import table_sql

LEAST_PEOPLE = 200
"""Fewer people could leave a force empty."""
MOST_PEOPLE = 30_000_000
"""More people would not fit the record ids."""


def generate(folder: Path, *, people: int = 60_000, seed: int = 1, threads: int = 2) -> None:
    """Write `folder/<force>/<table>.parquet` and, last of all, `folder/ground-truth.json`.

    Args:
        folder: where to write; made if missing, files of an earlier demo are replaced.
        people: how many people; some are known to several forces.
        seed: any whole number; the same seed and people give the same rows.
        threads: DuckDB threads; they change the speed only.

    Raises:
        ValueError: if `people` or `threads` is out of range.
    """
    if not LEAST_PEOPLE <= people <= MOST_PEOPLE:
        raise ValueError(f"people ({people}) must be between {LEAST_PEOPLE} and {MOST_PEOPLE}")
    if threads < 1:
        raise ValueError(f"threads ({threads}) must be at least 1")
    folder.mkdir(parents=True, exist_ok=True)
    truth = folder / "ground-truth.json"
    truth.unlink(missing_ok=True)
    with TemporaryDirectory() as spill, duckdb.connect(":memory:") as connection:
        connection.execute(f"SET threads = {int(threads)}")
        connection.execute("SET temp_directory = ?", [spill])
        for name, statement in steps(seed, people):
            connection.execute(f"CREATE TABLE {name} AS {statement}")
        _write_forces(connection, folder, seed)
        content = ground_truth(connection, people=people, seed=seed)
    truth.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def steps(seed: int, people_count: int) -> Iterator[tuple[str, str]]:
    """Every table of the generator in order: (name, the SQL that makes it)."""
    yield "mix", mix_sql(mixes())
    yield "human", people.human_sql(seed, people_count)
    yield "record", people.record_sql(seed)
    yield "activity", people.activity_sql()
    yield "force_count", people.force_count_sql()
    yield "suspect_0", events.suspect_sql(seed, SUSPECTED)
    yield "suspected", events.outcome_sql("suspect_0")
    yield "victim", events.victim_sql(seed)
    yield "involved", events.involved_sql()
    yield "intelligence", records.intelligence_sql(seed)
    yield "search", records.search_sql(seed)
    yield "suspect_counts", label.suspect_counts_sql()
    yield "other_counts", label.other_counts_sql()
    yield "intelligence_counts", label.intelligence_counts_sql()
    yield "search_counts", label.search_counts_sql()
    yield "log_odds", label.log_odds_sql()
    yield "label", label.label_sql(seed)
    yield "labelled", label.labelled_sql()
    yield "suspect_1", events.suspect_sql(seed, LATER)
    yield "later", events.outcome_sql("suspect_1")
    yield "suspect_2", events.suspect_sql(seed, LABEL)
    yield "label_crime", events.outcome_sql("suspect_2")
    yield "hot", events.hot_sql(seed, people_count)
    yield "crime", events.crime_sql()


def mixes() -> Iterator[Mix]:
    """Every mix that the steps draw labels from."""
    offences = [offence for offence, _ in OFFENCES]
    yield Mix(
        what="home",
        force=-1,
        labels=[force.name for force in FORCES],
        weights=[force.share for force in FORCES],
    )
    yield Mix(what="religion", force=-1, labels=RELIGIONS, weights=(450, 300, 80, 40, 30, 10, 90))
    yield Mix(what="orientation", force=-1, labels=ORIENTATIONS, weights=(930, 30, 30, 10))
    yield Mix(what="disability", force=-1, labels=DISABILITIES, weights=(780, 70, 60, 90))
    for number, force in enumerate(FORCES):
        later = [0 if n in SERIOUS else weight for n, weight in enumerate(force.offences)]
        serious = [weight if n in SERIOUS else 0 for n, weight in enumerate(force.offences)]
        areas = [str(area) for area in range(len(AREA_WEIGHTS))]
        yield Mix(what="ethnicity", force=number, labels=ETHNICITIES, weights=force.ethnicity)
        yield Mix(what="area", force=number, labels=areas, weights=AREA_WEIGHTS)
        yield Mix(what="offence", force=number, labels=offences, weights=force.offences)
        yield Mix(what="later offence", force=number, labels=offences, weights=later)
        yield Mix(what="serious offence", force=number, labels=offences, weights=serious)


def _write_forces(connection: duckdb.DuckDBPyConnection, folder: Path, seed: int) -> None:
    for number, force in enumerate(FORCES):
        (folder / force.name).mkdir(exist_ok=True)
        for table in TABLES:
            path = str(folder / force.name / f"{table}.parquet").replace("'", "''")
            title = force.title.replace("'", "''")
            connection.execute(
                f"COPY ({table_sql(table, seed, number)}) TO '{path}' (FORMAT parquet, "
                f"COMPRESSION zstd, KV_METADATA {{synthetic: 'SYNTHETIC', source: '{title}'}})"
            )
