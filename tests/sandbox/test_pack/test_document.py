"""The content: every section of the form, in order, with something in it, and honest one-liners."""

import re
from collections.abc import Callable
from datetime import date

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from sandbox.cli import app
from sandbox.evidence_lines import FloorFacts
from sandbox.pack import jargon
from sandbox.pack.build import build
from sandbox.pack.document import Blank, Document, Grid, Picture, Say, placed
from sandbox.pack.material import working_days_after
from sandbox.pack.paper import bookmark
from sandbox.pack.pieces import pieces
from sandbox.pack.sections import curves, factors, guide_index
from sandbox.pack.sections.curves import Dot
from sandbox.pack.sections.equality import unrecorded

Build = Callable[..., Document]
FORM = (
    "1", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10", "2.11",
    "3.1", "3.2", "4.1",
    "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "5.10", "5.11", "5.12", "5.13",
    "5.14",
)  # fmt: skip
"""Numbers of the form's sections, in its order."""
OWN = ("A", "B", "C", "D", "E", "F", "G", "H")
"""Letters of the pack's own sections."""

KINDS = ["binary-outcome", "grouped-statistics"]


def text_of(document: Document) -> str:
    return "\n".join(piece.text for piece in pieces(document))


@pytest.mark.parametrize("kind", KINDS)
def test_every_section_of_the_form_is_there_in_order(document: Build, kind: str) -> None:
    assert [section.number for section in document(kind).sections] == [*FORM, *OWN]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inquiries", [True, False])
def test_no_section_is_empty(document: Build, kind: str, *, inquiries: bool) -> None:
    for section in document(kind, inquiries=inquiries).every:
        content = [
            block
            for block in section.blocks
            if isinstance(block, Say | Blank | Picture)
            or (isinstance(block, Grid) and block.table.rows)
        ]
        assert content, section.number


def test_what_was_not_measured_names_the_command_that_would(document: Build) -> None:
    gaps = [b for b in document(inquiries=False).of(Say) if b.tone == "missing"]
    assert len(gaps) > 5
    assert all(gap.text.startswith("Not measured: ") for gap in gaps)
    assert all("To measure it: sandbox " in gap.text for gap in gaps)


def test_a_measured_profile_leaves_no_gap_where_it_stands(document: Build) -> None:
    before, after = text_of(document(inquiries=False)), text_of(document())
    assert "Not measured: how far each column is filled" in before
    assert "Not measured: how far each column is filled" not in after
    assert "97%" in after


@pytest.mark.parametrize("kind", KINDS)
def test_anchors_and_bookmarks_are_unique_and_short_enough_for_word(
    document: Build, kind: str
) -> None:
    anchors = [piece.anchor for piece in pieces(document(kind))]
    names = [bookmark(anchor) for anchor in anchors]
    assert len(set(anchors)) == len(anchors) == len(set(names))
    assert max(map(len, names)) <= 40


def test_anchors_do_not_depend_on_whether_figures_are_drawn(material: Callable) -> None:
    drawn, plain = build(material(draw=True)), build(material(draw=False))
    assert [p.anchor for p in pieces(drawn)] == [p.anchor for p in pieces(plain)]
    assert any(picture.png for picture in drawn.pictures)


def test_every_blank_is_numbered_and_listed_at_the_front(document: Build) -> None:
    made = document()
    (table,) = [b.table for b in made.front.blocks if isinstance(b, Grid) and b.slug == "blanks"]
    assert [blank.number for blank in made.blanks] == list(range(1, len(made.blanks) + 1))
    assert [row[2].text for row in table.rows] == [blank.question for blank in made.blanks]


def test_the_tool_fills_in_no_blank(document: Build) -> None:
    assert not any(blank.answer for blank in document().blanks)


def test_two_blanks_of_one_name_are_refused(document: Build) -> None:
    made = document()
    twice = (*made.sections, made.sections[0])
    with pytest.raises(ValueError, match="a name of their own"):
        placed(Document(**(made.__dict__ | {"sections": twice})))


def test_ten_working_days_after_the_24th_of_october_2019_is_the_7th_of_november() -> None:
    assert working_days_after(date(2019, 10, 24), 10) == date(2019, 11, 7)


