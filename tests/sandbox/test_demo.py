"""What the demo promises: same seed, same rows; marked, skewed, and planted as stated."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation.contract.tables import TABLES
from sandbox.demo import AS_OF, FORCES, generate
from sandbox.demo.draws import Mix, scrambled

PEOPLE = 3000


def digest(folder: Path) -> str:
    """Digest of every row of every table, in the order in which the file holds them."""
    content = hashlib.sha256()
    with duckdb.connect() as connection:
        for force in FORCES:
            for table in TABLES:
                path = folder / force.name / f"{table}.parquet"
                rows = connection.read_parquet(str(path)).fetchall()
                content.update(f"{force.name}/{table}:{rows}".encode())
    return content.hexdigest()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo, as written."""
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, people=PEOPLE, seed=5)
    return folder


@pytest.fixture(scope="module")
def tables(demo: Path) -> duckdb.DuckDBPyConnection:
    """The demo's tables over all forces, each with a column `force`."""
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(
            f"CREATE TABLE {table} AS SELECT *, parse_path(filename)[-2] AS force "
            f"FROM read_parquet('{demo}/*/{table}.parquet', filename = true)"
        )
    return connection


@pytest.fixture(scope="module")
def truth(demo: Path) -> dict[str, Any]:
    """What was planted."""
    content: dict[str, Any] = json.loads((demo / "ground-truth.json").read_text(encoding="utf-8"))
    return content


def one(tables: duckdb.DuckDBPyConnection, statement: str) -> Any:  # noqa: ANN401 - any cell
    """The single value that a statement returns."""
    row = tables.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_rows_and_their_order_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    for threads in (1, 2):
        generate(tmp_path / str(threads), people=1000, seed=3, threads=threads)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    for seed in (3, 4):
        generate(tmp_path / str(seed), people=600, seed=seed)
    assert digest(tmp_path / "3") != digest(tmp_path / "4")


def test_every_force_has_exactly_the_contracts_tables_columns_and_types(demo: Path) -> None:
    assert sorted(path.name for path in demo.iterdir() if path.is_dir()) == sorted(
        force.name for force in FORCES
    )
    for force in FORCES:
        assert {path.stem for path in (demo / force.name).iterdir()} == set(TABLES)
        for name, table in TABLES.items():
            path = str(demo / force.name / f"{name}.parquet")
            columns = duckdb.read_parquet(path)
            types = [str(kind) for kind in columns.types]
            assert dict(zip(columns.columns, types, strict=True)) == table.columns


