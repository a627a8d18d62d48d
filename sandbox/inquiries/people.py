"""How much each further person is worth: the curve against the share of people used."""

from dataclasses import asdict, dataclass

from sandbox.curves import people
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class PeopleNeeded:
    """The curve of usefulness against the share of people, and where it would end."""

    topic: str = "curve/people"
    """Under what it is found."""
    title: str = "How many people's records does the question need?"
    """What is asked."""
    shares: tuple[float, ...] = people.SHARES
    """Shares of people, rising."""
    draws: int = people.DRAWS
    """Draws of people at every share below one."""

    def run(self, study: Study) -> Answer:
        """Fit and judge every share."""
        with outcome_forces(study) as forces:
            found = people.curve(forces, study.plan.file.seed, self.shares, self.draws)
            floor = forces.use_case.floor
        return Answer(
            summary="The model was fitted to ever larger draws of people and judged on the people "
            "held out.",
            findings=tuple(people.findings_of(found, floor)),
            data={
                "floor": asdict(floor),
                "points": [asdict(point) for point in found.points],
                "limit": {"value": found.limit, "low": found.limit_low, "high": found.limit_high},
            },
        )
