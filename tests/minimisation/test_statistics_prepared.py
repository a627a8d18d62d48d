"""The prepared form of a store: kept fresh, gone with its snapshot, its bounds replayed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    GroupedStatistics,
    Statistic,
    StoreError,
    UseCase,
    UseCaseError,
)
from minimisation.contract.tables import Table
from minimisation.forces.home import Home
from minimisation.forces.keys import ForceKey
from minimisation.forces.layout import Layout
from minimisation.forces.paths import Paths
from minimisation.statistics import private_query
from minimisation.statistics.noise import Integers
from minimisation.statistics.planner import Allowance, Form, QueryPlan, choose
from minimisation.statistics.prepared_form import PreparedForm
from minimisation.statistics.text_form import parse

ALLOWANCE = Allowance(in_all=4, groups=2, rows=2)
EVERYBODY = 30
QUESTION = "rows by sex where age >= 18"
SHAPES: tuple[tuple[Form, str], ...] = (
    ("prepared", "rows, persons, sum(age) by sex, area"),
    ("prepared", "rows, persons, sum(age) by sex where age >= 18"),
    ("prefix", "rows, persons, sum(age) by area"),
    ("ad_hoc", "rows, persons, sum(age) by sex, area where age >= 30"),
)
CASE = UseCase(
    name="toy-stored",
    title="How many of whom?",
    purpose="testing",
    unit="person",
    as_of=date(2024, 1, 1),
    table="records",
    columns=(
        Column(name="person_id", role="direct_identifier"),
        Column(name="sex", role="other", domain=Categories(values=("female", "male"))),
        Column(name="area", role="other", domain=Categories(values=("a", "b", "c"))),
        Column(name="age", role="other", domain=Bounds(low=0, high=90), optional=True),
    ),
    question=GroupedStatistics(
        by=("force", "sex", "area"), statistics=(Statistic(aggregate="rows"),)
    ),
    floor=Floor(measure="total_variation", value=0.1, direction="at_most"),
    business_as_usual=BusinessAsUsual(known=("force",)),
)
People = Callable[..., PreparedForm]


def rows_of(people: range) -> pa.Table:
    """SYNTHETIC people: the first has forty rows, the others up to five."""
    rng = np.random.default_rng(3)
    sizes = [40 if person == 0 else 1 + person % 5 for person in range(EVERYBODY)]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    table = pa.table(
        {
            "record_id": pa.array(range(len(owner)), pa.int64()),
            "person_id": [f"SYN-{person}" for person in owner],
            "linkage_token": [f"token-{person}" for person in owner],
            "sex": rng.choice(["female", "male"], len(owner)),
            "area": rng.choice(["a", "b", "c"], len(owner)),
            "age": pa.array(rng.integers(0, 91, len(owner)), pa.int64()),
        }
    )
    return table.filter(pa.array(np.isin(owner, list(people))))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    paths = Paths(root=tmp_path / "ashmere", anchors=tmp_path / "anchors")
    return Home(paths=paths, key=ForceKey(force="ashmere", material=b"m" * 32))


def load(home: Home, people: range) -> None:
    """Make these people the live store."""

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        connection.register("incoming", rows_of(people))
        layout = Layout(connection=connection, key=home.key.derive("ranks"))
        kinds = {"person_id": "id", "linkage_token": "identifier", "age": "integer"}
        kinds |= {"sex": "label", "area": "label"}
        layout.lay("records", Table(key="record_id", columns={}, references={}), kinds, "incoming")
        layout.finish()
        connection.unregister("incoming")

    with home.snapshots.held():
        home.snapshots.replace(fill, [], lambda _: None)
        home.snapshots.tidy(frozenset())


def planned(form: PreparedForm, text: str) -> QueryPlan:
    table = form.table()
    assert table is not None
    return choose(parse(text, table.name), table, ALLOWANCE)


def exact(form: PreparedForm, plan: QueryPlan) -> Integers:
    with form.open() as connection:
        return private_query.exact_vector(plan, connection)


def prepared(home: Home, *questions: str) -> PreparedForm:
    form = PreparedForm(home=home, use_case=CASE)
    form.declare(questions or (QUESTION,))
    return form


def test_the_planner_takes_the_stored_form_by_public_facts(home: Home) -> None:
    load(home, range(1, 30))
    form = prepared(home)
    assert [planned(form, text).form for _, text in SHAPES] == [shape for shape, _ in SHAPES]
    assert planned(form, SHAPES[0][1]).source == "prepared_0"
    assert planned(form, SHAPES[1][1]).source == "prepared_1"


def test_where_no_bound_bites_every_form_counts_everybody(home: Home) -> None:
    load(home, range(1, 30))
    form = prepared(home)
    wide = Allowance(in_all=50, groups=6, rows=50)
    table = form.table()
    assert table is not None
    truth = rows_of(range(1, 30)).num_rows
    for shape in ("prepared", "prefix", "ad_hoc"):
        plan = choose(parse("rows by sex, area", table.name), table, wide, shape)  # type: ignore[arg-type]
        assert exact(form, plan).sum() == truth


@pytest.mark.parametrize(("shape", "text"), SHAPES)
def test_removing_anybody_moves_a_stored_form_no_further_than_its_claim(
    home: Home, shape: Form, text: str
) -> None:
    load(home, range(6))
    form = prepared(home)
    plan = planned(form, text)
    whole = exact(form, plan)
    moved = []
    for remaining in (range(1, 6), range(5)):
        load(home, remaining)
        change = np.abs(whole - exact(form, planned(form, text)))
        assert change.sum() <= plan.vector.l1
        assert (change**2).sum() <= plan.vector.l2_squared
        moved.append(int(change.sum()))
    assert plan.form == shape
    assert max(moved) > 0


def test_a_store_ranked_without_regard_to_the_person_is_caught(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minimisation.statistics import preparation  # noqa: PLC0415 - patched here

    real = preparation.prepare_sql

    def all_first(*words: object) -> str:
        sql = real(*words)  # type: ignore[arg-type]
        return f"select * replace (1 as row_rank, 1 as group_rank) from ({sql})"

    load(home, range(6))
    monkeypatch.setattr(preparation, "prepare_sql", all_first)
    form = prepared(home)
    plan = planned(form, SHAPES[0][1])
    whole = exact(form, plan)
    load(home, range(1, 6))
    assert np.abs(whole - exact(form, plan)).sum() > plan.vector.l1


def test_a_replaced_store_is_prepared_again_and_nothing_old_is_left(home: Home) -> None:
    load(home, range(1, 30))
    form = prepared(home)
    before = {path.name for path in home.paths.snapshots.glob("*.prepared")}
    plan = planned(form, SHAPES[2][1])
    first = exact(form, plan)
    load(home, range(1, 20))
    assert not form.fresh
    assert not {path.name for path in home.paths.snapshots.iterdir()} & before
    assert exact(form, plan).sum() < first.sum()
    assert form.fresh
    assert len(list(home.paths.snapshots.glob("*.prepared"))) == 1


def test_a_prepared_form_holds_no_id_and_is_encrypted(home: Home) -> None:
    load(home, range(1, 30))
    form = prepared(home)
    (path,) = home.paths.snapshots.glob("*.prepared")
    assert b"SYN-" not in path.read_bytes()
    with form.open() as connection:
        names = connection.execute("select column_name from duckdb_columns()").fetchall()
        rows = connection.execute("from encoded").fetchall()
    assert "person_id" not in {name for (name,) in names}
    assert not any(isinstance(value, str) for row in rows for value in row)


def test_what_is_not_declared_is_not_prepared(home: Home) -> None:
    load(home, range(1, 5))
    form = PreparedForm(home=home, use_case=CASE)
    assert form.table() is None
    with pytest.raises(StoreError, match="sandbox forces prepare"):
        form.open()
    with pytest.raises(UseCaseError, match="column 'height'"):
        form.declare(("rows by height",))
    assert form.declared is None
