"""Columns of open text: their shape, and that nothing but a query by unknown keys is given them."""

import re
from dataclasses import replace

import duckdb
import pytest

from minimisation import BinaryOutcome, Bounds, Column, GroupedStatistics, UseCase, UseCaseError
from minimisation.contract.columns import NEVER_SHOWN, OpenColumn
from minimisation.contract.constraints import Constraint
from minimisation.contract.domains import LONGEST, OpenText
from minimisation.contract.sources import Field
from minimisation.contract.tables import TABLES
from minimisation.contract.usecase import Recording
from minimisation.forces import door
from minimisation.forces.open_text import label_sql
from sandbox.use_case_files import parse

STREET = OpenColumn(name="street")


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("High Street", "High Street"),
        ("  High Street ", "High Street"),
        ("Rue de l'E\u0301glise", "Rue de l'\u00c9glise"),
        ("x" * 8, "x" * 8),
        ("<b>[red]; drop", "<b>[red]; drop"),
        ("", None),
        ("   ", None),
        (None, None),
        ("two\nlines", None),
        ("a\ttab", None),
        ("\x1b[31mred", None),
        ("\u202eright to left", None),
        ("zero\u200bwidth", None),
        ("line\u2028separator", None),
        ("private\ue000use", None),
    ],
)
def test_a_label_is_shown_as_it_is_or_not_at_all(
    connection: duckdb.DuckDBPyConnection, written: str | None, label: str | None
) -> None:
    query = f"select {label_sql('written', OpenText())} from (select ? as written)"
    assert connection.execute(query, [written]).fetchone() == (label,)


def test_a_label_longer_than_its_cap_counts_as_missing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    query = f"select {label_sql('written', OpenText(longest=5))} from (select ? as written)"
    assert connection.execute(query, ["12345"]).fetchone() == ("12345",)
    assert connection.execute(query, ["123456"]).fetchone() == (None,)


@pytest.mark.parametrize("longest", [0, -1, LONGEST + 1])
def test_a_cap_that_is_none_is_refused(longest: int) -> None:
    with pytest.raises(ValueError, match="longest"):
        OpenText(longest=longest)


@pytest.mark.parametrize("name", NEVER_SHOWN)
def test_a_name_an_id_or_free_text_can_be_no_open_text(name: str) -> None:
    assert any(name in table.columns for table in TABLES.values())
    for column in ({"name": name}, {"name": "key", "source": Field(column=f"person.{name}")}):
        with pytest.raises(ValueError, match="must not be a direct identifier"):
            OpenColumn(**column)


@pytest.mark.parametrize("role", ["direct_identifier", "target"])
def test_no_role_makes_an_identifier_open_text(role: str) -> None:
    with pytest.raises(ValueError, match="must not be a direct identifier"):
        OpenColumn(name="street", role=role)  # type: ignore[arg-type]  # as above


def test_a_use_case_gives_open_text_to_nothing(
    outcome_use_case: UseCase, grouped_use_case: UseCase
) -> None:
    refusal = re.escape("must be asked as `persons by unknown(street)`")
    outcome, grouped = outcome_use_case.question, grouped_use_case.question
    assert isinstance(outcome, BinaryOutcome)
    assert isinstance(grouped, GroupedStatistics)
    opened = {"open_columns": (STREET,)}
    for case, change in (
        (outcome_use_case, {"question": replace(outcome, features=("street",))}),
        (outcome_use_case, {"question": replace(outcome, target="street")}),
        (outcome_use_case, {"geography": ("street",)}),
        (outcome_use_case, {"recording": Recording(recorded="street")}),
        (outcome_use_case, {"constraints": (Constraint(column="street", at_least=0),)}),
        (grouped_use_case, {"question": replace(grouped, by=("street",))}),
    ):
        with pytest.raises(UseCaseError, match=refusal):
            replace(case, **opened, **change)  # type: ignore[arg-type]  # as above
    whole = replace(outcome_use_case, **opened)  # type: ignore[arg-type]  # as above
    with pytest.raises(UseCaseError, match=refusal):
        whole.column("street")
    for columns in (whole.columns, whole.quasi_identifiers, whole.protected):
        assert "street" not in [column.name for column in columns]
    assert "street" not in (*whole.needed, *whole.identifiers)


def test_a_name_is_declared_once(outcome_use_case: UseCase) -> None:
    twice = OpenColumn(name=outcome_use_case.columns[-1].name)
    with pytest.raises(UseCaseError, match="distinct"):
        replace(outcome_use_case, open_columns=(twice,))


def test_a_column_of_open_text_is_loaded_where_it_is_declared(grouped_use_case: UseCase) -> None:
    area = OpenColumn(name="area", source=Field(column="person.small_area"))
    case = replace(grouped_use_case, table="stop_search", open_columns=(area,))
    assert "small_area" in door.needed_columns([case])["person"]
    assert "small_area" not in door.needed_columns([replace(case, open_columns=())]).get(
        "person", ()
    )


CASE = """
name = "own"
title = "Own data"
purpose = "testing"
unit = "person"
as_of = 2024-01-01
[question]
kind = "grouped-statistics"
by = ["force"]
statistics = ["rows"]
[floor]
measure = "total_variation"
at_most = 0.1
[columns.age]
low = 10
high = 90
[columns.street]
open_text = true
"""


def test_a_file_declares_open_text() -> None:
    case = parse(CASE + 'longest = 40\nrole = "quasi_identifier"\ntitle = "road"', "toy").value()
    column = OpenColumn(
        name="street", domain=OpenText(longest=40), role="quasi_identifier", title="road"
    )
    assert case.open_columns == (column,)
    assert case.columns == (Column(name="age", role="other", domain=Bounds(low=10, high=90)),)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('categories = ["a"]', "must not have categories"),
        ("low = 0\nhigh = 1", "must not have high, low"),
        ("protected = true", "must not have protected"),
        ('source = { month = "occurred_on" }', "must be a field"),
        ("longest = 0", "longest"),
        ('role = "direct_identifier"', "must not be a direct identifier"),
    ],
)
def test_a_file_that_says_more_of_open_text_is_refused(line: str, rule: str) -> None:
    with pytest.raises(UseCaseError, match=rule):
        parse(CASE + line, "toy")


def test_a_cap_without_open_text_is_refused() -> None:
    with pytest.raises(UseCaseError, match="open_text = true"):
        parse(CASE.replace("open_text = true", "longest = 9"), "toy")
