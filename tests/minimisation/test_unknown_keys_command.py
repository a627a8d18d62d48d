"""`sandbox query … by unknown(street)` on invented, SYNTHETIC people, from file to answer."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from minimisation import BudgetExceededError, Microdata, PayloadKind, PolicyError, UseCaseError
from minimisation.contract.columns import OpenColumn
from minimisation.contract.privacy import Unit
from minimisation.contract.sources import Field
from minimisation.contract.tables import TABLES
from minimisation.forces import analysis
from minimisation.forces.analysis import Split
from minimisation.forces.home import Home
from minimisation.forces.policy import Policy
from minimisation.options.raw_pool import RawPool
from minimisation.statistics import encoding, unknown_keys
from minimisation.statistics.planner import Allowance
from minimisation.statistics.text_form import parse
from sandbox.commands import query
from sandbox.commands.budget import budget_app
from sandbox.commands.prepare import prepare_command
from sandbox.commands.query import query_command
from sandbox.study import Study
from sandbox.use_case_files import load

Run = Callable[..., Any]
OWN_DATA = Path(__file__).parents[1] / "own_data.toml"
ASKED = "persons by unknown(street)"
PRICE = ("--epsilon", "1", "--delta", "1e-6", "--groups", "2")
PLAN = """
title = "Toy"
use_case = "case.toml"
seed = 1
held_out = 0.0

[data]
status = "public"
file = "rows.csv"
force_column = "force"
person = "id"

[data.columns]
street = "Street name"

[policy]
epsilon = 2.0
delta = 1e-5
"""

app = typer.Typer()
app.command("query")(query_command)
app.add_typer(budget_app, name="budget")
app.command("prepare")(prepare_command)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two forces; one street of both, one of Ashmere that looks like markup, and single people's.

    Of Mill Lane Brackwell has few people, so that it holds it back.
    """
    lines = ["id,force,age,sex,y,Street name"]
    for number in range(400):
        force, sex = ("ashmere", "brackwell")[number % 2], ("f", "m")[number // 2 % 2]
        street = "High Street" if number % 4 < 2 else f"Own House {number}"
        street = "[bold]Lane[/x] :bell:" if number % 8 == 2 else street
        street = "" if number % 8 == 7 else street
        lines += [f"SYN-{number},{force},30,{sex},0,{street}"] * 2
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(OWN_DATA, tmp_path / "case.toml")
    with (tmp_path / "case.toml").open("a") as file:
        file.write("[columns.street]\nopen_text = true\n")
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


@pytest.fixture
def run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(query, "QUANTUM", 0.01)

    def command(*words: str) -> Any:  # noqa: ANN401 - typer's result
        where = ["--workspace", str(workspace / "work")]
        place = 2 if words[0] == "budget" else 1
        given = [*words[:place], str(workspace / "plan.toml"), *words[place:], *where]
        return CliRunner().invoke(app, given, catch_exceptions=True)

    return command


def found(result: Any) -> Any:  # noqa: ANN401 - typer's result, and JSON
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


def test_shared_keys_are_shown_and_both_forces_pay_epsilon_and_delta(run: Run) -> None:
    result = run("query", ASKED, *PRICE, "--json")
    high, lane = found(result)
    assert (high["street"], high["shown_by"]) == ("High Street", 2)
    assert high["persons_low"] <= 200 <= high["persons_high"]
    assert (lane["street"], lane["shown_by"]) == ("[bold]Lane[/x] :bell:", 1)
    assert lane["persons_high"] - lane["persons"] > 30, "Brackwell may hold some back"
    assert "Own House" not in result.output
    assert "charged by each of ashmere, brackwell: epsilon 1 with delta 1e-06" in result.stderr
    assert "reach 30" in result.stderr
    spent = found(run("budget", "show", "--json"))
    assert [row["epsilon_sum"] for row in spent] == [1.0, 1.0]


def test_the_same_question_is_free_and_the_third_one_is_not_covered(run: Run) -> None:
    first = found(run("query", ASKED, *PRICE, "--json"))
    again = run("query", ASKED, *PRICE, "--json")
    assert found(again) == first
    assert "nothing, as it was released before" in again.stderr
    for condition in ("sex = 'f'", "sex = 'm'"):
        last = run("query", f"{ASKED} where {condition}", *PRICE, "--json")
    assert isinstance(last.exception, BudgetExceededError)


def test_a_plan_without_delta_refuses_and_nothing_is_spent(run: Run, workspace: Path) -> None:
    plan = workspace / "plan.toml"
    plan.write_text(PLAN.replace("delta = 1e-5", "delta = 0.0"))
    assert isinstance(run("query", ASKED, *PRICE).exception, BudgetExceededError)
    without = run("query", ASKED, "--epsilon", "1")
    assert isinstance(without.exception, UseCaseError)
    assert "must be above 0" in str(without.exception)
    assert [row["epsilon_sum"] for row in found(run("budget", "show", "--json"))] == [0, 0]


def test_a_label_that_looks_like_markup_is_printed_as_it_is(run: Run) -> None:
    result = run("query", ASKED, *PRICE, "--force", "ashmere")
    assert result.exception is None
    assert "[bold]Lane[/x] :bell:" in result.stdout


def test_a_quote_prints_cost_threshold_and_intervals_and_spends_nothing(run: Run) -> None:
    quoted = found(run("query", ASKED, *PRICE, "--quote", "--json"))
    cost = {"epsilon": 1.0, "rho": 0.5, "delta": 1e-6, "forces": 2}
    assert quoted == {
        "cost": cost,
        "threshold": 30,
        "intervals": [
            {"shown_by": 2, "below": 10, "above": 10},
            {"shown_by": 1, "below": 9, "above": 39},
        ],
    }
    assert "would cost each force epsilon 1 with delta 1e-06" in (
        run("query", ASKED, *PRICE, "--quote").stderr
    )
    assert [row["epsilon_sum"] for row in found(run("budget", "show", "--json"))] == [0, 0]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("persons by street",), "persons by unknown"),
        (("persons by sex, unknown(street)",), "only group key"),
        ((ASKED, "rows by sex"), "not in a block"),
        ((ASKED, "--within", "persons=5"), "--within"),
        ((ASKED, "--consistent"), "--consistent"),
        (("persons by unknown(street)", "--disclosure-control", "rounding"), "disclosure control"),
    ],
)
def test_what_unknown_keys_cannot_be_asked_with_is_refused(
    run: Run, words: tuple[str, ...], rule: str
) -> None:
    refused = run("query", *words, "--epsilon", "0.5", "--delta", "1e-6")
    assert isinstance(refused.exception, UseCaseError)
    assert rule in str(refused.exception)


