"""A comparison charges each option once in the forces' own ledgers, and counts its repeats."""

from pathlib import Path

import pytest

from minimisation.options.private_statistics import PrivateStatistics
from sandbox import worker
from sandbox.study import Study
from tests.minimisation.test_statistics_command import workspace

__all__ = ["workspace"]

QUICK = """
[attacks]
set = "quick"
"""
"""Charges do not depend on how long a release is attacked."""

CAPPED = """
[cap]
epsilon = 1.2
[purpose.own]
kinds = ["statistics"]
epsilon = 5.0
"""


@pytest.fixture
def study(workspace: Path) -> Study:
    """The plan of two forces, with a budget of 1 for its use case."""
    plan = workspace / "plan.toml"
    plan.write_text(plan.read_text("utf-8") + QUICK, "utf-8")
    return Study(plan_path=plan, workspace=workspace / "work")


@pytest.fixture(scope="module")
def code() -> worker.Code:
    """Digests of the installed code, read once."""
    return worker.Code.installed()


def spent(study: Study) -> list[float]:
    return [study.ledger(home).spent(purpose="own").basic for home in study.stores.values()]


def test_the_first_repeat_is_charged_and_the_others_are_counted(
    study: Study, code: worker.Code
) -> None:
    option = PrivateStatistics(epsilon=0.6)
    rows = [worker.run(study, option, repeat, code) for repeat in (0, 1, 2)]
    assert [row["status"] for row in rows] == ["done"] * 3
    assert spent(study) == [0.6, 0.6]
    counted = [study.ledger(home).assessed("own") for home in study.stores.values()]
    assert counted == [2, 2]


def test_a_release_beyond_the_budget_is_a_row_that_says_so(study: Study, code: worker.Code) -> None:
    assert worker.run(study, PrivateStatistics(epsilon=0.6), 0, code)["status"] == "done"
    row = worker.run(study, PrivateStatistics(epsilon=0.5), 0, code)
    assert row["status"] == "refused"
    assert "nothing was run or spent" in row["reason"]
    assert spent(study) == [0.6, 0.6]


def test_queries_and_options_share_one_ledger_and_the_force_caps_both(study: Study) -> None:
    for home in study.stores.values():
        (home.paths.root / "policy.toml").write_text(CAPPED)
        ledger = study.ledger(home)
        assert ledger.cap is not None
        assert (ledger.cap.epsilon, study.policy(home).budget.epsilon) == (1.2, 5.0)
        assert ledger.log.path == home.paths.log("ledger")
