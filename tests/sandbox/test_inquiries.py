"""Inquiries: they recover what was planted in the SYNTHETIC demo, or say why they cannot."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minimisation import NotApplicableError, UseCaseError
from minimisation.contract.sources import CountBefore
from sandbox.curves.columns import Point
from sandbox.demo.truth import WINDOW_MONTHS
from sandbox.evidence import append, load
from sandbox.evidence_lines import Inquiry as Line
from sandbox.findings import Finding
from sandbox.inquiries import INQUIRIES, chosen, inquire, label_audit, line, months
from sandbox.inquiries.forces import ForcesNeeded, orders
from sandbox.inquiries.geography import GeographyNeeded, SpreadEvenly
from sandbox.inquiries.label_audit import LabelAudit
from sandbox.inquiries.months import MonthsNeeded
from sandbox.study import Study
from sandbox.use_case_files import load as load_use_case

PLAN = """
use_case = "{use_case}"
held_out = 0.3
options = ["business-as-usual"]
repeats = 1
[data]
status = "demo"
[data.demo]
people = {people}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inquiries")


def study(folder: Path, use_case: str, people: int = 3000) -> Study:
    """A plan on demo data; those of one size share their stores."""
    path = folder / f"{use_case}-{people}.toml"
    path.write_text(PLAN.format(use_case=use_case, people=people), "utf-8")
    return Study(plan_path=path, workspace=folder / f"work-{people}")


def figures(found: tuple[Finding, ...]) -> dict[tuple[str, str], Finding]:
    return {(finding.measure, finding.group): finding for finding in found}


def test_the_planted_recording_bias_is_found(folder: Path) -> None:
    found = figures(LabelAudit().run(study(folder, "serious-violence")).findings)
    black = found["recording_ratio", "ethnicity=Black"]
    white = found["recording_ratio", "ethnicity=White"]
    assert black.low is not None
    assert black.low > 1
    assert white.high is not None
    assert white.high < 1
    sex = found["recording_ratio", "sex=male"]
    assert sex.low is not None
    assert sex.high is not None
    assert sex.low < 1 < sex.high, "none is planted between the sexes"


def test_searches_that_find_less_are_found_without_a_label(folder: Path) -> None:
    found = figures(LabelAudit().run(study(folder, "stop-search")).findings)
    black = found["recording_ratio", "ethnicity=Black"]
    assert black.value is not None
    assert black.value < 1
    assert not any(measure == "label_rate" and value.value for (measure, _), value in found.items())


def test_recording_rates_are_solved_by_hand() -> None:
    use_case = load_use_case("stop-search").value()
    sums = np.zeros((201, 3, 5))
    sums[:, 0] = (40, 0, 0, 10, 40)
    sums[:, 1] = (20, 0, 0, 9, 20)
    sums[:, 2] = (100, 0, 0, 30, 100)
    found = figures(tuple(label_audit.findings(sums, ["g=a", "g=b"], use_case)))
    assert found["recording_rate", "g=a"].value == 0.25
    assert found["recording_ratio", "g=a"].value == pytest.approx(0.25 / (20 / 60))
    assert found["label_rate", "g=b"].value is None, "twenty people are too few to report"


def test_history_is_set_in_every_count_and_nowhere_else() -> None:
    use_case = load_use_case("serious-violence").value()
    shorter = months.with_history(use_case, 7)
    for before, after in zip(use_case.columns, shorter.columns, strict=True):
        if isinstance(before.source, CountBefore):
            assert after == replace(before, source=replace(before.source, months=7))
        else:
            assert after == before


def test_the_search_for_months_ends_at_single_months() -> None:
    tried: dict[int, Any] = {}
    todo = [1, 3, 6, 12, 18, 24, 30, 36]
    while todo:
        tried |= {each: (_Loss(abs(each - 20) ** 1.5), None) for each in todo}
        todo = months.between(tried)
    assert months.likeliest({each: fit.loss for each, (fit, _) in tried.items()})[0] == 20
    assert {19, 20, 21} <= set(tried)
    assert {17, 18, 22, 23} <= set(tried), "both ends of the interval, and the months beyond"
    assert len(tried) < 18


class _Loss:
    def __init__(self, loss: float) -> None:
        self.loss = loss


