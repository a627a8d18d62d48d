"""How many forces have to take part: the curve against forces whose people a model learns from."""

from dataclasses import asdict, dataclass

import numpy as np

from minimisation import NotApplicableError
from sandbox.curves import fits, judge
from sandbox.curves.columns import Point
from sandbox.curves.fits import Setting
from sandbox.findings import Finding
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.study import Study

FEWEST = 2
"""With fewer forces there is nothing to leave out."""


@dataclass(frozen=True, kw_only=True)
class ForcesNeeded:
    """The curve of usefulness to all forces against the number that take part."""

    topic: str = "curve/forces"
    """Under what it is found."""
    title: str = "How many forces have to take part?"
    """What is asked."""
    draws: int = 4
    """Random orders in which forces join."""

    def run(self, study: Study) -> Answer:
        """Fit to the first forces of every order; judge on the people held out in all."""
        with outcome_forces(study) as forces:
            names = forces.names
            if len(names) < FEWEST:
                raise NotApplicableError("a single force takes part")
            floor, seed = forces.use_case.floor, study.plan.file.seed
            columns = forces.use_case.binary.features
            settings = [
                Setting(columns=columns, forces=order[:count], draw=draw)
                for draw, order in enumerate(orders(names, self.draws, seed))
                for count in range(1, len(names) + 1)
                if count < len(names) or draw == 0
            ]
            area = judge.areas(forces, fits.fit(forces, settings), seed)
        points = []
        for count in range(1, len(names) + 1):
            mine = area[[len(setting.forces) == count for setting in settings]]
            low, high = judge.interval(mine[:, 1:].ravel())
            label = f"{count} of {len(names)} forces"
            value = float(mine[:, 0].mean())
            points.append(Point(kept=float(count), label=label, value=value, low=low, high=high))
        line = floor.value if floor.measure == "auc" else None
        return Answer(
            summary="Forces joined one after another, in several random orders; the model fitted "
            "to those that take part was judged on the people held out in all of them.",
            findings=tuple(
                Finding(
                    measure=f"auc_with_{point.kept:.0f}_forces",
                    value=point.value,
                    better="higher",
                    low=point.low,
                    high=point.high,
                    baseline=line,
                )
                for point in points
            ),
            data={"floor": asdict(floor), "points": [asdict(point) for point in points]},
        )


def orders(names: tuple[str, ...], draws: int, seed: int) -> list[tuple[str, ...]]:
    """Random orders of the forces, the same for the same seed."""
    rng = np.random.default_rng([seed, len(names)])
    return [tuple(names[i] for i in rng.permutation(len(names))) for _ in range(draws)]
