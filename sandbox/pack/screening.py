"""Screening questions in four parts, every one mandatory; each answer gives a heading and advice.

Our own wording, after the pattern of the regulator's toolkit for law enforcement. The outcome is
advice with pointers; it verifies nothing, and nobody complies by it.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from minimisation import UseCaseError
from minimisation.forces.toml_file import Strict, read_toml

Part: TypeAlias = Literal[
    "lawfulness", "accountability and governance", "principles", "rights of data subjects"
]


class Advice(Strict):
    """What an answer leads to."""

    heading: str
    """In a few words."""
    text: str
    """What to do."""
    pointer: str
    """Where to read on, in the pack or in the law."""

    @property
    def words(self) -> str:
        """In one line."""
        return f"{self.heading}. {self.text} See: {self.pointer}."


class Question(Strict):
    """One mandatory question, answered yes or no."""

    key: str
    """Name in the file of answers."""
    part: Part
    """Which of the four parts."""
    text: str
    """What is asked."""
    yes: Advice
    """After a yes."""
    no: Advice
    """After a no."""


class Questions(Strict):
    """The file of questions."""

    question: tuple[Question, ...]
    """Part by part."""


QUESTIONS = read_toml(Path(__file__).with_name("screening.toml"), Questions, "questions").question
"""Every question, part by part."""

NOTICE = (
    "Answers are yours. The advice points to what to read and do; it checks nothing, and it is no "
    "statement that the processing is lawful."
)


def ask(reply: Callable[[Question], bool]) -> dict[str, bool]:
    """Key → answer, by asking every question in turn."""
    return {question.key: reply(question) for question in QUESTIONS}


def toml(answers: Mapping[str, bool]) -> str:
    """Answers as TOML text, with the questions beside them."""
    return "".join(_lines(answers))


def _lines(answers: Mapping[str, bool]) -> Iterator[str]:
    yield f"# {NOTICE}\n"
    part = ""
    for question in QUESTIONS:
        if question.part != part:
            part = question.part
            yield f"\n# {part.capitalize()}\n"
        answer = "true" if answers[question.key] else "false"
        yield f"# {question.text}\n{question.key} = {answer}\n"


def read(path: Path) -> dict[str, bool]:
    """Answers from a file.

    Raises:
        UseCaseError: if it is missing, holds an unknown key, or leaves a question out.
    """
    if not path.is_file():
        raise UseCaseError(f"answers ({path.name}) must exist; `sandbox screening` writes them")
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UseCaseError(f"answers ({path.name}) must be valid TOML") from None
    known = {question.key for question in QUESTIONS}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise UseCaseError(f"answers ({path.name}): {', '.join(unknown)} must be a question's key")
    open_ = [q.key for q in QUESTIONS if not isinstance(given.get(q.key), bool)]
    if open_:
        raise UseCaseError(
            f"answers ({path.name}) must answer every question with true or false; missing: "
            f"{', '.join(open_)}"
        )
    return {question.key: bool(given[question.key]) for question in QUESTIONS}


def advice(answers: Mapping[str, bool]) -> tuple[tuple[Question, Advice], ...]:
    """Every question with what its answer leads to."""
    return tuple((q, q.yes if answers[q.key] else q.no) for q in QUESTIONS)


def answered(path: Path) -> tuple[tuple[str, str, str], ...]:
    """Question, answer and advice of a file of answers, for the pack.

    Raises:
        UseCaseError: as `read`.
    """
    answers = read(path)
    return tuple(
        (question.text, "yes" if answers[question.key] else "no", given.words)
        for question, given in advice(answers)
    )
