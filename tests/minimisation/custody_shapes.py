"""A custody table of every kind of column, every shape of query on it, and a broken plan."""

import math
from dataclasses import replace
from types import MappingProxyType

from minimisation import Bounds, Categories, Column
from minimisation.statistics.catalogue import Prepared, Reference, StoredTable
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.predicates import In
from minimisation.statistics.text_form import parse

SEX = Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True)

TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=("a", "b", "c", "d"))),
        SEX,
        Column(name="hours", role="other", domain=Bounds(low=-3, high=24, step=0.5, edges=(6, 12))),
        Column(name="value", role="other", domain=Bounds(low=0, high=2**45 + 1)),
        Column(
            name="wait",
            role="other",
            domain=Bounds(low=0, high=7, step=0.1, edges=(1.5, 3)),
            optional=True,
        ),
        Column(
            name="minute", role="other", domain=Bounds(low=0, high=60, edges=tuple(range(1, 60)))
        ),
    ),
    references=MappingProxyType(
        {
            "station": Reference(
                table="station",
                by="station_id",
                key="station_id",
                columns=(
                    Column(name="size", role="other", domain=Categories(values=("s", "l"))),
                    Column(name="cells", role="other", domain=Bounds(low=0, high=40)),
                ),
            ),
            "region": Reference(
                table="region",
                via="station",
                by="region_id",
                key="region_id",
                columns=(
                    SEX,
                    Column(name="rural", role="other", domain=Categories(values=("0", "1"))),
                ),
            ),
        }
    ),
    prepared=(
        Prepared(table="by_offence", population=(), by=("offence", "sex")),
        Prepared(
            table="filtered",
            population=(In(column="offence", labels=("b", "c")),),
            by=("hours",),
        ),
    ),
)
FILTER = "where offence in ('b', 'c')"

QUERIES = {
    "rows": "rows by offence, sex",
    "persons": "persons by offence, sex",
    "sum": "sum(hours) by offence, sex",
    "narrowed sum": "sum(hours, 2, 20) by offence, sex",
    "mean": "mean(wait) by offence, sex",
    "variance": "variance(hours) by offence, sex",
    "everything": "rows, persons, sum(hours), mean(hours), variance(wait) by offence, sex",
    "filter": f"rows, mean(hours) by hours {FILTER}",
    "two filters": "persons, sum(wait) by sex where hours between 0.3 and 24 and wait is not null",
    "join": "rows, persons, sum(station.cells) by station.size, offence",
    "filter by join": "rows by sex where station.size = 's' and station.cells >= 2",
    "alternatives filter": "rows, sum(hours) by sex where hours >= 4 and (offence = 'b' or"
    " station.size = 's' and wait is null or offence in ('c', 'd') and wait <= 2)",
    "filter by comparison": "rows by offence, region.rural where region.sex = sex",
    "further join": "rows, persons, sum(hours) by region.rural, station.size",
    "histogram": "histogram(hours) by offence, sex",
    "quantile": "rows, median(hours), quantile(wait, 0.9) by offence, sex",
    "filtered histogram": f"histogram(wait) by sex {FILTER}",
    "tree": "histogram(minute) by offence, sex",
    "derived": "sum(hours - wait * 2), mean(hours * wait, 0, 40) by offence, sex",
    "derived filter": "rows, sum(station.cells + 1.5) by sex where hours - wait between 0 and 9",
    "no keys": "rows, persons, sum(hours)",
}

FORMS: dict[Form, tuple[str, ...]] = {
    "prefix": tuple(name for name in QUERIES if "filter" not in name),
    "prepared": (
        "rows",
        "persons",
        "sum",
        "narrowed sum",
        "mean",
        "variance",
        "everything",
        "filter",
        "histogram",
        "quantile",
        "tree",
        "derived",
    ),
    "ad_hoc": tuple(QUERIES),
}
SHAPES = [(form, name) for form, names in FORMS.items() for name in names]
ALLOWANCE = Allowance(in_all=4, groups=2, rows=3)


def planned(form: Form, name: str, allowance: Allowance = ALLOWANCE) -> QueryPlan:
    return choose(parse(QUERIES[name], "custody"), TABLE, allowance, form)


def larger(plan: QueryPlan, groups: int = 0, rows: int = 0) -> QueryPlan:
    """The plan of somebody who allows more than the claim was made for."""
    vector = plan.vector
    scale = (vector.rows + rows) / vector.rows
    parts = tuple(
        replace(part, most=math.ceil(part.most * (1 if part.kind == "persons" else scale)))
        for part in vector.parts
    )
    grown = replace(vector, groups=vector.groups + groups, rows=vector.rows + rows, parts=parts)
    return replace(plan, vector=grown)
