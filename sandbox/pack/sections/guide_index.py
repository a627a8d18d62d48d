"""Index to the Information Commissioner's guidance on AI: where the pack speaks to each point.

The guidance has eight tips and nine common questions; the topics are named in our own words.
"""

from sandbox.pack.document import Section, grid

TIPS = (
    ("Weigh risks first, and ask whether a gentler way would do", "2.10, A, C"),
    ("Be able to explain a decision to the person it touches", "2.1, 5.1; blank 5.1-answer"),
    ("Take no more data than the work needs", "2.10: curves and column ablation"),
    ("Look for bias early", "0, B, 2.11"),
    ("Prepare data and labels with care", "0: the label audited; 2.2, 2.4"),
    ("Keep the system secure", "2.5, 5.11"),
    ("Make human review count", "5.1: load on reviewers; blank 5.1-answer"),
    ("Work with suppliers on all of this", "5.4: register of methods; blank 2.9-4"),
)
"""Tip, in our words, and where the pack speaks to it."""

QUESTIONS = (
    ("Is an impact assessment needed?", "1: blank 1-dpo-assessment; 5.1 to 5.14"),
    ("Must outputs be accurate in the legal sense?", "0, 2.10, 2.11: error with its interval"),
    ("How are bias and discrimination avoided?", "B, 2.11"),
    ("How does learning from data fit with taking little of it?", "2.10"),
    ("What is a decision by automation alone?", "5.1; blank 5.1-answer"),
    ("Is the use of AI lawful?", "3.1, 3.2: blanks"),
    ("Is permission needed from people?", "3.1: blank 3.1-operational"),
    ("Must a policy on AI be published?", "E: draft of a transparency record"),
    ("Must a bought system be understood?", "5.4: register of methods; E"),
)
"""Question, in our words, and where the pack speaks to it."""


def section() -> Section:
    """Both lists with their places in the pack."""
    heads = ("Point", "Topic", "Where in this pack")
    return Section(
        number="D",
        title="Index to the guidance on artificial intelligence",
        blocks=(
            grid(
                "tips",
                "Eight tips",
                heads,
                [(f"T{n}", topic, at) for n, (topic, at) in enumerate(TIPS, start=1)],
                origin="code",
            ),
            grid(
                "questions",
                "Nine common questions",
                heads,
                [(f"Q{n}", topic, at) for n, (topic, at) in enumerate(QUESTIONS, start=1)],
                origin="code",
            ),
        ),
    )
