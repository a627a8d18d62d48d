"""Floor verdicts, the partial order of intrusion, dominance, and the sentences about them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_line import PLAN

from sandbox.evidence import Evidence
from sandbox.evidence_lines import Header, Row
from sandbox.report import provenance, wording
from sandbox.report.comparison import Comparison, Verdict
from sandbox.report.intrusion import answers, dominated, less_intrusive, respects
from sandbox.report.marks import DOMINATED, LONGEST, UNBEATEN, trade_off_marks

Figures = tuple[float, float, float]
"""Low, value, high."""


def run(
    option: str, useful: Figures, risk: Figures | None = None, rows: int = 0, cells: int = 0
) -> dict[str, Any]:
    low, value, high = useful
    replicates = [low, value, high]
    findings: list[dict[str, Any]] = [
        {"measure": "auc", "value": value, "better": "higher", "low": low, "high": high}
        | {"replicates": replicates}
    ]
    if risk:
        low, value, high = risk
        findings.append(
            {"measure": "membership_auc", "value": value, "better": "neither"}
            | {"low": low, "high": high, "baseline": 0.5, "control": 0.5}
        )
    return {
        "schema": 1,
        "kind": "run",
        "plan": "aa11",
        "use_case": "toy",
        "option": option,
        "repeat": 0,
        "status": "done",
        "findings": findings,
        "egress": {"north": {"sent": 10 * rows, "cells": cells, "person_rows": rows}},
        "payload_kinds": ["rows"] if rows else ["statistics"],
        "at": "2026-01-01T10:01:00+00:00",
    }


def compared(*rows: dict[str, Any], **changes: object) -> Comparison:
    return Comparison(
        Evidence(
            header=Header.model_validate(PLAN | {"repeats": 1} | changes),
            rows=tuple(Row.model_validate(row) for row in rows),
        )
    )


RAW = run("raw-pool", (0.78, 0.80, 0.82), (0.7, 0.75, 0.8), rows=100, cells=1000)


@pytest.mark.parametrize(
    ("figures", "at_least", "at_most"),
    [
        ((0.70, 0.75, 0.80), Verdict.MEETS, Verdict.UNCLEAR),
        ((0.71, 0.75, 0.80), Verdict.MEETS, Verdict.SHORT),
        ((0.65, 0.75, 0.80), Verdict.UNCLEAR, Verdict.UNCLEAR),
        ((0.60, 0.65, 0.69), Verdict.SHORT, Verdict.MEETS),
    ],
)
def test_the_whole_interval_decides_whether_the_floor_is_met(
    figures: Figures, at_least: Verdict, at_most: Verdict
) -> None:
    row = run("x", figures)
    row["findings"][0]["replicates"] = []
    upwards = compared(row)
    downwards = compared(row, floor={"measure": "auc", "value": 0.7, "direction": "at_most"})
    assert upwards.verdict(upwards.options[0]) is at_least
    assert downwards.verdict(downwards.options[0]) is at_most


def test_a_figure_without_an_interval_never_meets_the_floor() -> None:
    row = run("x", (0.9, 0.9, 0.9))
    row["findings"] = [{"measure": "auc", "value": 0.9, "better": "higher"}]
    comparison = compared(row)
    assert comparison.verdict(comparison.options[0]) is Verdict.UNCLEAR


def names(comparison: Comparison) -> list[str]:
    return [option.name for option in answers(comparison)]


def test_sending_no_person_level_rows_is_less_intrusive() -> None:
    sums = run("federated", (0.78, 0.79, 0.80), (0.49, 0.5, 0.51))
    assert names(compared(RAW, sums)) == ["federated"]


def test_sending_as_many_rows_and_values_is_not_less_intrusive() -> None:
    tokens = run("tokens", (0.78, 0.79, 0.80), (0.69, 0.75, 0.79), rows=100, cells=1000)
    assert names(compared(RAW, tokens)) == []


def test_fewer_columns_are_less_intrusive() -> None:
    fewer = run("fewer", (0.78, 0.79, 0.80), (0.69, 0.75, 0.79), rows=100, cells=400)
    assert names(compared(RAW, fewer)) == ["fewer"]


def test_an_option_on_which_the_attack_does_better_is_never_less_intrusive() -> None:
    leaky = run("leaky", (0.78, 0.79, 0.80), (0.81, 0.85, 0.9))
    comparison = compared(RAW, leaky)
    assert not less_intrusive(respects(comparison, comparison.options[1]))
    assert names(comparison) == []


def test_an_option_that_cannot_be_told_from_the_floor_is_not_in_the_answer() -> None:
    near = run("near", (0.69, 0.71, 0.73), (0.49, 0.5, 0.51))
    assert names(compared(RAW, near)) == []


def test_a_missing_verdict_on_the_attack_is_said_and_not_taken_for_safety() -> None:
    row = run("federated", (0.78, 0.79, 0.80))
    comparison = compared(RAW, row)
    assert wording.reasons(comparison, comparison.options[1]).endswith("no verdict on any attack.")


def test_without_pooling_only_options_that_send_no_rows_can_be_called_less_intrusive() -> None:
    sums = run("sums", (0.78, 0.79, 0.80))
    rows = run("rows", (0.78, 0.79, 0.80), rows=100, cells=10)
    assert names(compared(sums, rows)) == ["sums"]


def test_the_pooled_ceiling_stands_for_pooling_but_its_silence_is_no_measure_of_rows() -> None:
    ceiling = run("pooled-ceiling", (0.78, 0.80, 0.82))
    rows = run("rows", (0.78, 0.79, 0.80), rows=100, cells=10)
    comparison = compared(ceiling, rows)
    assert comparison.reference is not None
    assert comparison.reference.name == "pooled-ceiling"
    assert [respect.order for respect in respects(comparison, comparison.options[1])] == [
        "unknown",
        "unknown",
        "unknown",
    ]


def test_less_useful_and_more_attacked_is_dominated() -> None:
    good = run("good", (0.78, 0.80, 0.82), (0.49, 0.5, 0.51))
    bad = run("bad", (0.68, 0.70, 0.72), (0.6, 0.65, 0.7))
    assert [(d.option, d.by) for d in dominated(compared(good, bad))] == [("bad", "good")]


def test_options_on_one_point_share_a_label_and_dominance_is_no_part_of_it() -> None:
    good = (0.78, 0.80, 0.82), (0.49, 0.5, 0.51)
    bad = run("bad", (0.68, 0.70, 0.72), (0.6, 0.65, 0.7))
    comparison = compared(run("one", *good), run("two", *good), bad)
    marks = {mark.name: mark for mark in trade_off_marks(comparison, 400, 360, 0.8)}
    assert sorted(mark.label for mark in marks.values()) == ["", "bad", "one, two"]
    assert marks["one"].label_y == marks["two"].label_y
    assert [marks[name].standing for name in ("one", "two", "bad")] == [UNBEATEN] * 2 + [DOMINATED]


def test_a_shared_label_that_would_be_too_long_is_split() -> None:
    same = (0.78, 0.80, 0.82), (0.49, 0.5, 0.51)
    names = [f"a-rather-long-option-{number}" for number in range(3)]
    comparison = compared(*(run(name, *same) for name in names))
    labels = [mark.label for mark in trade_off_marks(comparison, 400, 360, 0.8)]
    assert max(len(label) for label in labels) <= LONGEST
    assert all(sum(name in label for label in labels) == 1 for name in names)


def test_equal_options_do_not_dominate_each_other() -> None:
    same = (0.78, 0.80, 0.82), (0.49, 0.5, 0.51)
    assert dominated(compared(run("one", *same), run("two", *same))) == ()


def test_more_useful_but_more_attacked_is_a_trade_off_not_dominance() -> None:
    safe = run("safe", (0.68, 0.70, 0.72), (0.49, 0.5, 0.51))
    assert dominated(compared(RAW, safe)) == ()


def test_dominance_turns_round_where_lower_is_better() -> None:
    floor = {"measure": "auc", "value": 0.7, "direction": "at_most"}
    one = run("one", (0.68, 0.70, 0.72), (0.49, 0.5, 0.51))
    other = run("other", (0.78, 0.80, 0.82), (0.49, 0.5, 0.51))
    assert [(d.option, d.by) for d in dominated(compared(one, other, floor=floor))] == [
        ("other", "one")
    ]


def test_the_worst_attack_is_the_worst_over_groups() -> None:
    row = run("x", (0.7, 0.75, 0.8), (0.49, 0.5, 0.51))
    row["findings"].append(
        {"measure": "membership_auc", "value": 0.6, "better": "neither", "group": "outliers"}
        | {"low": 0.55, "high": 0.65, "baseline": 0.5}
    )
    comparison = compared(row)
    worst = comparison.risk(comparison.options[0])
    assert worst is not None
    assert worst.group == "outliers"
    assert "An attack does better than guessing on x." in wording.trade_off_finding(comparison)


OPTIONS = st.lists(
    st.tuples(st.floats(0.5, 0.9), st.floats(0.0, 0.1), st.booleans()), min_size=1, max_size=8
)


@given(options=OPTIONS)
def test_every_option_stands_in_exactly_one_sentence_about_the_floor(
    options: list[tuple[float, float, bool]],
) -> None:
    rows = [
        run(f"o{index}x", (value - half, value, value + half), rows=10 * pools, cells=90 * pools)
        for index, (value, half, pools) in enumerate(options)
    ]
    comparison = compared(RAW, *rows)
    sentences = [wording.answer(comparison), *wording.others(comparison)]
    for row in rows:
        assert sum(row["option"] in re.findall(r"\w+", said) for said in sentences) == 1


@given(options=OPTIONS)
def test_the_finding_counts_what_the_verdicts_say(options: list[tuple[float, float, bool]]) -> None:
    rows = [
        run(f"o{index}x", (value - half, value, value + half))
        for index, (value, half, _) in enumerate(options)
    ]
    comparison = compared(*rows)
    numbers = [int(n) for n in re.findall(r"\d+", wording.utility_finding(comparison))]
    by_hand = [comparison.verdict(option) for option in comparison.options]
    assert numbers[0] == len(rows)
    assert numbers[1:] == [
        by_hand.count(verdict) for verdict in (Verdict.MEETS, Verdict.UNCLEAR, Verdict.SHORT)
    ]


def test_no_significant_difference_is_said_exactly_when_zero_is_inside(
    compared: Callable[..., Comparison],
) -> None:
    comparison = compared(repeats=5)
    said = {}
    for option in comparison.answered:
        gap = comparison.gain(option, comparison.reference)
        assert gap is not None
        assert gap.estimate.interval is not None
        low, high = gap.estimate.interval
        words = wording.change(gap, comparison.floor.direction)
        assert (words == wording.SAME) == (low <= 0 <= high)
        said[option.name] = words
    assert said["pseudonymisation"] == wording.SAME
    assert said["non-personal"] == "worse"


def test_a_comparison_cut_short_says_so(compared: Callable[..., Comparison]) -> None:
    cut = compared(change=lambda row: row if row["repeat"] == 0 else None)
    assert wording.repeats(cut, 5) == (
        "Demonstration: 1 repeat. Incomplete: 13 of 24 runs finished"
    )


def test_a_changed_floor_and_unequal_held_out_people_are_warned_of(
    compared: Callable[..., Comparison],
) -> None:
    earlier = {
        "schema": 1,
        "kind": "registered plan",
        "plan": "bb22",
        "use_case": "toy",
        "floor": {"measure": "auc", "value": 0.8, "direction": "at_least"},
        "at": "2026-01-01T10:00:00+00:00",
    }

    def move(row: dict[str, Any]) -> dict[str, Any]:
        return row | ({"held_out": "other"} if row["option"] == "k-anonymity" else {})

    assert provenance.warnings(compared()) == []
    found = " ".join(provenance.warnings(compared(change=move, earlier_plans=[earlier])))
    assert "another floor" in found
    assert "same held-out people" in found
