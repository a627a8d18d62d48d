"""Screening questions in four parts, every one mandatory; each answer gives a heading and advice.

Our own wording, after the pattern of the regulator's toolkit for law enforcement. The outcome is
advice with pointers; it verifies nothing, and nobody complies by it.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from minimisation import UseCaseError

Part: TypeAlias = Literal[
    "lawfulness", "accountability and governance", "principles", "rights of data subjects"
]


@dataclass(frozen=True, kw_only=True)
class Advice:
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


@dataclass(frozen=True, kw_only=True)
class Question:
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


def _ask(
    key: str, part: Part, text: str, yes: tuple[str, str, str], no: tuple[str, str, str]
) -> Question:
    made = [Advice(heading=h, text=t, pointer=p) for h, t, p in (yes, no)]
    return Question(key=key, part=part, text=text, yes=made[0], no=made[1])


_LAW: Part = "lawfulness"
_GOVERN: Part = "accountability and governance"
_PRINCIPLE: Part = "principles"
_RIGHT: Part = "rights of data subjects"
QUESTIONS: tuple[Question, ...] = (
    _ask("basis", _LAW, "Is the basis in law for this processing written down?",
         ("Test the basis", ("Ask whether gentler processing would reach the aim, and write down "
          "why not."), "pack 2.10 and 3.1"),
         ("Find the basis first", "Do not begin before a named person has stated it.",
          "pack 3.1; Data Protection Act 2018 s.35")),
    _ask("sensitive", _LAW, "Does any column hold a sensitive category, or stand for one?",
         ("Show strict necessity", ("Give a reason and the alternative tried for each such column, "
          "and name the condition."), "pack 2.3 and 3.2; s.35(8) and Schedule 8"),
         ("Look for proxies", ("Other columns can tell a sensitive fact; read what inference "
          "reaches."), "pack 2.3, the table of proxies")),
    _ask("policy", _LAW, "Is there an appropriate policy document for sensitive processing?",
         ("Keep it current", "Check that it names this use.", "s.42"),
         ("Write one, or say why none is needed", "Sensitive processing needs it.", "s.42")),
    _ask("assessment", _GOVERN, "Has an impact assessment been started before processing?",
         ("Keep it alive", "Update it with every snapshot.", "sandbox evidence --update"),
         ("Start now", "Write the pack before any real record is used.", "s.64; sandbox evidence")),
    _ask("officer", _GOVERN, "Has the data protection officer been asked?",
         ("Record the response", "Note date and advice in the blanks.", "pack 1"),
         ("Ask, and allow ten working days", "Put the date of submission in the plan.", "pack 1")),
    _ask("roles", _GOVERN, "Is it agreed who is controller, joint controller or processor?",
         ("Keep the agreement at hand", "Name it beside every recipient.", "pack 2.9; ss.58 to 59"),
         ("Agree first", "Several forces and a supplier need their duties in writing.",
          "pack 2.9; ss.58 to 59")),
    _ask("logs", _GOVERN, "Are collection, change, use, disclosure and erasure logged?",
         ("Verify the logs", "Check their chain at intervals.", "sandbox audit; s.62"),
         ("Turn logging on", "Run in stores that log every act.", "docs/force-stores.md; s.62")),
    _ask("floor", _PRINCIPLE, "Was the usefulness needed fixed before any result was seen?",
         ("Leave it as it is", "A changed floor shows as an earlier plan.", "pack F"),
         ("Fix it in the plan", "Put a floor in before the first comparison.", "docs/plans")),
    _ask("columns", _PRINCIPLE, "Was each column tested by leaving it out?",
         ("Drop what can be dropped", "Keep a reason for each that stays.", "pack 2.10"),
         ("Test them", "Run the inquiries of the plan.", "sandbox inquire PLAN")),
    _ask("facts", _PRINCIPLE, "Are facts told apart from personal assessments, and people by role?",
         ("Carry the difference through", "Say in outputs which it is.", "pack 2.7; s.38"),
         ("Mark them", "State kind and role for each column of the use case.", "pack 2.7; s.38")),
    _ask("retention", _PRINCIPLE, "Is a retention period argued from how much history helps?",
         ("Review it", "Set a date for the next review.", "pack 4.1; s.39"),
         ("Argue it", "Read usefulness against months of history.", "pack 4.1; s.39")),
    _ask("labels", _PRINCIPLE, "Has anybody asked what the label means and who is recorded more?",
         ("Say it on the first page", "Users of the output must know it too.", "pack, first page"),
         ("Audit the label", "No figure is better than its label.", "sandbox inquire PLAN")),
    _ask("security", _PRINCIPLE, "Does every force hold the key of its own store?",
         ("Test a restore", "A lost key is lost data.", "docs/force-stores.md; s.40"),
         ("Let forces hold their keys", "Whoever holds the key can read everything.",
          "docs/threat-model.md; s.40")),
    _ask("told", _RIGHT, "Can people find out that their records are used in this way?",
         ("Publish the record", "Use the draft transparency record.", "pack E; s.44"),
         ("Decide how to tell them", "Name any restriction and its reason.", "pack 5.8; s.44")),
    _ask("erase", _RIGHT, "Can a person's records be corrected and erased in every copy?",
         ("Time it", "Try it on a trial store; note what stays.", "pack 5.14; ss.46-47"),
         ("Trace the copies", "Use stores that record what was made from a record.",
          "pack 5.14; ss.46-47")),
    _ask("review", _RIGHT, "Does a trained person decide, with time and authority to disagree?",
         ("Measure the load", "Too many alerts leave no time for judgement.", "pack 5.1; s.49"),
         ("Put a person in", "A significant decision by automation alone needs a basis in law.",
          "pack 5.1; ss.49-50")),
    _ask("vulnerable", _RIGHT, "May the records include children or vulnerable people?",
         ("Look at their figures", "Errors about them weigh more.", "pack 5.10"),
         ("Check that it is so", "Ages and markers in the data may say otherwise.", "pack 5.10")),
)  # fmt: skip
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
