"""The load order: integer codes, unique and dense ranks, and rows that stay from week to week."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimisation import StoreError
from minimisation.contract.tables import TABLES, Table
from minimisation.forces import layout_sql
from minimisation.forces.layout import Layout
from minimisation.forces.layout_sql import Fixed, Laid
from minimisation.forces.mapping import Kind

KEY = b"r" * 32

SEARCH_KINDS: dict[str, Kind] = {
    "person_id": "id", "searched_on": "date", "sex": "label", "found": "integer",
}  # fmt: skip


def searches(rows: list[tuple[str, str]]) -> pa.Table:
    """Searches as (record id, person id)."""
    return pa.table(
        {
            "search_id": [record for record, _ in rows],
            "person_id": [person for _, person in rows],
            "searched_on": pa.array([19_000] * len(rows), pa.int32()).cast(pa.date32()),
            "sex": pa.array([("male", None)[i % 2] for i in range(len(rows))], pa.string()),
            "found": pa.array(range(len(rows)), pa.int64()),
        }
    )


def laid_out(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[str, str]], key: bytes = KEY
) -> Layout:
    connection.register("source", searches(rows))
    layout = Layout(connection=connection, key=key)
    layout.lay("stop_search", TABLES["stop_search"], SEARCH_KINDS, "source")
    layout.finish()
    return layout


RANKED = """
select i.person_id, c.rank, c.search_id
from coded.stop_search c join coded.identity i using (person)"""

ROWS = [("s1", "A"), ("s2", "A"), ("s3", "A"), ("s4", "B"), ("s5", "C"), ("s6", "C")]


def test_ranks_count_from_one_within_each_person(connection: duckdb.DuckDBPyConnection) -> None:
    laid_out(connection, ROWS)
    query = "select person_id, list(rank order by rank) from (" + RANKED + ") group by 1 order by 1"
    assert connection.execute(query).fetchall() == [("A", [1, 2, 3]), ("B", [1]), ("C", [1, 2])]


def test_the_table_is_stored_in_rank_order(connection: duckdb.DuckDBPyConnection) -> None:
    laid_out(connection, ROWS)
    stored = connection.execute("select rank, person from coded.stop_search").fetchall()
    assert stored == sorted(stored)


def test_labels_are_small_integers_and_the_view_decodes_them(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    laid_out(connection, ROWS)
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = 'coded' "
            "and table_name = 'stop_search'"
        ).fetchall()
    )
    assert types["person"] == "BIGINT"
    assert types["rank"] == "INTEGER"
    assert types["sex"] == "SMALLINT"
    expected = {
        (r["search_id"], r["person_id"], r["sex"], r["found"]) for r in searches(ROWS).to_pylist()
    }
    seen = connection.execute("select search_id, person_id, sex, found from stop_search").fetchall()
    assert set(seen) == expected
    labels = connection.execute("select code, label from coded.label").fetchall()
    assert labels == [(0, "male")]


def test_people_who_do_not_change_keep_their_rows_from_week_to_week() -> None:
    weeks = []
    for rows in (ROWS, [*ROWS[:4], ("s9", "B"), ("s10", "D")]):
        with duckdb.connect() as connection:
            laid_out(connection, rows)
            weeks.append(set(connection.execute(RANKED).fetchall()))
    unchanged = {row for row in weeks[0] if row[0] == "A"}
    assert unchanged
    assert unchanged <= weeks[1]


def test_removing_one_person_changes_nobody_elses_kept_rows() -> None:
    kept = []
    for rows in (ROWS, [row for row in ROWS if row[1] != "C"]):
        with duckdb.connect() as connection:
            laid_out(connection, rows)
            kept.append(set(connection.execute(RANKED).fetchall()))
    assert kept[1] == {row for row in kept[0] if row[0] != "C"}


def test_another_key_keeps_other_rows() -> None:
    rows = [(f"s{number}", "A") for number in range(30)]
    orders = []
    for key in (KEY, b"x" * 32):
        with duckdb.connect() as connection:
            laid_out(connection, rows, key)
            orders.append(sorted(connection.execute(RANKED).fetchall()))
    assert orders[0] != orders[1]


def test_mutant_with_ranks_by_place_in_the_file_shifts_with_new_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = layout_sql.ranked
    place, by_file = (
        'md5_number($secret || s."search_id")',
        's."found" + strlen($secret)',
    )
    assert place in honest_sql()

    def mutant(laid: Mapping[str, Laid], table: str, source: str) -> str:
        return honest(laid, table, source).replace(place, by_file)

    monkeypatch.setattr(layout_sql, "ranked", mutant)
    kept = []
    for rows in (ROWS, [("s0", "A"), *ROWS]):
        with duckdb.connect() as connection:
            laid_out(connection, rows)
            query = "select search_id from (" + RANKED + ") where person_id = 'A' and rank = 1"
            kept.append(connection.execute(query).fetchone())
    assert kept == [("s1",), ("s0",)]


def honest_sql() -> str:
    with duckdb.connect() as connection:
        return layout_sql.ranked(laid_out(connection, ROWS).laid, "stop_search", "source")


def test_merging_two_ids_of_a_person_makes_new_ranks(connection: duckdb.DuckDBPyConnection) -> None:
    laid_out(connection, [(record, "A" if person == "C" else person) for record, person in ROWS])
    query = "select max(rank), count(*) from (" + RANKED + ") where person_id = 'A'"
    assert connection.execute(query).fetchone() == (5, 5)


def test_mutant_with_a_repeated_rank_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    layout = laid_out(connection, ROWS)
    connection.execute("update coded.stop_search set rank = 1 where rank = 2")
    with pytest.raises(StoreError, match="unique and dense"):
        layout._check("stop_search")


def test_mutant_with_a_gap_in_the_ranks_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    layout = laid_out(connection, ROWS)
    connection.execute("update coded.stop_search set rank = 4 where rank = 3")
    with pytest.raises(StoreError, match="unique and dense"):
        layout._check("stop_search")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 5))
def test_at_most_m_rows_of_each_person_lie_in_the_prefix(owners: list[int], m: int) -> None:
    rows = [(f"s{place}", f"P{owner}") for place, owner in enumerate(owners)]
    with duckdb.connect() as connection:
        laid_out(connection, rows)
        kept = connection.execute("select person_id from (" + RANKED + ") where rank <= ?", [m])
        counts = Counter(row[0] for row in kept.fetchall())
    assert counts == {f"P{o}": min(n, m) for o, n in Counter(owners).items()}


def test_references_become_record_numbers_and_decode_again(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.register("crimes", pa.table({"crime_id": ["c1", "c2"], "offence": ["a", "b"]}))
    connection.register(
        "roles",
        pa.table(
            {"involvement_id": ["i1", "i2"], "crime_id": ["c2", None], "person_id": ["A", "A"]}
        ),
    )
    layout = Layout(connection=connection, key=KEY)
    layout.lay("crime", TABLES["crime"], {"offence": "label"}, "crimes")
    kinds: dict[str, Kind] = {"crime_id": "id", "person_id": "id"}
    layout.lay("involvement", TABLES["involvement"], kinds, "roles")
    layout.finish()
    joined = connection.execute(
        "select c.crime_id from coded.involvement i join coded.crime c on c.record = i.crime"
    )
    assert joined.fetchall() == [("c2",)]
    decoded = connection.execute("select involvement_id, crime_id, person_id from involvement")
    assert sorted(decoded.fetchall()) == [("i1", "c2", "A"), ("i2", None, "A")]


def test_without_a_person_column_each_record_is_a_unit_of_its_own(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.register("source", searches(ROWS))
    layout = Layout(connection=connection, key=KEY)
    layout.lay("stop_search", TABLES["stop_search"], {"sex": "label"}, "source")
    layout.finish()
    units = connection.execute("select count(distinct person), max(rank) from coded.stop_search")
    assert units.fetchone() == (len(ROWS), 1)


def numbers(rows: list[tuple[str, str]], key: bytes = KEY) -> dict[str, int]:
    """Person id → the number that they are stored under."""
    with duckdb.connect() as connection:
        laid_out(connection, rows, key)
        return dict(connection.execute("select person_id, person from coded.identity").fetchall())


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 60), min_size=1, max_size=20), st.integers(0, 60))
def test_a_persons_number_does_not_depend_on_who_else_is_there(
    owners: set[int], other: int
) -> None:
    rows = [(f"s{owner}", f"P{owner}") for owner in sorted(owners)]
    alone, together = numbers(rows), numbers([(f"s{other}", f"P{other}"), *reversed(rows)])
    assert alone.items() <= together.items()


def test_mutant_that_numbers_people_by_their_place_among_others_shifts_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        layout_sql, "number", lambda text: f"row_number() over (order by $secret, {text})"
    )
    alone, together = numbers([("s2", "B")]), numbers([("s1", "A"), ("s2", "B")])
    assert alone["B"] != together["B"]


def test_numbers_are_wide_hashes_that_another_key_makes_anew() -> None:
    rows = [(f"s{number}", f"P{number:03d}") for number in range(200)]
    here, there = numbers(rows), numbers(rows, b"x" * 32)
    assert not set(here.values()) & set(there.values())
    assert min(here.values()) >= 0
    assert 0.4 < sum(number >= 2**62 for number in here.values()) / len(here) < 0.6
    assert sorted(here, key=here.__getitem__) != sorted(here)


def test_records_without_people_are_numbered_by_themselves_too() -> None:
    seen = []
    for rows in (ROWS, ROWS[2:]):
        with duckdb.connect() as connection:
            connection.register("source", searches(rows))
            layout = Layout(connection=connection, key=KEY)
            layout.lay("stop_search", TABLES["stop_search"], {"sex": "label"}, "source")
            layout.finish()
            query = "select search_id, person from coded.stop_search"
            seen.append(dict(connection.execute(query).fetchall()))
    assert seen[1].items() <= seen[0].items()


def test_a_person_has_one_number_in_all_tables(connection: duckdb.DuckDBPyConnection) -> None:
    connection.register("source", searches(ROWS))
    connection.register("folk", pa.table({"person_id": ["A", "C"], "sex": ["male", "female"]}))
    layout = Layout(connection=connection, key=KEY)
    layout.lay("person", TABLES["person"], {"sex": "label"}, "folk")
    layout.lay("stop_search", TABLES["stop_search"], SEARCH_KINDS, "source")
    layout.finish()
    both = connection.execute(
        "select distinct p.person_id from coded.person p join coded.stop_search using (person) "
        "order by 1"
    )
    assert both.fetchall() == [("A",), ("C",)]


def test_two_people_whose_hashes_agree_are_not_taken_for_one(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        layout_sql, "number", lambda text: f"cast(length($secret || {text}) as bigint)"
    )
    with pytest.raises(StoreError, match="number of their own"):
        laid_out(connection, [("s1", "A"), ("s2", "B")])


def test_a_layout_does_not_show_its_key(connection: duckdb.DuckDBPyConnection) -> None:
    layout = laid_out(connection, ROWS)
    assert KEY.hex() not in repr(layout)
    assert str(KEY) not in repr(replace(layout.laid["stop_search"]))
    views = connection.execute("select string_agg(sql, ' ') from duckdb_views()").fetchone()
    assert views is not None
    assert KEY.hex() not in views[0]


# declared numbers

COSTS = [None, 0.1, 0.2, 0.30000000000000004, -0.14, 12.25]


def laid_costs(connection: duckdb.DuckDBPyConnection) -> None:
    table = pa.table({"record_id": [str(n) for n in range(len(COSTS))], "cost": COSTS})
    connection.register("source", table)
    layout = Layout(connection=connection, key=KEY)
    spec = Table(key="record_id", columns={}, references={})
    layout.lay("records", spec, {"cost": Fixed(step=0.1)}, "source")
    layout.finish()


def test_declared_numbers_are_kept_as_whole_steps(connection: duckdb.DuckDBPyConnection) -> None:
    laid_costs(connection)
    query = "select cost, typeof(cost) from coded.records order by record_id"
    kept = connection.execute(query).fetchall()
    assert kept == [(steps, "BIGINT") for steps in (None, 1, 2, 3, -1, 123)]
    total = connection.execute("select sum(cost) from coded.records").fetchone()
    assert total == (128,)


def test_the_view_gives_numbers_on_their_public_grid(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    laid_costs(connection)
    shown = connection.execute("select cost from records order by record_id").fetchall()
    # the same as snapping the number itself, to the last bit
    assert shown == [(None if cost is None else steps * 0.1,) for cost, steps in zip(
        COSTS, (None, 1, 2, 3, -1, 123), strict=True)]  # fmt: skip
