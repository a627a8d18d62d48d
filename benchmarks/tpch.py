"""TPC-H queries 1, 5, 6, 14 and 19 as typed private queries, the customer as the person.

    python -m benchmarks.tpch --folder FOLDER --scale 1

Data by `tpchgen-cli` (a peer of its own: `pip install tpchgen-cli`). The plain side is the standard
query on the standard tables in the same database; the private side reads integer-encoded tables
with the customer of every line item, joined N:1 to orders, customers, suppliers and parts. In the
ad hoc form everything is worked out at the time; in the prepared form ranks were stored for exactly
this query beforehand. Published for a privacy extension of DuckDB at scale 30 on 16 cores: 11.2,
1.76, 2.83, 3.07 and 1.85 times the plain query; another scale and machine, so a yardstick.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import duckdb

from benchmarks.private_queries import ASKING, EPSILON, desk, seconds
from benchmarks.tpch_tables import LINES_TABLE, encode
from minimisation.statistics import private_query
from minimisation.statistics.catalogue import Prepared
from minimisation.statistics.desk import ask
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.quote import quote
from minimisation.statistics.text_form import parse


def day(text: str) -> int:
    """Days since the first of January 1992, as dates are stored."""
    return (date.fromisoformat(text) - date(1992, 1, 1)).days


@dataclass(frozen=True, kw_only=True)
class Case:
    """One query of the standard, plain and private."""

    plain_sql: str
    """The standard's text with its validation parameters, without ordering."""
    text: str
    """The typed query."""
    allowance: Allowance
    """What one customer may add: groups × line items in each."""
    published: float
    """Slowdown published for another system."""

    def plan(self, form: Form = "ad_hoc") -> QueryPlan:
        """The checked query."""
        return choose(parse(self.text, "lines"), TABLE, self.allowance, form)

    def plain(self, connection: duckdb.DuckDBPyConnection) -> float:
        """Seconds of the plain query."""
        return seconds(lambda: connection.execute(self.plain_sql).to_arrow_table())

    def private(self, connection: duckdb.DuckDBPyConnection, form: Form = "ad_hoc") -> float:
        """Seconds of the private query's SQL."""
        engine, plan = DuckDBEngine(connection=connection), self.plan(form)
        return seconds(lambda: engine.sums(plan))

    def kept(self, connection: duckdb.DuckDBPyConnection, form: Form = "ad_hoc") -> float:
        """Share of the selected line items that the bounds keep; exact, as nobody is real."""
        found = []
        for rows in (self.allowance.rows, MOST_LINES):
            wide = Allowance(groups=self.allowance.groups, rows=rows)
            plan = choose(parse(f"rows {self._rest}", "lines"), TABLE, wide, form)
            exact = private_query.exact_vector(plan, connection)
            found.append(exact.sum() / plan.vector.parts[0].weight)
        return float(found[0] / found[1])

    def error(self, form: Form = "ad_hoc") -> float:
        """Half width of the first figure's 95 % noise interval."""
        return quote(self.plan(form), EPSILON).widths[0].half

    @property
    def _rest(self) -> str:
        """The typed query without its figures."""
        starts = [self.text.find(word) for word in (" by ", " where ")]
        return self.text[min(start for start in starts if start >= 0) :]


MOST_LINES = 1_000
"""More line items than any customer has."""

REVENUE = "sum(price * (1 - discount))"
BRANDS = (("Brand#12", "SM", 1, 5), ("Brand#23", "MED", 10, 10), ("Brand#34", "LG", 20, 15))
BOXES = {
    "SM": ("SM CASE", "SM BOX", "SM PACK", "SM PKG"),
    "MED": ("MED BAG", "MED BOX", "MED PKG", "MED PACK"),
    "LG": ("LG CASE", "LG BOX", "LG PACK", "LG PKG"),
}
_CHOICES = " or ".join(
    f"part.brand = '{brand}' and part.container in ({', '.join(map(repr, BOXES[size]))})"
    f" and quantity between {least} and {least + 10} and part.size between 1 and {largest}"
    for brand, size, least, largest in BRANDS
)
_PLAIN_CHOICES = " or ".join(
    f"(p_brand = '{brand}' and p_container in ({', '.join(map(repr, BOXES[size]))})"
    f" and l_quantity between {least} and {least + 10} and p_size between 1 and {largest})"
    for brand, size, least, largest in BRANDS
)

