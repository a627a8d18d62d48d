"""Whether leaving a sensitive column out takes its information out of what the question keeps."""

from dataclasses import dataclass

from sandbox.inquiries.inquiry import Answer
from sandbox.measures import proxy
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class Proxies:
    """How much better than guessing a sensitive column is told from the columns kept."""

    topic: str = "proxy"
    """Under what it is found."""
    title: str = "Can a sensitive column be told from the columns that are kept?"
    """What is asked."""

    def run(self, study: Study) -> Answer:
        """Train on members and judge on held-out people, inside every force."""
        with study.forces() as forces:
            hidden = ("direct_identifier", "target")
            use_case = forces.use_case
            kept = tuple(n for n in use_case.needed if use_case.column(n).role not in hidden)
            found = proxy.gains(forces, kept, study.plan.file.seed)
            sensitive = proxy.hidden(forces.use_case)
        return Answer(
            summary="In every force a forest learned to tell each sensitive column from the other "
            "columns that the question keeps, and was judged on the people held out.",
            findings=tuple(found),
            data={
                "kept": list(kept),
                "direct": [each.name for each in sensitive if each.name in kept],
                "categories": {each.name: each.category for each in sensitive},
            },
        )