def test_the_response_date_stands_in_section_one(document: Build) -> None:
    assert "7 November 2019 (10 working days" in text_of(document())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inquiries", [True, False])
def test_no_sentence_holds_jargon_or_a_legal_conclusion(
    document: Build, kind: str, *, inquiries: bool
) -> None:
    assert list(jargon.found(document(kind, inquiries=inquiries))) == []


def test_the_lint_finds_a_planted_word(document: Build) -> None:
    planted = document(header={"purpose": "Leverage anonymised data."})
    assert {word for _, word in jargon.found(planted)} == {"leverage", "anonymised"}


def test_options_that_meet_the_floor_each_get_a_blank_for_their_rejection(document: Build) -> None:
    keys = [blank.key for blank in document().blanks if blank.key.startswith("2.10-reject-")]
    assert "2.10-reject-federated-newton" in keys
    assert "2.10-reject-raw-pool" not in keys


def test_the_ablation_says_drop_keep_and_needs_a_reason(document: Build) -> None:
    (table,) = [g.table for g in document().grids if g.slug == "ablation"]
    assert {row[0].text: row[2].text for row in table.rows} == {
        "age in years": "keep",
        "sex": "drop",
        "ethnic group": "needs a reason",
    }


dots = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 0.2)).map(
        lambda p: Dot(label="x", value=p[0], low=p[0] - p[1], high=p[0] + p[1])
    ),
    min_size=1,
    max_size=6,
)


@given(dots, st.floats(0, 1), st.sampled_from(["at_least", "at_most"]))
def test_a_curves_sentence_agrees_with_its_numbers(
    found: list[Dot], value: float, direction: str
) -> None:
    class Plain:
        floor = FloorFacts(measure="auc", value=value, direction=direction)

    said = curves.finding_of(Plain(), found, "columns")
    sure = [d for d in found if (d.low >= value if direction == "at_least" else d.high <= value)]
    if not sure:
        assert said == "No setting of columns surely meets the floor."
    elif len(sure) == len(found):
        assert said.startswith("Every setting")
    else:
        assert said.endswith(f"{len(sure)} of {len(found)} settings do.")


def test_without_a_column_of_places_nothing_speaks_against_a_no_on_tracking(
    document: Build,
) -> None:
    (section,) = [s for s in document().sections if s.number == "5.9"]
    assert "No column's name points to tracking" in section.blocks[0].text


def test_the_lint_of_columns_names_what_contradicts(material: Callable) -> None:
    case = material().case
    column = case.columns["age"]
    with_score = case.model_copy(update={"columns": {"custody_risk": column, "age": column}})
    assert factors.contradictions(with_score, "5.12") == ["age in years"]


def test_characteristics_that_no_column_records_are_named() -> None:
    absent = unrecorded(["age", "sex", "ethnicity", "sexual_orientation"])
    assert "race" not in absent
    assert {"disability", "religion or belief", "pregnancy and maternity"} <= set(absent)
    assert "sex" in unrecorded(["sexual_orientation"])


def test_the_index_has_eight_tips_and_nine_questions() -> None:
    assert (len(guide_index.TIPS), len(guide_index.QUESTIONS)) == (8, 9)


def test_the_index_points_to_blanks_that_exist(document: Build) -> None:
    keys = {blank.key for blank in document().blanks}
    named = re.findall(r"blank ([\w.-]+)", str(guide_index.TIPS + guide_index.QUESTIONS))
    assert named
    assert set(named) <= keys


def test_every_command_that_would_measure_something_exists(document: Build) -> None:
    known = typer.main.get_command(app)
    gaps = [b.text for b in document(inquiries=False).of(Say) if b.tone == "missing"]
    for gap in gaps:
        named = gap.split("To measure it: ")[1].replace(",", "").split()[1:3]
        commands = getattr(known, "commands", {})
        assert named[0] in commands or named[0] == "bench", gap
        nested = getattr(commands.get(named[0]), "commands", None)
        assert nested is None or named[1] in nested or named[0] == "evidence", gap
