"""Custody events of SYNTHETIC people, stored as a load ranks them, and one query of each shape."""

from typing import TypeAlias

import duckdb
import numpy as np

from minimisation import Bounds, Categories, Column
from minimisation.statistics import planner
from minimisation.statistics.catalogue import Prepared, StoredTable
from minimisation.statistics.planner import Allowance, QueryPlan, choose
from minimisation.statistics.predicates import In
from minimisation.statistics.text_form import parse
from tests.minimisation.custody import STATION

Event: TypeAlias = tuple[int, int, int, int | None, int, int]
"""Person, event, offence, sex, half hours, station."""
OFFENCES = ("burglary", "drugs", "theft", "violence")
FILTER = (In(column="offence", labels=("drugs", "theft")),)

TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=OFFENCES)),
        Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True),
        Column(name="hours", role="other", domain=Bounds(low=0, high=24, step=0.5, edges=(6, 12))),
        Column(name="officer_id", role="direct_identifier"),
    ),
    references={"station": STATION},
    prepared=(
        Prepared(table="custody_by_offence", population=(), by=("offence", "sex")),
        Prepared(table="custody_filtered", population=FILTER, by=("offence",)),
    ),
)
FIGURES = "rows, persons, sum(hours), mean(hours), variance(hours)"

SHAPES: dict[str, tuple[str, planner.Form]] = {
    "prefix": (f"{FIGURES} by offence", "prefix"),
    "prefix_without_keys": ("rows, sum(hours, 2, 12)", "prefix"),
    "prefix_reference": ("rows by station.size, hours", "prefix"),
    "prepared": (f"{FIGURES} by offence, sex", "prepared"),
    "prepared_filtered": (
        "rows, mean(hours) by offence where offence in ('drugs', 'theft')",
        "prepared",
    ),
    "ad_hoc": (f"{FIGURES} by sex, hours where offence in ('drugs', 'theft')", "ad_hoc"),
    "ad_hoc_unfiltered": (f"{FIGURES} by offence, sex", "ad_hoc"),
    "ad_hoc_histogram": ("rows, histogram(hours) by offence, sex", "ad_hoc"),
    "ad_hoc_between": (
        "persons by station.size where hours between 0.3 and 11 and sex is not null",
        "ad_hoc",
    ),
    "ad_hoc_rows_first": ("rows, sum(hours) by offence, sex, hours, station.size", "ad_hoc"),
}
ALLOWANCE = Allowance(in_all=5, groups=2, rows=3)


def planned(name: str, allowance: Allowance = ALLOWANCE) -> QueryPlan:
    text, form = SHAPES[name]
    return choose(parse(text, "custody"), TABLE, allowance, form)


RANKED = {
    "custody": (
        "select *, row_number() over (partition by person order by hash(event), event) as rank"
        " from events order by rank"
    ),
    "custody_by_offence": "coalesce(offence, 9) * 9 + coalesce(sex, 2)",
    "custody_filtered": "coalesce(offence, 9)",
}


def load(connection: duckdb.DuckDBPyConnection, rows: list[Event]) -> None:
    """Store events and their ranked copies, as a store's load does."""
    connection.execute("delete from events")
    if rows:
        connection.executemany("insert into events values (?, ?, ?, ?, ?, ?)", rows)
    connection.execute(f"create or replace table custody as {RANKED['custody']}")
    for name in ("custody_by_offence", "custody_filtered"):
        where = "offence in (1, 2)" if name == "custody_filtered" else "true"
        connection.execute(
            f"create or replace table {name} as with keyed as (select *, {RANKED[name]} as code"
            f" from events where {where}) select *,"
            " dense_rank() over (partition by person order by hash(code, person), code)"
            " as group_rank, row_number() over (partition by person, code order by hash(event),"
            " event) as row_rank from keyed order by row_rank, group_rank"
        )


def random_events(rng: np.random.Generator, people: int) -> dict[int, list[Event]]:
    events = {}
    for person in rng.choice(10**9, people, replace=False):
        count = int(min(60, rng.pareto(0.7) + 1))
        sex = [None, 0, 1][rng.integers(3)]
        events[int(person)] = [
            (
                int(person),
                int(rng.integers(1 << 30)),
                int(rng.integers(4)),
                sex,
                int(rng.choice([0, 1, 11, 12, 24, 47, 48])),
                int(rng.integers(1, 3)),
            )
            for _ in range(count)
        ]
    return events
