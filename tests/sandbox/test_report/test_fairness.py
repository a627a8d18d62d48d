"""Protected groups on the page: gaps, who is too few, which groups are lost, and what is chance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.report import fairness, measure_tables, option_table, render
from sandbox.report.comparison import Comparison
from sandbox.report.fairness import Panel
from sandbox.report.glossary import entry

Build = Callable[..., Comparison]
Change = Callable[[dict[str, Any]], dict[str, Any]]


def by_heading(comparison: Comparison) -> dict[str, Panel]:
    return {panel.heading: panel for panel in fairness.panels(comparison)}


def adding(*findings: dict[str, Any], to: str = "") -> Change:
    """Adds findings to every run, or to those of one option."""

    def change(row: dict[str, Any]) -> dict[str, Any]:
        chosen = to in ("", row["option"])
        return row | {"findings": [*row["findings"], *(findings if chosen else ())]}

    return change


def replacing(findings: Callable[[str], list[dict[str, Any]]]) -> Change:
    """Keeps the headline figure and puts these beside it."""
    return lambda row: row | {"findings": [row["findings"][0], *findings(row["option"])]}


def test_a_gap_is_shown_in_points_with_its_interval_and_its_change(compared: Build) -> None:
    first = by_heading(compared())["Ethnic group"].first
    assert first is not None
    assert first.headings == ("Option", "Gap in false positive rate")
    cells = {row[0].text: row[1] for row in first.rows}
    assert cells["raw-pool"].text.startswith("9.0 (")
    assert cells["raw-pool"].small == ()
    assert cells["each-alone"].small == ("no change",)
    assert cells["k-anonymity"].text.startswith("18.0 (")
    assert cells["k-anonymity"].small == ("+9.0",)


def test_the_sentence_names_the_groups_at_the_ends_and_the_option_that_widens(
    compared: Build,
) -> None:
    ends, wider = by_heading(compared())["Ethnic group"].findings
    assert ends.startswith("False positive rate under raw-pool: from ")
    assert "(White) to " in ends
    assert ends.endswith("(Black).")
    assert (
        wider == "Wider than under pooling by more than chance: k-anonymity (false positive rate)."
    )


def test_group_figures_stand_below_the_gaps_and_say_what_changed(compared: Build) -> None:
    (table,) = by_heading(compared())["Ethnic group"].groups
    assert table.caption == "False positive rate by ethnic group"
    assert table.headings == ("Option", "White", "Black", "Asian")
    assert table.note == "Differs from raw-pool by more than chance under k-anonymity (Black)."


def test_a_group_too_small_to_report_is_named_once_with_what_it_lacks(compared: Build) -> None:
    none: dict[str, Any] = {"value": None, "better": "neither", "note": "too few to report"}
    lacking = [
        {"measure": "precision", "group": f"ethnicity={name}"} | none for name in ("Asian", "Other")
    ]
    some = {"measure": "precision", "value": 0.4, "better": "higher", "group": "ethnicity=White"}
    panel = by_heading(compared(change=adding(*lacking, some)))["Ethnic group"]
    assert panel.too_few == ("Too few to report: Other. Too few to report for precision: Asian.")


def test_figures_that_no_option_changes_are_one_row(compared: Build) -> None:
    rate = {"measure": "base_rate", "value": 0.1, "better": "neither", "group": "ethnicity=White"}
    panel = by_heading(compared(change=adding(rate)))["Ethnic group"]
    base = next(each for each in panel.groups if each.caption.startswith("Base rate"))
    assert [[cell.text for cell in row] for row in base.rows] == [["every option", "10.0%"]]


def test_without_intervals_nothing_is_said_of_chance(compared: Build) -> None:
    def errors(option: str) -> list[dict[str, Any]]:
        value = {"raw-pool": 0.01, "dp-statistics": 0.4}.get(option, 0.05)
        found = {"measure": "group_count_error", "value": value, "better": "lower"}
        return [found | {"group": "sex=female"}, found | {"value": 0.0, "group": "sex=male"}]

    panel = by_heading(compared(kind="grouped-statistics", change=replacing(errors)))["Sex"]
    assert panel.first is not None
    said = " ".join(line for row in panel.first.rows for cell in row for line in cell.small)
    assert "chance" not in said + panel.first.note + " ".join(panel.findings)
    assert panel.findings == (
        "Largest error of a group's total: 40.0% for “female” under dp-statistics.",
    )


def test_protected_columns_without_a_figure_are_named(compared: Build) -> None:
    assert fairness.unmeasured(compared()) == ["age in years"]


def test_a_lost_group_is_called_a_failure_before_the_first_table(
    build_evidence: Callable[..., Path],
) -> None:
    lost = {"measure": "erased_groups", "value": 1.0, "better": "lower"}
    note = "shown at under half of at least 50 true rows: ethnicity=Asian, sex=female"
    change = adding(lost | {"note": note}, to="k-anonymity")
    path = build_evidence(change=change)
    render(path, path.parent / "report.html")
    text = (path.parent / "report.html").read_text("utf-8")
    assert (
        "k-anonymity shows some groups at under half of their true number: "
        "Asian (ethnic group) and female (sex)."
    ) in text[: text.index("<table")]
    assert text.count("shows some groups at under half") == 1


def test_a_group_lost_in_some_repeats_says_in_how_many(compared: Build) -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        lost = float(row["repeat"] == 0)
        return adding({"measure": "erased_groups", "value": lost, "better": "lower"})(row)

    comparison = compared(change=change, options=("raw-pool",))
    assert fairness.erased(comparison) == [
        "raw-pool shows some groups at under half of their true number in 1 of 2 repeats."
    ]


def test_no_group_lost_is_no_failure(compared: Build) -> None:
    change = adding({"measure": "erased_groups", "value": 0.0, "better": "lower"})
    assert fairness.erased(compared(change=change)) == []


def test_a_note_shared_by_all_options_stands_once_under_the_table(compared: Build) -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        note = "over large cells"
        note += "; two cells had no figure" if row["option"] == "k-anonymity" else ""
        found = {"measure": "relative_error_p90", "value": 0.2, "better": "lower", "note": note}
        return adding(found)(row)

    table = measure_tables.measures(compared(change=change))
    place = table.headings.index("Relative error of the worst tenth")
    small = {row[0].text: row[place].small for row in table.rows}
    assert table.note == "Relative error of the worst tenth: over large cells."
    assert small.pop("k-anonymity") == ("two cells had no figure",)
    assert set(small.values()) == {()}


def test_options_stopped_for_one_reason_share_the_last_row(compared: Build) -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        if row["option"] not in {"raw-pool", "k-anonymity", "each-alone"}:
            return row
        status = "failed" if row["option"] == "each-alone" else "refused"
        return row | {"status": status, "reason": "a rule", "findings": []}

    rows = option_table.options(compared(change=change)).rows
    assert [[cell.text for cell in row] for row in rows[-3:-1]] == [
        ["raw-pool, k-anonymity", "Refused: a rule"],
        ["each-alone", "Failed: a rule"],
    ]
    assert [row[0].text for row in rows[:2]] == ["business-as-usual", "non-personal"]


@pytest.mark.parametrize(
    ("measure", "title"),
    [
        ("recall_top", "share found by the top of the list"),
        ("precision", "precision"),
        ("precision_gap", "largest gap between groups"),
        ("error_of_mean_age", "error of mean age"),
        ("group_count_error", "error of a group's total"),
        ("membership_tpr_at_1_percent_fpr", "membership attack at 1% false alarms"),
        ("membership_auc", "membership (AUC)"),
    ],
)
def test_every_measure_has_a_title_and_an_explanation(measure: str, title: str) -> None:
    assert entry(measure).title == title
    assert entry(measure).meaning != entry("unheard_of").meaning
