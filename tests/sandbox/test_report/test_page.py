"""The page as a whole: complete, self-contained, accessible in its structure, honest in words."""

import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from minimisation import UseCaseError
from sandbox.report import render

BuildEvidence = Callable[..., Path]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Structure(HTMLParser):
    """Collects what an accessibility check looks at, and that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.described: list[str] = []
        self.bare: list[str] = []
        self.captions = self.tables = self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.described += (values.get("aria-labelledby") or "").split()
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "th" and "scope" not in values:
            self.bare.append("th without scope")
        if tag == "svg":
            self.images += 1
            if values.get("role") != "img" or "aria-labelledby" not in values:
                self.bare.append("svg without a name")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(build: BuildEvidence, **options: object) -> str:
    path = build(**options)
    out = path.parent / "report.html"
    render(path, out)
    return out.read_text("utf-8")


def words(text: str) -> str:
    """What a reader sees, on one line."""
    body = re.sub(r"<(style|svg).*?</\1>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize("kind", ["binary-outcome", "grouped-statistics"])
def test_the_structure_is_accessible(build_evidence: BuildEvidence, kind: str) -> None:
    structure = Structure(page(build_evidence, kind=kind))
    assert structure.open == []
    assert structure.bare == []
    assert structure.headings.count(1) == 1
    assert structure.headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(structure.headings))
    assert len(set(structure.ids)) == len(structure.ids)
    assert set(structure.described) <= set(structure.ids)
    assert structure.captions == structure.tables > 5
    assert structure.images == 3


def test_the_page_loads_nothing_and_runs_nothing(build_evidence: BuildEvidence) -> None:
    text = page(build_evidence)
    assert text.startswith("<!DOCTYPE html>")
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "@import" not in text
    assert "url(http" not in text
    assert 'lang="en-GB"' in text
    assert "Skip to main content" in text


def test_the_answer_stands_before_the_first_table(build_evidence: BuildEvidence) -> None:
    text = page(build_evidence)
    first = words(text[: text.index("<table")])
    assert "SYNTHETIC" in first
    assert "ranking accuracy (AUC) of at least 0.75" in first
    assert "Demonstration: 2 repeats" in first
    assert "4 of the 11 options measured" in first
    assert "federated-newton" in first


def test_the_question_is_asked_in_the_words_of_the_use_case(build_evidence: BuildEvidence) -> None:
    assert (
        "For each person, as of 1 January 2024: serious violence? Answered from 3 facts known by "
        "then: age in years, sex and ethnic group."
    ) in words(page(build_evidence))
    assert ("Number of records for every combination of force, ethnic group and sex.") in words(
        page(build_evidence, kind="grouped-statistics")
    )


def test_every_option_of_the_plan_is_a_row_with_its_reason(build_evidence: BuildEvidence) -> None:
    said = words(page(build_evidence))
    assert "Not applicable: it answers questions about groups, not about people" in said
    assert "no verdict: the negative control missed 0.5" in said
    assert "ε = 1, δ = 10⁻⁶" in said
    assert "ε = 3, δ = 3×10⁻⁶ for a person in all 3 forces" in said
    assert "no formal guarantee" in said


def test_nothing_is_called_anonymous_lawful_or_proportionate(
    build_evidence: BuildEvidence,
) -> None:
    said = words(page(build_evidence)).lower().replace("k-anonymity", "")
    assert "anonym" not in said
    assert "privacy score" not in said
    left_open = r"whether (the )?processing is necessary and proportionate is for a named person"
    assert re.search(left_open, said)
    said = re.sub(left_open, "", said)
    assert not re.search(r"\b(lawful|necessary|proportionate|compliant)\b", said)


def test_text_from_evidence_cannot_become_markup(build_evidence: BuildEvidence) -> None:
    def poison(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"remarks": ["<script>alert(1)</script>"], "summary": "<b>bold</b>"}

    text = page(build_evidence, change=poison, title="<i>A title</i>")
    assert "<script" not in text
    assert "<b>bold" not in text
    assert "<i>" not in text


def test_a_record_is_never_passed_off_as_a_person(build_evidence: BuildEvidence) -> None:
    text = page(build_evidence, kind="grouped-statistics")
    assert "Unit: record" in text
    drawn = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert ["unit: record" in svg for svg in drawn] == [True, True, True]


def test_colours_in_figures_are_all_ones_that_dark_mode_knows(
    build_evidence: BuildEvidence,
) -> None:
    text = page(build_evidence)
    drawn = " ".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    for part, colour in set(re.findall(r'(fill|stroke)="(#\w+)"', drawn)):
        assert f'svg [{part}="{colour}"] {{ {part}: var(--' in text


def test_protected_data_is_marked_and_its_seed_is_not_published(
    build_evidence: BuildEvidence,
) -> None:
    said = words(page(build_evidence, data_status="protected", synthetic_demo=False))
    assert "CONTROLLED ACCESS" in said
    assert "held by the forces; not published" in said
    assert "7 (splits" not in said
    assert "SYNTHETIC data" not in said


def test_figures_are_also_written_as_pictures(build_evidence: BuildEvidence) -> None:
    path = build_evidence()
    written = render(path, path.parent / "report.html")
    pictures = [file for file in written if file.suffix == ".png"]
    assert len(pictures) == 3
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in pictures)


def test_without_the_engine_the_page_has_tables_and_says_what_to_install(
    build_evidence: BuildEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sandbox.report.charts", raising=False)
    monkeypatch.delattr("sandbox.report.charts", raising=False)
    monkeypatch.setitem(sys.modules, "altair", None)
    text = page(build_evidence)
    assert "<svg" not in text
    assert "minimisation-sandbox[figures]" in text
    assert "4 of the 11 options measured" in words(text)


def test_two_questions_share_a_page_without_sharing_ids(build_evidence: BuildEvidence) -> None:
    paths = [build_evidence(kind=kind) for kind in ("binary-outcome", "grouped-statistics")]
    out = paths[0].parent / "both.html"
    render(paths, out)
    structure = Structure(out.read_text("utf-8"))
    assert len(set(structure.ids)) == len(structure.ids)
    assert structure.headings.count(1) == 1
    assert structure.images == 6


@pytest.mark.parametrize("status", ["not applicable", "refused", "failed"])
def test_a_page_without_a_single_release_is_still_a_page(
    build_evidence: BuildEvidence, status: str
) -> None:
    def lose(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"status": status, "reason": "a rule", "findings": []}

    said = words(page(build_evidence, change=lose))
    assert "No option has given an answer yet." in said
    assert f"{status.capitalize()}: a rule" in said


def test_missing_intervals_and_measures_are_words_not_blanks(
    build_evidence: BuildEvidence,
) -> None:
    def strip(row: dict[str, Any]) -> dict[str, Any]:
        kept = {"measure", "value", "better", "note", "group", "force"}
        bare = [{k: v for k, v in each.items() if k in kept} for each in row["findings"][:1]]
        return row | {"findings": bare, "cost": {}}

    said = words(page(build_evidence, repeats=1, change=strip))
    assert "no interval was measured" in said
    assert "Not distinguishable" in said
    assert "not measured" in said
    assert "None of the 11 options measured" in said


def test_what_is_not_evidence_writes_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    with pytest.raises(UseCaseError, match="schema"):
        render(bad, tmp_path / "report.html")
    assert [file.name for file in tmp_path.iterdir()] == ["bad.jsonl"]
