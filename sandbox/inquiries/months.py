"""How much history each person's record needs: the curve against months kept.

Every count of past events is taken over ever longer windows before the as-of date. Usefulness is
judged on held-out people; the length beyond which nothing is gained is the one under which the
members' outcomes are likeliest, because areas under a curve cannot tell one month from the next.
A length is a threshold, at which a likelihood is no parabola: its interval is Hansen's ("Sample
splitting and threshold estimation", Econometrica 2000), nearly twice as deep as that of Wilks.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import numpy as np

from minimisation import Forces, NotApplicableError, UseCase
from minimisation.contract.sources import CountBefore
from sandbox.curves import fits, judge
from sandbox.curves.columns import Point
from sandbox.curves.fits import Fit, Setting
from sandbox.findings import Finding
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.measures.resampling import Array
from sandbox.study import Study

HANSEN = 3.68
"""Log-likelihood units below the likeliest that hold a threshold with 95 % confidence: half of
−2 log(1 − √0.95)."""

PARTS = (1 / 24, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1, 5 / 4, 3 / 2)
"""Windows tried first, as parts of the one that the use case declares."""


@dataclass(frozen=True, kw_only=True)
class MonthsNeeded:
    """The curve of usefulness against months of history, and the length that is enough."""

    topic: str = "curve/months"
    """Under what it is found."""
    title: str = "How many months of history does the question need?"
    """What is asked."""

    def run(self, study: Study) -> Answer:
        """Fit and judge every window; then every month around the likeliest."""
        declared = longest(study.plan.use_case)
        tried: dict[int, tuple[Fit, Array]] = {}
        first = sorted({max(1, round(part * declared)) for part in PARTS})
        self._try(study, first, tried)
        while finer := between(tried):
            self._try(study, finer, tried)
        months = sorted(tried)
        floor = study.plan.use_case.floor
        points = [_point(each, tried[each][1]) for each in months]
        best, low, high = likeliest({each: tried[each][0].loss for each in months})
        line = floor.value if floor.measure == "auc" else None
        enough = smallest(points, line)
        return Answer(
            summary="Past events were counted over ever longer windows before the as-of date; the "
            "model was fitted anew for each and judged on the people held out.",
            findings=(
                *(_finding(point, line) for point in points),
                Finding(
                    measure="useful_months_of_history",
                    value=float(best),
                    better="neither",
                    low=float(low),
                    high=float(high),
                    note="the longest that was tried" if best == months[-1] else "",
                ),
                *([] if line is None else [_enough(enough, line)]),
            ),
            data={
                "declared_months": declared,
                "floor": asdict(floor),
                "points": [asdict(point) for point in points],
                "loss": {str(each): tried[each][0].loss for each in months},
            },
        )

    def _try(
        self, study: Study, months: Iterable[int], tried: dict[int, tuple[Fit, Array]]
    ) -> None:
        start: Fit | None = None
        for each in months:
            with outcome_forces(study, with_history(study.plan.use_case, each)) as forces:
                start = _fit(forces, start)
                tried[each] = (start, judge.areas(forces, [start], study.plan.file.seed)[0])


def longest(use_case: UseCase) -> int:
    """Months of the longest window of a feature.

    Raises:
        NotApplicableError: if no feature counts past events.
    """
    features = getattr(use_case.question, "features", ())
    windows = [
        column.source.months
        for column in use_case.columns
        if column.name in features and isinstance(column.source, CountBefore)
    ]
    if not windows:
        raise NotApplicableError("no feature counts past events, so history cannot be shortened")
    return max(windows)


def with_history(use_case: UseCase, months: int) -> UseCase:
    """The use case with every count of past events taken over that many months."""
    columns = tuple(
        replace(column, source=replace(column.source, months=months))
        if isinstance(column.source, CountBefore)
        else column
        for column in use_case.columns
    )
    return replace(use_case, columns=columns)


def between(tried: dict[int, tuple[Fit, Array]]) -> list[int]:
    """Months still to try: half-way in the gaps beside the likeliest and at the interval's ends."""
    months = sorted(tried)
    best, low, high = likeliest({each: tried[each][0].loss for each in months})
    gaps = [
        (a, b)
        for a, b in pairwise(months)
        if best in (a, b) or (a < low and b == low) or (a == high and b > high)
    ]
    return sorted({(a + b) // 2 for a, b in gaps if b - a > 1})


def likeliest(loss: dict[int, float]) -> tuple[int, int, int]:
    """The likeliest number of months, and the least and most that the data do not rule out."""
    best = min(loss, key=lambda each: loss[each])
    within = [each for each, value in loss.items() if value - loss[best] <= HANSEN]
    return best, min(within), max(within)


def smallest(points: list[Point], floor: float | None) -> Point | None:
    """The shortest history that surely meets the floor, as all longer ones do; None if none."""
    best = None
    for point in reversed(points):
        if floor is None or point.low is None or point.low < floor:
            break
        best = point
    return best


def _fit(forces: Forces, start: Fit | None) -> Fit:
    setting = Setting(columns=forces.use_case.binary.features)
    return fits.fit(forces, [setting], None if start is None else [start.coefficients])[0]


def _point(months: int, area: Array) -> Point:
    low, high = judge.interval(np.asarray(area[1:]))
    label = f"{months} month{'s' if months > 1 else ''}"
    return Point(kept=float(months), label=label, value=float(area[0]), low=low, high=high)


def _finding(point: Point, line: float | None) -> Finding:
    return Finding(
        measure=f"auc_with_{point.kept:.0f}_months",
        value=point.value,
        better="higher",
        low=point.low,
        high=point.high,
        baseline=line,
    )


def _enough(enough: Point | None, line: float) -> Finding:
    return Finding(
        measure="fewest_months_of_history",
        value=enough.kept if enough else None,
        better="neither",
        baseline=line,
        note="" if enough else "no length of history that was tried surely meets the floor",
    )