def test_every_file_id_and_truth_is_marked_synthetic(
    demo: Path, tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    assert "SYNTHETIC" in truth["marking"]
    for path in demo.glob("*/*.parquet"):
        assert pq.read_metadata(path).metadata[b"synthetic"] == b"SYNTHETIC"
    for name, table in TABLES.items():
        assert one(tables, f"SELECT bool_and(starts_with({table.key}, 'SYN')) FROM {name}")


def test_keys_are_unique_and_references_are_met(tables: duckdb.DuckDBPyConnection) -> None:
    for name, table in TABLES.items():
        assert one(tables, f"SELECT count(*) = count(DISTINCT {table.key}) FROM {name}"), name
        for other, column in table.references.items():
            lost = f"SELECT count(*) FROM {name} ANTI JOIN {other} USING (force, {column})"
            assert one(tables, lost) == 0, (name, other)


def test_there_are_a_lead_seven_partners_and_one_national_agency() -> None:
    assert sorted(force.role for force in FORCES) == ["lead", "national", *["partner"] * 7]


def test_forces_differ_in_size_ethnicity_and_offences(tables: duckdb.DuckDBPyConnection) -> None:
    spread = """SELECT max(share) / min(share) FROM (
        SELECT force, {share} AS share FROM {table} GROUP BY force)"""
    assert one(tables, spread.format(table="person", share="count(*)")) > 3
    black = "avg((ethnicity = 'Black')::INTEGER)"
    assert one(tables, spread.format(table="person", share=black)) > 3
    drugs = "avg((offence = 'drug supply')::INTEGER)"
    assert one(tables, spread.format(table="crime", share=drugs)) > 3


def test_people_in_several_forces_share_a_token_but_no_id(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    several = one(
        tables,
        "SELECT count(*) FROM (SELECT linkage_token FROM person GROUP BY linkage_token "
        "HAVING count(DISTINCT force) > 1)",
    )
    assert several == truth["duplicates"]["people_in_several_forces"]
    assert 0.03 <= several / PEOPLE <= 0.08
    assert one(tables, "SELECT count(DISTINCT linkage_token) FROM person") == PEOPLE
    same = """SELECT count(*) FROM person AS a JOIN person AS b USING (linkage_token)
        WHERE a.force < b.force AND right(a.person_id, 8) = right(b.person_id, 8)"""
    assert one(tables, same) == 0
    assert one(tables, "SELECT count(*) FROM person WHERE linkage_token IS NULL") == 0


def test_involvement_is_heavy_tailed(tables: duckdb.DuckDBPyConnection) -> None:
    counts = "SELECT count(*) AS n FROM involvement GROUP BY person_id"
    assert one(tables, f"SELECT median(n) FROM ({counts})") <= 3
    assert one(tables, f"SELECT max(n) FROM ({counts})") >= 100
    searches = "SELECT count(*) AS n FROM stop_search GROUP BY person_id"
    assert one(tables, f"SELECT max(n) FROM ({searches})") >= 20
    assert 0.3 < one(tables, "SELECT count(*) FROM stop_search") / PEOPLE < 0.9


def test_children_vulnerable_people_and_special_categories_are_there(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    ages = "date_sub('year', birth_date, DATE '2024-01-01')"
    child, youngest, vulnerable = tables.execute(
        f"SELECT avg(({ages} < 18)::INTEGER), min({ages}), avg((vulnerable = 'yes')::INTEGER) "
        "FROM person"
    ).fetchall()[0]
    assert 0.05 < child < 0.15
    assert youngest == 10
    assert 0.08 < vulnerable < 0.2
    for column in ("religion", "sexual_orientation", "disability", "ethnicity", "deprivation"):
        known = one(tables, f"SELECT avg(({column} IS NOT NULL)::INTEGER) FROM person")
        assert 0.1 < known < 0.99, column


def test_nobody_is_a_suspect_before_their_tenth_birthday(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    early = """SELECT count(*) FROM involvement JOIN crime USING (force, crime_id)
        JOIN person USING (force, person_id)
        WHERE role = 'suspect' AND occurred_on < birth_date + INTERVAL 10 YEAR"""
    assert one(tables, early) == 0


def test_records_that_must_never_be_ingested_are_there_and_are_few(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    codes = ", ".join(f"'{code}'" for code in truth["never_ingest"]["handling"])
    for table in ("person", "intelligence"):
        share = one(tables, f"SELECT avg((handling IN ({codes}))::INTEGER) FROM {table}")
        assert 0 < share < 0.05, table
        rest = f"SELECT list_sort(list(DISTINCT handling)) FROM {table} WHERE handling NOT IN"
        assert one(tables, f"{rest} ({codes})") == ["", "standard"]
    facts = f"SELECT count(*) FROM intelligence WHERE handling IN ({codes}) AND kind = 'fact'"
    assert one(tables, facts) == 0


def test_texts_carry_planted_phone_and_insurance_numbers(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    for pattern, share in ((r"07700 900\d{3}", 0.15), (r"QQ\d{6}C", 0.05)):
        found = one(
            tables,
            f"SELECT avg(regexp_matches(text, '{pattern}')::INTEGER) FROM intelligence",
        )
        assert abs(found - share) < 0.03


def test_only_suspects_are_arrested(tables: duckdb.DuckDBPyConnection) -> None:
    wrong = "SELECT count(*) FROM involvement WHERE (role = 'suspect') <> (arrested IS NOT NULL)"
    assert one(tables, wrong) == 0
    roles = "SELECT list_sort(list(DISTINCT role)) FROM involvement"
    assert one(tables, roles) == ["convicted", "suspect", "victim", "witness"]


def test_searches_are_one_quarter_in_published_words(tables: duckdb.DuckDBPyConnection) -> None:
    first, last = tables.execute(
        "SELECT min(searched_on), max(searched_on) FROM stop_search"
    ).fetchall()[0]
    assert (first, last) == (date(2023, 10, 1), date(2023, 12, 31))
    labels = {
        "sex": {"Male", "Female"},
        "age_band": {"10-17", "18-24", "25-34", "over 34"},
        "ethnicity": {"White", "Black", "Asian", "Other"},
    }
    for column, expected in labels.items():
        found = tables.execute(f"SELECT DISTINCT {column} FROM stop_search").fetchall()
        assert {value for (value,) in found} == expected | {None}
    wrong = """SELECT count(*) FROM stop_search
        WHERE (found = 0) <> (outcome = 'A no further action disposal')"""
    assert one(tables, wrong) == 0


def test_history_starts_three_years_before_the_as_of_date(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    first, last = tables.execute("SELECT min(occurred_on), max(occurred_on) FROM crime").fetchall()[
        0
    ]
    assert first >= date(2021, 1, 1)
    assert first <= date(2021, 1, 31)
    assert date(2025, 12, 1) <= last <= date(2025, 12, 31)


def test_the_label_is_the_only_serious_violence_of_a_suspect_after_the_as_of_date(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    labelled = """SELECT count(DISTINCT person_id) FROM involvement
        JOIN crime USING (force, crime_id) WHERE role = 'suspect'
        AND severity = 'serious violence' AND occurred_on >= DATE '2024-01-01'"""
    assert one(tables, labelled) == truth["label_model"]["with_label"]
    assert one(tables, "SELECT count(*) FROM person") == truth["label_model"]["person_records"]
    assert 0.03 < truth["label_model"]["with_label"] / truth["label_model"]["person_records"] < 0.07
    assert 0.75 < truth["label_model"]["auc_of_planted_probabilities"] < 0.9


def test_the_hotspot_has_its_stated_excess(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    spot = truth["hotspot"]
    here = f"""SELECT strftime(occurred_on, '%Y-%m') AS month, count(*) AS n FROM crime
        WHERE small_area = '{spot["small_area"]}' AND offence = '{spot["offence"]}'
        AND force = '{spot["force"]}' GROUP BY month"""
    hot = one(tables, f"SELECT n FROM ({here}) WHERE month = '{spot['month']}'")
    usual = one(tables, f"SELECT max(n) FROM ({here}) WHERE month <> '{spot['month']}'")
    assert spot["excess"] <= hot <= spot["excess"] + usual + 3
    assert usual < spot["excess"] / 2


def test_arrest_is_biased_as_planted_and_offending_is_not_its_cause(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    bias = truth["recording_bias"]
    rows = tables.execute(
        """SELECT force, ethnicity, avg((arrested = 'yes')::INTEGER), count(*)
        FROM involvement JOIN person USING (force, person_id)
        WHERE role = 'suspect' AND ethnicity IS NOT NULL GROUP BY ALL HAVING count(*) > 100"""
    ).fetchall()
    assert len(rows) > 8
    for force, ethnicity, rate, count in rows:
        planted = (
            bias["arrested_per_mille_by_ethnicity"][ethnicity]
            + bias["added_per_mille_by_force"][force]
        ) / 1000
        assert abs(rate - planted) < 4 * (planted * (1 - planted) / count) ** 0.5 + 0.001
    assert truth["label_model"]["coefficients"]["ethnicity=Black"] == 0


def test_searches_of_some_groups_find_less_as_planted(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    planted = truth["group_disparity"]["found_per_mille_by_ethnicity"]
    for ethnicity in ("White", "Black"):
        rate, count = tables.execute(
            "SELECT avg(found), count(*) FROM stop_search WHERE ethnicity = ?", [ethnicity]
        ).fetchall()[0]
        chance = planted[ethnicity] / 1000
        assert abs(rate - chance) < 4 * (chance * (1 - chance) / count) ** 0.5
    per_head = """SELECT (count(s.search_id) / count(DISTINCT p.person_id))
        FROM person AS p LEFT JOIN stop_search AS s USING (force, person_id)
        WHERE p.ethnicity = '{}'"""
    black, white = (one(tables, per_head.format(group)) for group in ("Black", "White"))
    assert black / white > 1.3


def test_the_review_comes_after_the_as_of_date_and_tells_the_label(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    assert one(tables, "SELECT min(reviewed_on) FROM person") > AS_OF
    assert one(
        tables,
        "SELECT bool_and((review_result IS NULL) = (reviewed_on IS NULL)) FROM person",
    )
    rate = """SELECT avg((person_id IN (SELECT person_id FROM involvement JOIN crime
          USING (force, crime_id) WHERE role = 'suspect' AND severity = 'serious violence'
          AND occurred_on >= DATE '2024-01-01'))::INTEGER)
        FROM person WHERE review_result {} 'high'"""
    assert one(tables, rate.format("=")) > 0.5
    assert one(tables, rate.format("<>")) < 0.1


def test_small_areas_are_the_public_list_and_lie_in_one_district(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    found = {row[0] for row in tables.execute("SELECT DISTINCT small_area FROM crime").fetchall()}
    assert found <= {f"SA{number:03d}" for number in range(1, 109)}
    assert len(found) > 100
    split = """SELECT count(*) FROM (SELECT small_area FROM crime GROUP BY small_area
        HAVING count(DISTINCT district) > 1 OR count(DISTINCT force) > 1)"""
    assert one(tables, split) == 0


def test_truth_states_the_size_of_every_force(
    tables: duckdb.DuckDBPyConnection, truth: dict[str, Any]
) -> None:
    sizes = dict(tables.execute("SELECT force, count(*) FROM person GROUP BY force").fetchall())
    assert sizes == {name: force["person_records"] for name, force in truth["forces"].items()}
    assert (truth["seed"], truth["people"], truth["as_of"]) == (5, PEOPLE, AS_OF.isoformat())


def test_a_demo_that_fails_half_way_leaves_no_ground_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path, people=200)
    monkeypatch.setattr("sandbox.demo.writer.table_sql", lambda *_: "SELECT broken")
    with pytest.raises(duckdb.Error):
        generate(tmp_path, people=200)
    assert not (tmp_path / "ground-truth.json").exists()


@pytest.mark.parametrize(("people", "threads"), [(0, 1), (199, 1), (30_000_001, 1), (1000, 0)])
def test_sizes_out_of_range_are_refused(tmp_path: Path, people: int, threads: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        generate(tmp_path / "demo", people=people, threads=threads)
    assert not (tmp_path / "demo").exists()


@given(weights=st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any))
def test_a_mix_gives_every_slot_to_exactly_one_label(weights: list[int]) -> None:
    labels = [str(position) for position in range(len(weights))]
    owned = [
        (position, slot)
        for position, low, high in Mix(what="x", force=0, labels=labels, weights=weights).ranges()
        for slot in range(low, high)
    ]
    assert [slot for _, slot in owned] == list(range(1000))
    assert all(weights[position] for position, _ in owned)


@pytest.mark.parametrize("order", range(9))
def test_scrambled_numbers_never_collide(order: int) -> None:
    statement = f"SELECT count(DISTINCT {scrambled('i', order, 4)}) FROM range(65536) AS t(i)"
    assert duckdb.sql(statement).fetchall() == [(65536,)]
