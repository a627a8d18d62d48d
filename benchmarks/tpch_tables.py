"""TPC-H tables as a store would hold them: integers, declared domains, the customer as person.

The standard tables are kept beside them for the plain queries, with the columns that those need.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from minimisation import Bounds, Categories, Column, MissingEngineError
from minimisation.forces import sql
from minimisation.statistics import preparation
from minimisation.statistics.catalogue import Reference, StoredTable

VARIABLE = "TPCHGEN_CLI"
"""Environment variable that names the generator where it is not on the path."""

NATIONS = (
    *("ALGERIA", "ARGENTINA", "BRAZIL", "CANADA", "EGYPT", "ETHIOPIA", "FRANCE", "GERMANY"),
    *("INDIA", "INDONESIA", "IRAN", "IRAQ", "JAPAN", "JORDAN", "KENYA", "MOROCCO", "MOZAMBIQUE"),
    *("PERU", "CHINA", "ROMANIA", "SAUDI ARABIA", "VIETNAM", "RUSSIA", "UNITED KINGDOM"),
    "UNITED STATES",
)
"""By number, as the standard has them."""
REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
MODES = ("REG AIR", "AIR", "AIR REG", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
INSTRUCTIONS = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
KINDS = ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO")
"""First words of a part's type."""
BRANDS = tuple(f"Brand#{maker}{brand}" for maker in range(1, 6) for brand in range(1, 6))
CONTAINERS = tuple(
    f"{size} {kind}"
    for size in ("SM", "LG", "MED", "JUMBO", "WRAP")
    for kind in ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM")
)
LAST_DAY = 2_556
"""Days from the first of January 1992 to the end of 1998."""


def _labelled(name: str, values: Sequence[str]) -> Column:
    return Column(name=name, role="other", domain=Categories(values=tuple(values)))


def _measured(name: str, low: float, high: float, step: float = 1.0) -> Column:
    return Column(name=name, role="other", domain=Bounds(low=low, high=high, step=step))


def _reference(table: str, by: str, columns: tuple[Column, ...], via: str = "") -> Reference:
    return Reference(table=f"{table}_codes", by=by, key=by, columns=columns, via=via)


LINES_TABLE = StoredTable(
    name="lines",
    columns=(
        _measured("quantity", 1, 50),
        _measured("price", 0, 105_000, 0.01),
        _measured("discount", 0, 0.1, 0.01),
        _measured("tax", 0, 0.08, 0.01),
        _labelled("returnflag", ("A", "N", "R")),
        _labelled("linestatus", ("F", "O")),
        _measured("shipped", 0, LAST_DAY),
        _labelled("mode", MODES),
        _labelled("instruction", INSTRUCTIONS),
    ),
    references={
        "orders": _reference("orders", "orderkey", (_measured("ordered", 0, LAST_DAY),)),
        "customer": _reference("customer", "custkey", (_labelled("nation", NATIONS),), "orders"),
        "supplier": _reference("supplier", "suppkey", (_labelled("nation", NATIONS),)),
        "nation": _reference("nation", "nation", (_labelled("region", REGIONS),), "supplier"),
        "part": _reference(
            "part",
            "partkey",
            (
                _labelled("kind", KINDS),
                _labelled("brand", BRANDS),
                _labelled("container", CONTAINERS),
                _measured("size", 1, 50),
            ),
        ),
    },
)

MEMORY = "12GB"
"""What encoding may use before it spills: scale 10 fits a machine of 24 GiB beside other work."""

NEEDED = {
    "lineitem": "l_orderkey, l_linenumber, l_partkey, l_suppkey, l_quantity, l_extendedprice,"
    " l_discount, l_tax, l_returnflag, l_linestatus, l_shipdate, l_shipmode, l_shipinstruct",
    "orders": "o_orderkey, o_custkey, o_orderdate",
    "customer": "c_custkey, c_nationkey",
    "supplier": "s_suppkey, s_nationkey",
    "part": "p_partkey, p_type, p_brand, p_container, p_size",
    "nation": "n_nationkey, n_name, n_regionkey",
    "region": "r_regionkey, r_name",
}
"""Standard table → the columns that are kept of it."""


