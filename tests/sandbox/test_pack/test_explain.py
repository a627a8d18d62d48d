"""What epsilon means in odds, checked by hand and against the definition."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.pack import explain
from sandbox.use_case_files import load

PLAN = 'use_case = "{case}"\n[data]\nstatus = "demo"\n[data.demo]\npeople = 5000\n'


def test_at_epsilon_nought_nothing_is_learnt() -> None:
    assert explain.after(0.1, 0.0) == pytest.approx(0.1)
    assert explain.rightly_accused(0.01, 0.0, 0.0) == pytest.approx(0.01)


def test_at_epsilon_ln_three_even_odds_become_three_to_one() -> None:
    assert explain.after(0.5, math.log(3)) == pytest.approx(0.75)
    assert explain.rightly_accused(0.01, math.log(3), 0.0) == pytest.approx(0.03)


@given(st.floats(0.001, 0.999), st.floats(0, 50), st.floats(0, 50))
def test_more_epsilon_never_teaches_less(prior: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert (
        prior - 1e-9 <= explain.after(prior, low) <= explain.after(prior, high) + 1e-12 <= 1 + 1e-9
    )


@given(st.floats(0.001, 0.5), st.floats(0, 20), st.floats(0, 0.01))
def test_a_guesser_keeps_both_bounds_of_the_definition(f: float, epsilon: float, d: float) -> None:
    share = explain.rightly_accused(f, epsilon, d)
    assert share <= math.exp(epsilon) * f + d + 1e-9
    missed = max(math.exp(-epsilon) * (1 - f - d), 0.0)  # the least share of members not accused
    assert 1 - share >= missed - 1e-12


def test_cells_are_counted_from_public_domains_alone() -> None:
    case = load("hotspots").value()
    sizes = [len(case.column(name).domain.values) for name in ("small_area", "severity", "month")]
    assert explain.cells_of(case) == math.prod(sizes) == 1944


def test_explaining_opens_no_data_and_says_so(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format(case="hotspots"), "utf-8")
    result = CliRunner().invoke(app, ["explain", str(plan), "--epsilon", "1"])
    assert result.exit_code == 0
    assert "Nothing was opened and nothing was spent." in result.stdout
    assert "±3" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.toml"]


def test_a_plan_with_real_data_needs_a_public_number(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    text = 'use_case = "hotspots"\n[data]\nstatus = "protected"\nfolder = "nowhere"\n'
    plan.write_text(text, "utf-8")
    result = CliRunner().invoke(app, ["explain", str(plan)])
    assert "people must be given" in str(result.exception)


def test_the_floor_is_told_from_noise_where_it_can_be() -> None:
    case = load("hotspots").value()
    given = {"delta": 0.0, "forces": 1, "smallest": 10}
    few = explain.explain(case, epsilon=1.0, people=5_000, **given)
    many = explain.explain(case, epsilon=1.0, people=5_000_000, **given)
    assert "beyond the floor" in few.floor
    assert "within the floor" in many.floor
