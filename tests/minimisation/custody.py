"""A toy custody table of SYNTHETIC people, and a query of each bounding form on it."""

import duckdb
import numpy as np

from minimisation import Bounds, Categories, Column
from minimisation.statistics import noise, private_query
from minimisation.statistics.audit import Invented, Row
from minimisation.statistics.catalogue import Prepared, Reference, StoredTable
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.text_form import parse

STATION = Reference(
    table="station",
    by="station_id",
    key="station_id",
    columns=(Column(name="size", role="other", domain=Categories(values=("s", "l"))),),
)
TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=("a", "b", "c", "d"))),
        Column(name="hours", role="other", domain=Bounds(low=0, high=24, step=0.5, edges=(6, 12))),
        Column(name="wait", role="other", domain=Bounds(low=0, high=9, edges=(3,)), optional=True),
    ),
    references={"station": STATION},
    prepared=(Prepared(table="by_offence", population=(), by=("offence",)),),
)
SHAPES: tuple[tuple[Form, str], ...] = (
    ("prefix", "rows, persons, sum(hours) by offence"),
    ("prepared", "rows, persons, sum(hours) by offence"),
    ("ad_hoc", "rows, persons, sum(hours) by offence where hours >= 0"),
)
ALLOWANCE = Allowance(in_all=4, groups=2, rows=2)


def planned(text: str, form: Form | None = None) -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, ALLOWANCE, form)


def row(offence: int | None = 0, hours: int | None = 48, wait: int | None = 0) -> Row:
    return {"offence": offence, "hours": hours, "wait": wait, "station_id": 1}


def stored(people: dict[int, list[Row]]) -> Invented:
    return Invented(table=TABLE, people=people, referred={"station": [{"size": 0}, {"size": 1}]})


def exact(
    plan: QueryPlan, connection: duckdb.DuckDBPyConnection, people: dict[int, list[Row]]
) -> noise.Integers:
    stored(people).store(connection, plan.source)
    return private_query.exact_vector(plan, connection)


def unweighted(plan: QueryPlan, vector: noise.Integers) -> noise.Integers:
    return vector // np.array([part.weight for part in plan.vector.parts])[:, None]