def test_months_that_the_data_do_not_rule_out_are_told() -> None:
    assert months.likeliest({6: 100.0, 12: 91.0, 18: 90.0, 24: 93.6, 30: 93.7}) == (18, 12, 24)


def test_the_shortest_history_is_one_above_which_all_meet_the_floor() -> None:
    points = [
        Point(kept=kept, label="", value=low, low=low, high=low)
        for kept, low in ((1.0, 0.8), (3.0, 0.6), (6.0, 0.8), (12.0, 0.9))
    ]
    assert months.smallest(points, 0.7) == points[2]
    assert months.smallest(points, 0.95) is None


@pytest.mark.full
def test_the_planted_length_of_history_is_found_within_a_month(folder: Path) -> None:
    answer = MonthsNeeded().run(study(folder, "serious-violence", people=60_000))
    found = figures(answer.findings)["useful_months_of_history", ""]
    assert found.value is not None
    assert abs(found.value - WINDOW_MONTHS) <= 1


def test_more_history_and_more_forces_help_up_to_a_point(folder: Path) -> None:
    made = study(folder, "serious-violence")
    joined = ForcesNeeded(draws=2).run(made).data["points"]
    assert joined[0]["value"] < joined[-1]["value"]
    assert joined[-1]["label"] == "9 of 9 forces"


def test_orders_of_forces_are_whole_and_repeatable() -> None:
    names = ("a", "b", "c")
    assert orders(names, 3, 1) == orders(names, 3, 1)
    assert all(sorted(order) == sorted(names) for order in orders(names, 3, 1))


def test_coarser_places_tell_less_of_where(folder: Path) -> None:
    points = GeographyNeeded().run(study(folder, "hotspots")).data["points"]
    assert [point["label"] for point in points] == ["small_area", "district", "force"]
    assert points[0]["value"] == 0
    assert 0 < points[1]["value"] < points[2]["value"] < 1
    assert points[1]["low"] <= points[1]["value"] <= points[1]["high"]


def test_counts_spread_evenly_are_solved_by_hand() -> None:
    """Two places of one district with 3 and 1 rows: spread evenly 2 and 2, so 1 is misplaced."""
    import duckdb  # noqa: PLC0415 - only here

    from minimisation import Scene, Statistics  # noqa: PLC0415 - only here

    rows = "select * from (values (1,'x','d'),(2,'x','d'),(3,'x','d'),(4,'y','d')) t(unit,a,d)"
    with duckdb.connect() as connection:
        scene = Scene(
            force="f",
            use_case=load_use_case("hotspots").value(),
            members=connection.sql(rows),
            held_out=connection.sql(f"{rows} limit 0"),
            artefact=Statistics(table=connection.sql("select 1 as one").to_arrow_table()),
            seed=1,
            secret=b"s" * 32,
        )
        found = SpreadEvenly(levels=("a", "d"), others=()).observe(scene).to_pylist()
    observed = {row["level"]: row["value"] for row in found if row["replicate"] == 0}
    assert observed == {1: 1.0, 2: 4.0}


def test_what_does_not_apply_says_why_and_is_a_line(folder: Path) -> None:
    made = study(folder, "stop-search")
    with pytest.raises(NotApplicableError, match="geography"):
        GeographyNeeded().run(made)
    found = line(made, GeographyNeeded())
    assert found["summary"].startswith("not applicable: the use case names no levels")
    assert "findings" not in found


def test_topics_are_distinct_and_an_unknown_one_names_them_all() -> None:
    topics = [inquiry.topic for inquiry in INQUIRIES]
    assert len(set(topics)) == len(topics)
    with pytest.raises(UseCaseError, match="curve/months"):
        chosen(["curve/moths"])


def test_lines_join_the_evidence_of_the_plan(folder: Path) -> None:
    made = study(folder, "stop-search")
    header = made.header() | {"at": "2026-11-02T10:00:00+00:00"}
    append(made.evidence, header)
    told: list[tuple[str, int, int]] = []
    inquire(made, ["label-audit"], lambda *what: told.append(what))
    found = load(made.evidence).inquiries["label-audit"]
    assert isinstance(found, Line)
    assert found.plan == made.plan.digest
    assert not found.controlled
    assert found.findings
    assert told == [("label-audit", 1, 1)]