CASES = MappingProxyType(
    {
        "Q1": Case(
            plain_sql="""select l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
            sum(l_extendedprice * (1 - l_discount)),
            sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), avg(l_quantity),
            avg(l_extendedprice), avg(l_discount), count(*) from lineitem
            where l_shipdate <= date '1998-09-02' group by l_returnflag, l_linestatus""",
            text="rows, sum(quantity), sum(price), sum(price * (1 - discount)),"
            " sum(price * (1 - discount) * (1 + tax)), mean(quantity), mean(price), mean(discount)"
            f" by returnflag, linestatus where shipped <= {day('1998-09-02')}",
            allowance=Allowance(groups=4, rows=50),
            published=11.2,
        ),
        "Q5": Case(
            plain_sql="""select n_name, sum(l_extendedprice * (1 - l_discount)) from customer,
            orders, lineitem, supplier, nation, region where c_custkey = o_custkey
            and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey
            and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA'
            and o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01'
            group by n_name""",
            text=f"{REVENUE} by supplier.nation where supplier.nation = customer.nation"
            " and nation.region = 'ASIA'"
            f" and orders.ordered between {day('1994-01-01')} and {day('1994-12-31')}",
            allowance=Allowance(groups=1, rows=10),
            published=1.76,
        ),
        "Q6": Case(
            plain_sql="""select sum(l_extendedprice * l_discount) from lineitem
            where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
            and l_discount between 0.05 and 0.07 and l_quantity < 24""",
            text="sum(price * discount) where"
            f" shipped between {day('1994-01-01')} and {day('1994-12-31')}"
            " and discount between 0.05 and 0.07 and quantity <= 23",
            allowance=Allowance(groups=1, rows=5),
            published=2.83,
        ),
        "Q14": Case(
            plain_sql="""select 100.00 * sum(case when p_type like 'PROMO%'
            then l_extendedprice * (1 - l_discount) else 0 end)
            / sum(l_extendedprice * (1 - l_discount)) from lineitem, part
            where l_partkey = p_partkey and l_shipdate >= date '1995-09-01'
            and l_shipdate < date '1995-10-01'""",
            text=f"{REVENUE} by part.kind where"
            f" shipped between {day('1995-09-01')} and {day('1995-09-30')}",
            allowance=Allowance(groups=3, rows=3),
            published=3.07,
        ),
        "Q19": Case(
            plain_sql=f"""select sum(l_extendedprice * (1 - l_discount)) from lineitem, part
            where p_partkey = l_partkey and l_shipmode in ('AIR', 'AIR REG')
            and l_shipinstruct = 'DELIVER IN PERSON' and ({_PLAIN_CHOICES})""",
            text=f"{REVENUE} where mode in ('AIR', 'AIR REG')"
            f" and instruction = 'DELIVER IN PERSON' and ({_CHOICES})",
            allowance=Allowance(groups=1, rows=3),
            published=1.85,
        ),
    }
)
"""Query → how it is asked, plain and private."""


def _declared(name: str, text: str) -> Prepared:
    query = parse(text, "lines")
    return Prepared(table=f"lines_{name.lower()}", population=query.population, by=query.by)


TABLE = replace(
    LINES_TABLE, prepared=tuple(_declared(name, case.text) for name, case in CASES.items())
)
"""Line items with the five queries declared."""


def prepare(folder: Path, scale: float) -> Path:
    """Make the tables in a database in a folder, and return its path; nothing if they are there.

    Raises:
        MissingEngineError: if the generator is not installed.
    """
    path = folder / f"tpch-{scale:g}.duckdb"
    if not path.exists():
        draft = path.with_name(f"draft-{path.name}")
        draft.unlink(missing_ok=True)
        for step, taken in encode(draft, folder / f"tpch-{scale:g}", scale, TABLE).items():
            sys.stderr.write(f"{step}: {taken:.1f} s\n")
        draft.replace(path)
    return path


@contextmanager
def opened(
    path: Path, threads: int = 2, memory: str = "4GB"
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection, its settings fixed."""
    with duckdb.connect(
        str(path),
        read_only=True,
        config={"threads": threads, "memory_limit": memory, "temp_directory": str(path.parent)},
    ) as connection:
        yield connection


def end_to_end(plan: QueryPlan, connection: duckdb.DuckDBPyConnection) -> float:
    """Seconds with ledger, noise and the finished table."""
    with tempfile.TemporaryDirectory() as folder:
        asked = desk(connection, Path(folder), 1)
        return seconds(lambda: ask(plan, [asked], EPSILON, 0.0, ASKING))


def line(name: str, form: Form, connection: duckdb.DuckDBPyConnection, runs: int) -> str:
    """One query in one form against the plain one, run in turn, in words."""
    case = CASES[name]
    case.plain(connection)
    case.private(connection, form)
    pairs = [(case.plain(connection), case.private(connection, form)) for _ in range(runs)]
    plain, private = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(own / base for base, own in pairs)
    whole = statistics.median(end_to_end(case.plan(form), connection) for _ in range(runs))
    plan = case.plan(form)
    return (
        f"{name:<4}{form:<9} plain {plain:.3f} s, private {private:.3f} s ({ratio:.2f}×, published"
        f" {case.published:g}×), end to end {whole:.3f} s, g = {plan.vector.groups},"
        f" r = {plan.vector.rows}, rows kept {case.kept(connection, form):.1%},"
        f" first figure ±{case.error(form):.3g}"
    )


def main() -> None:
    """Make the tables if they are not there, and print one line per query and form."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the data is kept")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GB")
    given = parser.parse_args()
    path = prepare(given.folder, given.scale)
    with opened(path, given.threads, given.memory) as connection:
        for name in CASES:
            for form in FORMS:
                sys.stdout.write(line(name, form, connection, given.runs) + "\n")
                sys.stdout.flush()


FORMS: tuple[Form, ...] = ("ad_hoc", "prepared")

if __name__ == "__main__":
    main()
