"""The screening questions: four parts, every one mandatory, advice after each answer."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minimisation import UseCaseError
from sandbox.cli import app
from sandbox.pack import screening
from sandbox.pack.screening import QUESTIONS


def test_the_questions_come_in_four_parts() -> None:
    parts = list(dict.fromkeys(question.part for question in QUESTIONS))
    assert parts == [
        "lawfulness",
        "accountability and governance",
        "principles",
        "rights of data subjects",
    ]
    assert len({question.key for question in QUESTIONS}) == len(QUESTIONS) >= 15


def test_yes_and_no_lead_to_different_advice_with_a_pointer() -> None:
    for question in QUESTIONS:
        assert question.yes != question.no
        assert question.yes.pointer
        assert question.no.pointer


def test_no_advice_says_that_anything_is_lawful() -> None:
    for question in QUESTIONS:
        for advice in (question.yes, question.no):
            assert "comply" not in advice.words
            assert "compliant" not in advice.words


@pytest.mark.parametrize("left_out", [QUESTIONS[0].key, QUESTIONS[-1].key])
def test_an_unanswered_question_is_refused_by_its_key(tmp_path: Path, left_out: str) -> None:
    path = tmp_path / "answers.toml"
    answers = screening.ask(lambda _: True)
    lines = screening.toml(answers).splitlines()
    path.write_text("\n".join(x for x in lines if not x.startswith(f"{left_out} =")), "utf-8")
    with pytest.raises(UseCaseError, match=left_out):
        screening.read(path)


def test_an_answer_that_is_neither_yes_nor_no_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    text = screening.toml(screening.ask(lambda _: True))
    path.write_text(text.replace("basis = true", 'basis = "maybe"'), "utf-8")
    with pytest.raises(UseCaseError, match="basis"):
        screening.read(path)


def test_answers_come_back_as_they_were_given(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    given = {q.key: place % 2 == 0 for place, q in enumerate(QUESTIONS)}
    path.write_text(screening.toml(given), "utf-8")
    assert screening.read(path) == given
    assert [answer for _, answer, _ in screening.answered(path)][:2] == ["yes", "no"]


def test_the_terminal_asks_until_it_hears_yes_or_no(tmp_path: Path) -> None:
    out = tmp_path / "screening.toml"
    typed = "perhaps\n" + "yes\n" * len(QUESTIONS)
    result = CliRunner().invoke(app, ["screening", "--out", str(out)], input=typed)
    assert result.exit_code == 0
    assert all(tomllib.loads(out.read_text("utf-8")).values())


def test_an_interview_that_is_cut_short_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "screening.toml"
    result = CliRunner().invoke(app, ["screening", "--out", str(out)], input="yes\nno\n")
    assert isinstance(result.exception, UseCaseError)
    assert not out.exists()
