"""Plans and use cases: errors name the key and the rule, and never a value from the data."""

from pathlib import Path

import pytest

from minimisation import PayloadKind, UseCaseError
from sandbox.plan import parse_plan
from sandbox.use_case_files import load, parse, shipped

MINIMAL = """
use_case = "stop-search"
[data]
status = "demo"
[data.demo]
people = 500
"""


def plan_error(text: str, folder: Path = Path()) -> str:
    with pytest.raises(UseCaseError) as caught:
        parse_plan(text, folder, "p.toml")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_minimal_plan_is_enough() -> None:
    plan = parse_plan(MINIMAL, Path(), "p.toml")
    assert plan.file.repeats == 10
    assert plan.use_case.name == "stop-search"


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_use_case_loads(name: str) -> None:
    case = load(name).value()
    assert case.name == name
    assert case.protected or "protected characteristic" in case.notes
    assert case.floor.value > 0
    if case.unit == "record":
        assert "record" in case.notes


def test_at_least_four_use_cases_are_shipped() -> None:
    assert set(shipped()) >= {"serious-violence", "reoffending", "stop-search", "hotspots"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ('use_case = "no-such"', "use case (no-such) must be a file or one of"),
        ('use_case = "stop-search"\nrepeats = 0', "repeats: Input should be greater than"),
        ('use_case = "stop-search"\ncolour = 1', "colour: unknown key"),
        ('use_case = "stop-search"\nheld_out = 1.5', "held_out: Input should be less than 1"),
        ("use_case = ", "must be valid TOML"),
    ],
)
def test_a_bad_key_is_named_with_its_rule(change: str, rule: str) -> None:
    assert rule in plan_error(MINIMAL.replace('use_case = "stop-search"', change))


def test_two_floors_are_refused() -> None:
    twice = (
        MINIMAL + '[[floor]]\nmeasure="auc"\nat_least=0.7\n[[floor]]\nmeasure="auc"\nat_least=1\n'
    )
    assert "floor must be given once" in plan_error(twice)
    both = MINIMAL + '[floor]\nmeasure = "auc"\nat_least = 0.7\nat_most = 0.9\n'
    assert "exactly one of at_least and at_most" in plan_error(both)
    again = MINIMAL + '[floor]\nmeasure="auc"\nat_least=0.7\n[floor]\nmeasure="auc"\nat_least=0.8\n'
    assert "must be valid TOML" in plan_error(again)


def test_data_must_come_from_exactly_one_place() -> None:
    both = MINIMAL.replace('status = "demo"', 'status = "demo"\nfile = "x.csv"')
    assert "exactly one of demo, folder, file and files" in plan_error(both)
    lacking = 'use_case = "stop-search"\n[data]\nstatus = "public"\nfile = "x.csv"\n'
    assert "data.force_column must name" in plan_error(lacking)
    demo = MINIMAL.replace('"demo"', '"public"', 1)
    assert "data.status must be 'demo'" in plan_error(demo)


def test_a_mapping_must_name_columns_of_the_use_case() -> None:
    text = """
use_case = "stop-search"
[data]
status = "public"
file = "x.csv"
force_column = "force"
columns = { gender = "sex" }
"""
    assert "data.columns.gender must be a column of use case 'stop-search'" in plan_error(text)


def test_a_plan_can_set_public_domains_and_the_floor_and_the_hash_shows_it() -> None:
    plain = parse_plan(MINIMAL, Path(), "p.toml")
    changed = parse_plan(
        MINIMAL + '[domains.month]\ncategories = ["2020-01"]\n'
        '[floor]\nmeasure = "total_variation"\nat_most = 0.2\n',
        Path(),
        "p.toml",
    )
    assert changed.use_case.column("month").domain.values == ("2020-01",)  # type: ignore[union-attr]
    assert changed.use_case.floor.value == 0.2
    assert plain.digest != changed.digest
    assert plain.digest == parse_plan(MINIMAL, Path("elsewhere"), "q.toml").digest


def test_a_protected_plan_lets_no_rows_leave() -> None:
    text = MINIMAL.replace('"demo"', '"protected"', 1).replace("[data.demo]\npeople = 500", "")
    text = text.replace('status = "protected"', 'status = "protected"\nfolder = "f"')
    plan = parse_plan(text, Path(), "p.toml")
    assert PayloadKind.ROWS not in plan.file.policy.allowed("protected")
    assert PayloadKind.ROWS in plan.file.policy.allowed("public")
    assert "policy.kinds (rowz) must be among" in plan_error(
        MINIMAL + '[policy]\nkinds = ["rowz"]\n'
    )


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ('unit = "record"', 'unit = "household"', "unit: Input should be 'person' or 'record'"),
        ("at_most = 0.10", "", "exactly one of at_least and at_most"),
        ('"rows", "mean(found)"', '"mean(found)"', "must start with rows or persons"),
        ('"rows", "mean(found)"', '"rows", "median(found)"', "aggregate (median) must be one of"),
        ('by = ["force",', 'by = ["forse",', "column 'forse' must be one that use case"),
        ('categories = ["Male", "Female"]', 'categories = ["Male", "Male"]', "repeat a label"),
        ("low = 0\nhigh = 1", "low = 0", "must have either categories or low and high"),
    ],
)
def test_a_broken_use_case_names_the_rule(before: str, after: str, rule: str) -> None:
    text = (Path(__file__).parents[2] / "sandbox/use_cases/stop-search.toml").read_text("utf-8")
    assert before in text
    with pytest.raises(UseCaseError) as caught:
        parse(text.replace(before, after), "broken")
    assert rule in str(caught.value)
