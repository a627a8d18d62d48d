"""One compiled query on two engines: the same integers where ranks are stored, the same bounds."""

import importlib.util
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import pytest
import sqlglot

from minimisation import Bounds, Categories, Column, MissingEngineError, StoreError
from minimisation.statistics import audit, preparation, private_query
from minimisation.statistics.catalogue import Prepared, StoredTable
from minimisation.statistics.compiler import compile_query
from minimisation.statistics.duckdb_engine import DuckDBEngine
from minimisation.statistics.engine import Engine
from minimisation.statistics.noise import DiscreteLaplace, Integers
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.spark_engine import (
    Session,
    SparkEngine,
    local_session,
    spark_sql,
    write_parquet,
)
from minimisation.statistics.text_form import parse
from tests.minimisation.custody import STATION

SEX = Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True)
TABLE = StoredTable(
    name="custody",
    columns=(
        Column(name="offence", role="other", domain=Categories(values=("a", "b", "c", "d"))),
        SEX,
        Column(name="hours", role="other", domain=Bounds(low=-3, high=24, step=0.5, edges=(6, 12))),
    ),
    references={"station": STATION},
    prepared=(Prepared(table="by_offence", population=(), by=("offence", "sex")),),
)
FIGURES = "rows, persons, sum(hours), mean(hours), variance(hours)"
Queries: TypeAlias = tuple[tuple[Form, str], ...]
QUERIES: Queries = (
    ("prefix", f"{FIGURES} by offence, sex"),
    ("prefix", "rows, sum(hours * 2 - 1) by station.size, hours"),
    ("prefix", "persons, histogram(hours)"),
    ("prepared", f"{FIGURES} by offence, sex"),
    ("prepared", "rows, median(hours) by sex, offence"),
    ("ad_hoc", f"{FIGURES} by offence, sex where hours >= 1 or station.size = 's'"),
    ("ad_hoc", "rows, histogram(hours) by offence, sex"),
)
ALLOWANCE = Allowance(in_all=4, groups=2, rows=3)
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Java without its slower compiler, which takes half the time of a session so short."""
HERE = importlib.util.find_spec("pyspark") is not None
needs_spark = pytest.mark.skipif(
    not (HERE and shutil.which("java")),
    reason="SPARK IS NOT INSTALLED: it needs Java and pip install 'minimisation-sandbox[spark]'",
)


def in_turn(queries: Queries) -> list[object]:
    """The first query always, the others in the full run: each takes Spark seconds."""
    first, *others = queries
    return [first, *(pytest.param(*each, marks=pytest.mark.full) for each in others)]


def planned(form: Form, text: str, allowance: Allowance = ALLOWANCE) -> QueryPlan:
    return choose(parse(text, "custody"), TABLE, allowance, form)


@pytest.fixture(scope="module")
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        fill(connection, seed=3)
        yield connection


def fill(connection: duckdb.DuckDBPyConnection, seed: int, without: int = -1) -> int:
    """Invented people, all or all but one; the person with most rows."""
    plan = planned("prefix", FIGURES)
    invented = audit.invent(plan, np.random.default_rng(seed), 30)
    most = max(invented.people, key=lambda each: len(invented.people[each]))
    (invented if without < 0 else invented.without(most)).store(connection, "custody")
    preparation.prepare(connection, TABLE, TABLE.prepared[0])
    return most


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        # it forks to start Java, beside threads of other tests
        warnings.simplefilter("ignore", RuntimeWarning)
        patch.setenv("JDK_JAVA_OPTIONS", QUICK)
        opened = local_session()
    yield opened
    opened.stop()


@pytest.mark.parametrize(("form", "text"), QUERIES)
def test_every_form_is_text_that_spark_can_read(form: Form, text: str) -> None:
    translated = spark_sql(compile_query(planned(form, text)))

    assert sqlglot.parse_one(translated, read="spark").sql("spark") == translated
    for foreign in ("HUGEINT", "INT128", "LIST_MAX", "MIN(", " HASH("):
        assert foreign not in translated.upper()


def test_a_connection_stands_for_the_engine_on_it(store: duckdb.DuckDBPyConnection) -> None:
    plan = planned(*QUERIES[0])
    engine: Engine = DuckDBEngine(connection=store)

    one, other = (private_query.exact_vector(plan, each) for each in (engine, store))

    assert np.array_equal(one, other)


def test_an_engine_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    if HERE:
        monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)

    with pytest.raises(MissingEngineError, match="spark"):
        local_session()


@pytest.fixture(scope="module")
def spark(
    session: Session, store: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> SparkEngine:
    folder = tmp_path_factory.mktemp("spark")
    write_parquet(store, TABLE, folder)
    return SparkEngine(session=session, folder=str(folder))


def off_by_one(plan: QueryPlan) -> QueryPlan:
    return replace(plan, vector=replace(plan.vector, rows=plan.vector.rows + 1))


@needs_spark
@pytest.mark.slow
@pytest.mark.parametrize(("form", "text"), in_turn(QUERIES[:5]))
def test_spark_gives_the_same_integers_where_ranks_are_stored(
    form: Form, text: str, spark: SparkEngine, store: duckdb.DuckDBPyConnection
) -> None:
    plan = planned(form, text)
    ours = private_query.exact_vector(plan, store)

    assert np.array_equal(private_query.exact_vector(plan, spark), ours)
    assert np.abs(ours).sum() > 0
    assert not np.array_equal(private_query.exact_vector(off_by_one(plan), spark), ours)


@needs_spark
@pytest.mark.slow
@pytest.mark.parametrize(("form", "text"), in_turn(QUERIES[5:]))
def test_spark_gives_the_same_integers_ad_hoc_where_no_bound_bites(
    form: Form, text: str, spark: SparkEngine, store: duckdb.DuckDBPyConnection
) -> None:
    plan = planned(form, text, Allowance(groups=11, rows=80))

    found = private_query.exact_vector(plan, spark)

    assert np.array_equal(found, private_query.exact_vector(plan, store))


def changes(session: Session, plans: list[QueryPlan], folder: Path, seed: int) -> list[Integers]:
    """What one person changes in each plan's vector on Spark."""
    vectors = []
    with duckdb.connect(config={"threads": 1}) as connection:
        for without in (-1, 1):
            fill(connection, seed, without)
            own = folder / f"{seed} {without}"
            own.mkdir()
            write_parquet(connection, TABLE, own)
            engine = SparkEngine(session=session, folder=str(own))
            vectors.append([private_query.exact_vector(plan, engine) for plan in plans])
    return [np.abs(one - other) for one, other in zip(*vectors, strict=True)]


@needs_spark
@pytest.mark.full
def test_nobody_moves_spark_past_the_claim_and_a_group_more_is_caught(
    session: Session, tmp_path: Path
) -> None:
    honest = [planned(form, text) for form, text in QUERIES[5:]]
    persons = planned("ad_hoc", "persons by offence, sex")
    broken = replace(persons, vector=replace(persons.vector, groups=3))

    *within, beyond = changes(session, [*honest, persons, broken], tmp_path, seed=4)

    for plan, change in zip([*honest, persons], within, strict=True):
        assert 0.2 * plan.vector.l1 < change.sum() <= plan.vector.l1
    assert beyond.sum() > persons.vector.l1


@needs_spark
@pytest.mark.slow
def test_a_table_that_spark_cannot_read_is_named_and_nothing_else(
    session: Session, tmp_path: Path
) -> None:
    engine = SparkEngine(session=session, folder=str(tmp_path / "nowhere"))

    with pytest.raises(StoreError, match="'custody' could not be read") as refusal:
        private_query.run(planned("prefix", "rows"), engine, DiscreteLaplace(scale=1.0))

    assert "nowhere" not in str(refusal.value)
