"""TPC-H as typed queries: without noise and with wide bounds they answer what the standard asks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from benchmarks import tpch
from benchmarks.tpch_tables import BRANDS, CONTAINERS, INSTRUCTIONS, KINDS, MODES, NATIONS, REGIONS
from minimisation import MissingEngineError
from minimisation.forces import sql
from minimisation.statistics import private_query
from minimisation.statistics.planner import Allowance, Form

LINES = 3_000


def choice(values: tuple[str, ...], salt: int) -> str:
    listed = ", ".join(sql.text(value) for value in values)
    return f"[{listed}][1 + (hash(i, {salt}) % {len(values)})::int]"


def number(count: int, salt: int) -> str:
    return f"(hash(i, {salt}) % {count})::int"


TABLES = {
    "region": f"select i as r_regionkey, [{', '.join(map(repr, REGIONS))}][i + 1] as r_name"
    " from range(5) t(i)",
    "nation": f"select i as n_nationkey, [{', '.join(map(repr, NATIONS))}][i + 1] as n_name,"
    " i % 5 as n_regionkey from range(25) t(i)",
    "customer": f"select i as c_custkey, {number(2, 1)} * 2 as c_nationkey from range(40) t(i)",
    "supplier": f"select i as s_suppkey, {number(2, 2)} * 2 as s_nationkey from range(10) t(i)",
    "orders": f"select i as o_orderkey, {number(40, 3)} as o_custkey,"
    f" date '1993-11-01' + {number(500, 4)} as o_orderdate from range(900) t(i)",
    "part": f"select i as p_partkey, {choice(KINDS, 5)} || ' BRUSHED TIN' as p_type,"
    f" {choice((BRANDS[1], BRANDS[7], BRANDS[13]), 6)} as p_brand,"
    f" {choice(CONTAINERS, 7)} as p_container, 1 + {number(50, 8)} as p_size from range(200) t(i)",
    "lineitem": f"""select {number(900, 9)} as l_orderkey, i as l_linenumber,
        {number(200, 10)} as l_partkey, {number(10, 11)} as l_suppkey,
        cast(1 + {number(50, 12)} as decimal(15, 2)) as l_quantity,
        cast(901 + {number(90_000, 13)} / 100 as decimal(15, 2)) as l_extendedprice,
        cast({number(11, 14)} / 100 as decimal(15, 2)) as l_discount,
        cast({number(9, 15)} / 100 as decimal(15, 2)) as l_tax,
        {choice(("A", "N", "R"), 16)} as l_returnflag, {choice(("F", "O"), 17)} as l_linestatus,
        case when i % 2 = 0 then date '1995-09-01' + {number(30, 18)}
        else date '1993-12-01' + {number(420, 19)} end as l_shipdate,
        {choice(MODES[:3], 20)} as l_shipmode, {choice(INSTRUCTIONS[:2], 21)} as l_shipinstruct
        from range({LINES}) t(i)""",
}
WIDE = Allowance(groups=25, rows=500)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("tpch")
    (folder / "tpch-0.001").mkdir()
    for name, rows in TABLES.items():
        path = folder / "tpch-0.001" / f"{name}.parquet"
        duckdb.sql(rows).write_parquet(str(path))
    with tpch.opened(tpch.prepare(folder, 0.001)) as opened:
        yield opened


def answer(
    name: str, form: Form, connection: duckdb.DuckDBPyConnection
) -> dict[str, tuple[float, ...]]:
    """Group → its sums without noise, in their own units."""
    plan = replace(tpch.CASES[name], allowance=WIDE).plan(form)
    exact = private_query.exact_vector(plan, connection)
    sums = [
        exact[place] // part.weight * (part.grid.step if part.grid else 1)
        for place, part in enumerate(plan.vector.parts)
        if part.kind in ("rows", "sum")
    ]
    labels = [plan.table.labels(key) for key in plan.query.by]
    cells = [tuple(labels[k][i] for k, i in enumerate(at)) for at in np.ndindex(*plan.shape)]
    return {
        "|".join(cell): tuple(column)
        for cell, column in zip(cells, zip(*sums, strict=True), strict=True)
    }


@pytest.mark.parametrize("form", tpch.FORMS)
@pytest.mark.parametrize("name", tpch.CASES)
def test_a_typed_query_without_noise_answers_what_the_standard_asks(
    name: str, form: Form, connection: duckdb.DuckDBPyConnection
) -> None:
    plain = connection.execute(tpch.CASES[name].plain_sql).fetchall()
    private = answer(name, form, connection)

    if name == "Q14":
        whole = sum(each[0] for each in private.values())
        assert 100 * private["PROMO"][0] / whole == pytest.approx(plain[0][0])
        return
    keys = {"Q1": 2, "Q5": 1}.get(name, 0)
    expected = {"|".join(row[:keys]): row[keys:] for row in plain}
    for cell, sums in private.items():
        theirs = expected.get(cell, (0,) * 8)
        wanted = (theirs[7], *theirs[:4]) if name == "Q1" else theirs[:1]
        assert sums == pytest.approx(tuple(map(float, wanted)))
    assert any(sum(each) > 0 for each in private.values())


def test_the_generator_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("TPCHGEN_CLI", raising=False)

    with pytest.raises(MissingEngineError, match="pip install tpchgen-cli"):
        tpch.prepare(tmp_path, 0.001)


STUB = """#!/bin/sh
echo "$@" > {folder}/asked
touch "$5/lineitem.parquet"
exit 1
"""
"""A generator that dies after its first file."""


def test_files_of_a_generator_that_died_are_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "generator"
    program.write_text(STUB.format(folder=tmp_path), "utf-8")
    program.chmod(0o700)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setenv("TPCHGEN_CLI", str(program))
    for _ in range(2):
        (tmp_path / "asked").unlink(missing_ok=True)
        with pytest.raises(subprocess.CalledProcessError):
            tpch.prepare(tmp_path, 0.001)
        asked = (tmp_path / "asked").read_text("utf-8")
        assert asked.startswith("parquet -s 0.001 --output-dir")
        assert "lineitem,orders,customer,supplier,part,nation,region" in asked


def test_generated_files_answer_what_the_standard_asks(tmp_path: Path) -> None:
    if not (shutil.which("tpchgen-cli") or os.environ.get("TPCHGEN_CLI")):
        pytest.skip("tpchgen-cli is not installed; name it in TPCHGEN_CLI")
    path = tpch.prepare(tmp_path, 0.01)
    case = tpch.CASES["Q6"]
    with tpch.opened(path) as connection:
        (revenue,) = connection.execute(case.plain_sql).fetchone() or (None,)
        plan = replace(case, allowance=replace(case.allowance, rows=1_000)).plan()
        (exact,) = private_query.exact_vector(plan, connection)[0] / plan.vector.parts[0].weight

    assert exact == round(float(revenue) * 10_000)