def encode(path: Path, folder: Path, scale: float, table: StoredTable) -> dict[str, float]:
    """Make the standard tables and the encoded ones.

    Args:
        path: database file to be made.
        folder: where the generator's files are, or will be.
        scale: scale factor of the standard; 1 is six million line items.
        table: `LINES_TABLE`, with the copies that are to be prepared.

    Returns:
        Seconds that each step took.

    Raises:
        MissingEngineError: if the generator's files are not there and nor is the generator.
    """
    if not folder.exists():
        _generate(folder, scale)
    taken = {}
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"set temp_directory = {sql.text(str(path.parent / 'spill'))}")
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute("set preserve_insertion_order = false")
        for name, columns in NEEDED.items():
            source = sql.text(str(folder / f"{name}.parquet"))
            connection.execute(f"create table {name} as select {columns} from {source}")
        connection.execute("set preserve_insertion_order = true")
        for name, statement in _encoded().items():
            taken[name] = _seconds(connection, f"create table {name} as {statement}")
        for copy in table.prepared:
            start = time.perf_counter()
            preparation.prepare(connection, table, copy)
            taken[copy.table] = time.perf_counter() - start
    return taken


def _generate(folder: Path, scale: float) -> None:
    """Make the standard's files; a folder is there once all of them are."""
    program = shutil.which("tpchgen-cli") or os.environ.get(VARIABLE)
    if program is None:
        raise MissingEngineError(
            f"TPC-H data must be made by tpchgen-cli: pip install tpchgen-cli in an environment of"
            f" its own, and name the program in {VARIABLE}"
        )
    draft = folder.with_name(f"draft-{folder.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    command = [program, "parquet", "-s", f"{scale:g}", "--output-dir", str(draft)]
    subprocess.run([*command, "--tables", ",".join(NEEDED)], check=True)  # noqa: S603 - our words
    draft.replace(folder)


def _encoded() -> dict[str, str]:
    """Table → its rows as codes; a label outside its list has none and falls in no cell."""
    day = "cast({} - date '1992-01-01' as smallint)".format
    lines = f"""select cast(hash(o_custkey) >> 1 as bigint) as person,
        cast(row_number() over (partition by o_custkey order by hash(l_orderkey, l_linenumber),
            l_orderkey, l_linenumber) as integer) as rank,
        l_orderkey as orderkey, l_suppkey as suppkey, l_partkey as partkey,
        cast(l_quantity as tinyint) as quantity, cast(l_extendedprice * 100 as integer) as price,
        cast(l_discount * 100 as tinyint) as discount, cast(l_tax * 100 as tinyint) as tax,
        {_code(("A", "N", "R"), "l_returnflag")} as returnflag,
        {_code(("F", "O"), "l_linestatus")} as linestatus, {day("l_shipdate")} as shipped,
        {_code(MODES, "l_shipmode")} as mode, {_code(INSTRUCTIONS, "l_shipinstruct")} as instruction
        from lineitem join orders on l_orderkey = o_orderkey order by rank"""
    return {
        "lines": lines,
        "orders_codes": f"select o_orderkey as orderkey, o_custkey as custkey,"
        f" {day('o_orderdate')} as ordered from orders",
        "customer_codes": "select c_custkey as custkey, cast(c_nationkey as tinyint) as nation"
        " from customer",
        "supplier_codes": "select s_suppkey as suppkey, cast(s_nationkey as tinyint) as nation"
        " from supplier",
        "nation_codes": "select cast(n_nationkey as tinyint) as nation,"
        " cast(n_regionkey as tinyint) as region from nation",
        "part_codes": f"""select p_partkey as partkey,
            {_code(KINDS, "split_part(p_type, ' ', 1)")} as kind,
            {_code(BRANDS, "p_brand")} as brand, {_code(CONTAINERS, "p_container")} as container,
            cast(p_size as tinyint) as size from part""",
    }


def _code(labels: Sequence[str], column: str) -> str:
    listed = ", ".join(sql.text(label) for label in labels)
    return f"cast(list_position([{listed}], {column}) - 1 as tinyint)"


def _seconds(connection: duckdb.DuckDBPyConnection, statement: str) -> float:
    start = time.perf_counter()
    connection.execute(statement)
    return time.perf_counter() - start
