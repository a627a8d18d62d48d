"""`sandbox query` and `sandbox budget` on a small plan of invented, SYNTHETIC people."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from minimisation import BudgetExceededError, PolicyError, StoreError, UseCaseError
from sandbox.commands import query
from sandbox.commands.budget import budget_app
from sandbox.commands.prepare import prepare_command
from sandbox.commands.query import query_command

Run = Callable[..., Any]
OWN_DATA = Path(__file__).parents[1] / "own_data.toml"

app = typer.Typer()
app.command("query")(query_command)
app.add_typer(budget_app, name="budget")
app.command("prepare")(prepare_command)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two forces of a hundred SYNTHETIC people each, with two rows a person."""
    lines = ["id,force,age,sex,y"]
    for number in range(200):
        force, sex = ("ashmere", "brackwell")[number % 2], ("f", "m")[number // 2 % 2]
        lines += [f"SYN-{number},{force},30,{sex},0"] * 2
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(OWN_DATA, tmp_path / "case.toml")
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


PLAN = """
title = "Toy"
use_case = "case.toml"
repeats = 2
seed = 1
held_out = 0.0

[data]
status = "public"
file = "rows.csv"
force_column = "force"
person = "id"

[policy]
epsilon = 1.0
delta = 0.0
"""


@pytest.fixture
def run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(query, "QUANTUM", 0.01)

    def command(*words: str) -> Any:  # noqa: ANN401 - typer's result
        where = ["--workspace", str(workspace / "work")]
        plan = str(workspace / "plan.toml")
        place = 2 if words[0] == "budget" else 1
        given = [*words[:place], plan, *words[place:], *where]
        return CliRunner().invoke(app, given, catch_exceptions=True)

    return command


def rows_of(result: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - typer's result
    assert result.exception is None, result.exception
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_a_query_answers_and_both_forces_pay(run: Run) -> None:
    rows = rows_of(run("query", "rows, persons by sex", "--epsilon", "0.6", "--json"))
    assert [row["sex"] for row in rows] == ["f", "m"]
    assert all(row["rows_low"] < row["rows"] < row["rows_high"] for row in rows)
    spent = rows_of(run("budget", "show", "--json"))
    assert {row["force"]: row["epsilon_sum"] for row in spent} == {
        "ashmere": 0.6,
        "brackwell": 0.6,
    }
    assert run("budget", "verify").stdout.count("3 entries as they were written") == 2


def test_the_same_query_is_free_and_another_is_not_covered(run: Run) -> None:
    first = rows_of(run("query", "rows", "--epsilon", "0.6", "--json"))
    assert rows_of(run("query", "rows", "--epsilon", "0.6", "--json")) == first
    refused = run("query", "persons", "--epsilon", "0.6")
    assert isinstance(refused.exception, BudgetExceededError)


def test_one_force_can_be_asked_alone(run: Run) -> None:
    rows_of(run("query", "rows", "--force", "ashmere", "--json"))
    spent = rows_of(run("budget", "show", "--json"))
    assert [row["epsilon_sum"] for row in spent] == [0.5, 0]
    wrong = run("query", "rows", "--force", "nowhere")
    assert isinstance(wrong.exception, UseCaseError)


def test_several_texts_are_one_block_that_is_quoted_and_charged_once(run: Run) -> None:
    asked = ("query", "rows by sex", "persons", "--epsilon", "0.3", "--json")
    cost = json.loads(run(*asked, "--quote").stdout)["cost"]
    assert (cost["epsilon"], cost["sum"], cost["delta"], cost["forces"]) == (0.6, 0.6, 0, 2)
    first = rows_of(run(*asked))
    assert [len(table) for table in first] == [2, 1]
    assert rows_of(run(*asked)) == first, "served again for nothing"
    assert [row["epsilon_sum"] for row in rows_of(run("budget", "show", "--json"))] == [0.6, 0.6]
    assert isinstance(run(*asked, "--within", "rows=9").exception, UseCaseError)


def test_a_quote_spends_nothing(run: Run) -> None:
    quoted = run("query", "rows, mean(age) by sex", "--quote", "--json")
    found = json.loads(quoted.stdout)
    assert found["cost"]["epsilon"] == pytest.approx(0.5)
    assert [each["measure"] for each in found["intervals"]] == ["rows"] + ["mean_age"] * 3
    assert all(row["epsilon_sum"] == 0 for row in rows_of(run("budget", "show", "--json")))


def test_an_interval_that_is_asked_for_is_what_comes_out(run: Run) -> None:
    rows = rows_of(run("query", "rows by sex", "--within", "rows=200", "--json"))
    assert all(row["rows_high"] - row["rows"] <= 200 for row in rows)
    assert isinstance(run("query", "rows", "--within", "rows").exception, UseCaseError)


def test_answers_with_wide_bounds_and_much_budget_are_near_the_truth(
    run: Run, workspace: Path
) -> None:
    (workspace / "plan.toml").write_text(PLAN.replace("epsilon = 1.0", "epsilon = 1000.0"))
    answer = run("query", "rows, persons by sex where age >= 20", "--epsilon", "900", "--json")
    for row in rows_of(answer):
        assert (round(row["rows"]), round(row["persons"])) == (200, 100)


def test_a_ledger_that_was_changed_is_noticed(run: Run, workspace: Path) -> None:
    rows_of(run("query", "rows", "--json"))
    (workspace / "work" / "stores" / "own" / "ashmere" / "logs" / "ledger.sqlite").unlink()
    assert isinstance(run("budget", "verify").exception, StoreError)


def test_a_prepared_question_is_answered_from_the_stored_form(run: Run, workspace: Path) -> None:
    text = "rows, persons by sex where age >= 20"
    before = run("query", text, "--quote")
    stores = ["--stores", str(workspace / "work" / "stores" / "own")]
    asked = ["prepare", str(workspace / "case.toml"), "--question", text, *stores]
    done = CliRunner().invoke(app, asked)
    assert done.exception is None, done.exception
    after = run("query", text, "--quote")
    assert "form: ad_hoc" in before.stderr
    assert "form: prepared" in after.stderr
    assert "read from the prepared form of each store" in after.stderr
    (workspace / "plan.toml").write_text(PLAN.replace("epsilon = 1.0", "epsilon = 1000.0"))
    for row in rows_of(run("query", text, "--epsilon", "900", "--json")):
        assert (round(row["rows"]), round(row["persons"])) == (200, 100)


def test_a_form_that_one_force_lacks_is_used_by_none(run: Run, workspace: Path) -> None:
    run("query", "rows", "--quote")
    stores = ["--stores", str(workspace / "work" / "stores" / "own")]
    asked = ["prepare", str(workspace / "case.toml"), "--force", "ashmere", *stores]
    assert CliRunner().invoke(app, asked).exception is None
    assert "coded for this query" in run("query", "rows", "--quote").stderr
    alone = run("query", "rows", "--quote", "--force", "ashmere")
    assert "prepared form" in alone.stderr


def test_a_force_whose_policy_does_not_name_the_query_refuses_it(run: Run, workspace: Path) -> None:
    run("query", "rows", "--quote")
    force = workspace / "work" / "stores" / "own" / "brackwell"
    (force / "policy.toml").write_text('[purpose.own]\nkinds = ["statistics"]\nepsilon = 1.0\n')
    refused = run("query", "rows")
    assert isinstance(refused.exception, PolicyError)
    assert "'brackwell' refused" in str(refused.exception)
    assert rows_of(run("budget", "show", "--json"))[0]["epsilon_sum"] == 0


def test_a_consistent_table_costs_nothing_more_and_its_total_is_its_sum(run: Run) -> None:
    asked = ("query", "rows, persons by sex", "--epsilon", "0.6", "--json")
    rows_of(run(*asked))
    again = run(*asked, "--consistent")
    *cells, total = rows_of(again)
    assert total["sex"] is None
    assert total["rows"] == pytest.approx(sum(max(row["rows"], 0) for row in cells))
    assert "no longer hold exactly" in again.stderr
    assert "charged by each of ashmere, brackwell: nothing" in again.stderr
    refused = run("query", "sum(age)", "--epsilon", "0.1", "--consistent")
    assert isinstance(refused.exception, UseCaseError)
    spent = rows_of(run("budget", "show", "--json"))
    assert [row["epsilon_sum"] for row in spent] == [0.6, 0.6], "refused before it was paid"


@pytest.mark.parametrize("method", ["rounding", "suppression", "cell-keys"])
def test_a_table_under_disclosure_control_says_that_it_has_no_epsilon(
    run: Run, method: str
) -> None:
    asked = ("query", "persons by sex", "--disclosure-control", method, "--json")
    first = run(*asked)
    rows = rows_of(first)
    assert all(abs(row["persons"] - 100) <= 10 for row in rows)
    assert set(rows[0]) == {"sex", "persons"}
    assert "no epsilon" in first.stderr
    assert rows_of(run(*asked)) == rows, "the same table again tells nothing new"
    spent = rows_of(run("budget", "show", "--json"))
    assert [row["epsilon_sum"] for row in spent] == [0, 0]


def test_everybody_but_a_few_is_refused_after_everybody(run: Run, workspace: Path) -> None:
    lines = (workspace / "rows.csv").read_text().replace("SYN-0,ashmere,30", "SYN-0,ashmere,80")
    (workspace / "rows.csv").write_text(lines)
    control = ("--disclosure-control", "rounding")
    rows_of(run("query", "persons", *control, "--json"))
    refused = run("query", "persons where age <= 79", *control)
    assert isinstance(refused.exception, PolicyError)
    assert "tables released before" in str(refused.exception)
    # with noise the same question is a matter of budget
    rows_of(run("query", "persons where age <= 79", "--json"))


def test_disclosure_control_takes_counts_only(run: Run) -> None:
    for text in ("mean(age) by sex", "rows, persons", "rows by height"):
        refused = run("query", text, "--disclosure-control", "rounding")
        assert isinstance(refused.exception, UseCaseError)
    unknown = run("query", "rows", "--disclosure-control", "hoping")
    assert "must be one of: rounding, suppression, cell-keys" in str(unknown.exception)


def test_an_answer_and_a_failure_take_whole_quanta_of_time(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    waits: list[float] = []

    def asked(*_: object) -> object:
        clock[0] += 0.31  # as long as the data makes it
        raise StoreError("the store cannot be read")

    monkeypatch.setattr(query, "QUANTUM", 0.25)
    monkeypatch.setattr(query.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(query.time, "sleep", waits.append)
    monkeypatch.setattr("sandbox.desks.ask", asked)
    assert isinstance(run("query", "rows").exception, StoreError)
    assert (clock[0] - 100.0 + waits[0]) / 0.25 == pytest.approx(2)