def test_a_prepared_store_is_asked_as_well_and_no_ranks_are_stored_by_open_text(
    run: Run, workspace: Path
) -> None:
    run("query", ASKED, *PRICE, "--quote")
    stores = ["--stores", str(workspace / "work" / "stores" / "own")]
    asked = ["prepare", str(workspace / "case.toml"), *stores]
    refused = CliRunner().invoke(app, [*asked, "--question", ASKED])
    assert isinstance(refused.exception, UseCaseError)
    assert CliRunner().invoke(app, asked).exception is None
    assert found(run("query", ASKED, *PRICE, "--json"))[0]["street"] == "High Street"


def test_a_policy_that_approves_private_queries_does_not_approve_labels_of_records(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ["private-query"]

    def policy(_study: Study, _home: Home) -> Policy:
        return Policy(
            use_cases=frozenset({"own"}),
            steps=frozenset(steps),
            kinds=frozenset({PayloadKind.STATISTICS}),
            epsilon=2.0,
            delta=1e-5,
        )

    monkeypatch.setattr(Study, "policy", policy)
    assert found(run("query", "persons by sex", "--json"))
    refused = run("query", ASKED, *PRICE)
    assert isinstance(refused.exception, PolicyError)
    assert "'private-query-unknown-keys' is not approved" in str(refused.exception)
    steps.append("private-query-unknown-keys")
    assert found(run("query", ASKED, *PRICE, "--json"))


def test_no_option_is_given_open_text(workspace: Path) -> None:
    study = Study(plan_path=workspace / "plan.toml", workspace=workspace / "work")
    with study.forces() as forces:
        artefact = RawPool().apply(forces, study.plan.use_case, None).artefact  # type: ignore[arg-type]  # it draws nothing
    assert isinstance(artefact, Microdata)
    assert "street" not in artefact.table.column_names
    assert "Own House" not in str(artefact.table.to_pylist())
    home = study.stores["ashmere"]
    with home.open() as connection:
        analysis.build(connection, study.plan.use_case, study.split, "ashmere")
        columns = {row[0] for row in connection.execute("describe analysis").fetchall()}
    assert "age" in columns
    assert "street" not in columns


@pytest.mark.parametrize("label", ["x" * 81, "two\tparts", "\u202ereversed"])
def test_a_file_with_a_label_that_could_not_be_shown_is_refused_without_its_text(
    run: Run, workspace: Path, label: str
) -> None:
    rows = (workspace / "rows.csv").read_text("utf-8")
    (workspace / "rows.csv").write_text(rows + f"SYN-x,ashmere,30,f,0,{label}\n", "utf-8")
    refused = run("query", ASKED, *PRICE)
    assert isinstance(refused.exception, UseCaseError)
    assert "column 'street' must hold text of at most 80 characters" in str(refused.exception)
    assert label not in str(refused.exception)


@pytest.mark.parametrize(("unit", "riverside"), [("person", 3), ("record", 6)])
def test_open_text_of_a_referred_table_is_read_along_its_reference(
    connection: duckdb.DuckDBPyConnection, unit: Unit, riverside: int
) -> None:
    for name, spec in TABLES.items():
        columns = ", ".join(f'"{column}" {kind}' for column, kind in spec.columns.items())
        connection.execute(f"create table {name} ({columns})")
    areas = ["Riverside", "Riverside", " Riverside ", "Old\tTown", None]
    for number, area in enumerate(areas):
        person = f"P{number}"
        connection.execute(
            "insert into person (person_id, small_area) values (?, ?)", [person, area]
        )
        for visit in range(2):
            connection.execute(
                "insert into stop_search (search_id, person_id, searched_on) values (?, ?, ?)",
                [f"S{number}-{visit}", person, "2023-11-05"],
            )
    case = replace(load("stop-search").value(), unit=unit)
    key = OpenColumn(name="home_area", source=Field(column="person.small_area"))
    split = Split(key="1", held_out=0.0)
    analysis.build(connection, case, split, "ashmere", [key])
    encoding.encode(connection, case, [key])
    table = encoding.stored_table(replace(case, open_columns=(key,)))
    text = parse("persons by unknown(home_area)", table.name)
    plan = unknown_keys.choose(text, table, Allowance(groups=1))
    assert unknown_keys.exact_persons(plan, connection) == {"Riverside": riverside}
