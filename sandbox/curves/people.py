"""How many people are needed: usefulness against the share of people whose data are used.

Several draws of people are made at every share; the interval covers both who was drawn and who was
held out. The fit through the points is a power law, the usual shape of a learning curve (Viering
and Loog, "The shape of learning curves: a review", 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from minimisation import Floor, Forces
from sandbox.curves import fits, judge
from sandbox.curves.columns import Point
from sandbox.curves.fits import Setting
from sandbox.findings import Finding
from sandbox.measures.resampling import Array

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Shares of people."""

DRAWS = 4
"""Draws of people at every share below one."""


@dataclass(frozen=True, kw_only=True)
class PeopleCurve:
    """The curve against the share of people."""

    points: tuple[Point, ...]
    """By rising share."""
    limit: float | None
    """Where the fitted power law ends with ever more people; None if it could not be fitted."""
    limit_low: float | None
    """Lower end of its 95 % interval."""
    limit_high: float | None
    """Upper end."""

    def smallest(self, floor: float) -> Point | None:
        """The smallest share that surely meets the floor, as all larger ones do; None if none."""
        best = None
        for point in reversed(self.points):
            if point.low is None or point.low < floor:
                break
            best = point
        return best


def curve(
    forces: Forces, seed: int, shares: Sequence[float] = SHARES, draws: int = DRAWS
) -> PeopleCurve:
    """Fit and judge every share.

    Args:
        forces: opened, with held-out people.
        seed: the assessment's seed.
        shares: shares of people, rising.
        draws: draws at every share below one.
    """
    names = forces.use_case.binary.features
    settings = [
        Setting(columns=names, share=share, draw=draw)
        for share in shares
        for draw in range(draws if share < 1 else 1)
    ]
    area = judge.areas(forces, fits.fit(forces, settings), seed)
    points = []
    replicates = []
    for share in shares:
        mine = area[[setting.share == share for setting in settings]]
        low, high = judge.interval(mine[:, 1:].ravel())
        points.append(
            Point(
                kept=share, label=f"{share:.0%}", value=float(mine[:, 0].mean()), low=low, high=high
            )
        )
        replicates.append(mine.mean(axis=0))
    limits = np.array([_limit(np.array(shares), each) for each in np.array(replicates).T])
    low, high = judge.interval(limits[1:])
    observed = float(limits[0]) if np.isfinite(limits[0]) else None
    return PeopleCurve(points=tuple(points), limit=observed, limit_low=low, limit_high=high)


def findings_of(found: PeopleCurve, floor: Floor) -> list[Finding]:
    """The curve, its limit, and the smallest share that meets the floor."""
    line = floor.value if floor.measure == "auc" else None
    results = [
        Finding(
            measure=f"auc_at_{point.kept * 100:g}_percent_of_people",
            value=point.value,
            better="higher",
            low=point.low,
            high=point.high,
            baseline=line,
        )
        for point in found.points
    ]
    results.append(
        Finding(
            measure="auc_with_ever_more_people",
            value=found.limit,
            better="neither",
            low=found.limit_low,
            high=found.limit_high,
            note="" if found.limit is not None else "no power law fits the points",
        )
    )
    if line is not None:
        enough = found.smallest(line)
        results.append(
            Finding(
                measure="smallest_share_of_people",
                value=enough.kept if enough else None,
                better="neither",
                baseline=line,
                note="" if enough else "no share of people surely meets the floor",
            )
        )
    return results


def _limit(shares: Array, area: Array) -> float:
    """End of limit − scale × share^−power, fitted by least squares; NaN if it does not settle.

    An end of one, which nothing reaches, means that the points do not bend yet.
    """

    def misfit(law: Array) -> Array:
        limit, scale, power = law
        gap: Array = limit - scale * shares**-power - area
        return gap

    found = least_squares(misfit, x0=(area[-1], 0.01, 0.5), bounds=([0, 0, 0.1], [1, 1, 2]))
    settled = found.success and found.x[0] < 1 - 1e-3
    return float(found.x[0]) if settled else float("nan")
