"""Which columns are needed: each left out alone, and all left out one after another.

A column is reported droppable if leaving it out alone costs less than a margin fixed beforehand,
with 97.5 % confidence; not finding a difference is not enough. Columns that stand in for each other
can each be droppable alone, so the greedy curve is shown beside it. Its order comes from the
members alone (Wald's quadratic form of the full fit, less two per term as in Akaike 1974), so that
held-out people judge it fairly.
"""

from dataclasses import dataclass

import numpy as np

from minimisation import Floor, Forces
from sandbox.curves import fits, judge
from sandbox.curves.fits import Fit, Setting
from sandbox.findings import Finding
from sandbox.measures.resampling import Array

MARGIN = 0.005
"""Loss of area under the curve that counts as nothing."""


@dataclass(frozen=True, kw_only=True)
class ColumnNeed:
    """What one column is worth."""

    column: str
    """The column left out."""
    lost: float
    """Area under the curve lost by leaving it out alone."""
    low: float | None
    """Lower end of its 95 % interval."""
    high: float | None
    """Upper end."""
    droppable: bool
    """Whether the upper end is below the margin."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One setting of a curve."""

    kept: float
    """Columns kept, or the share of people."""
    label: str
    """The setting in words."""
    value: float
    """Area under the curve."""
    low: float | None
    """Lower end of its 95 % interval over held-out people."""
    high: float | None
    """Upper end."""


@dataclass(frozen=True, kw_only=True)
class ColumnCurve:
    """The curve against columns."""

    full: Point
    """With all columns."""
    needs: tuple[ColumnNeed, ...]
    """Every column left out alone, in the question's order."""
    greedy: tuple[Point, ...]
    """From all columns down to one."""
    order: tuple[str, ...]
    """Columns in the order in which they were left out; the last one stays to the end."""

    def fewest(self, floor: float) -> Point | None:
        """The fewest columns of the greedy curve that surely meet the floor; None if none do."""
        enough = [each for each in self.greedy if each.low is not None and each.low >= floor]
        return min(enough, key=lambda each: each.kept) if enough else None


def curve(forces: Forces, seed: int, margin: float = MARGIN) -> ColumnCurve:
    """Fit and judge every setting.

    Args:
        forces: opened, with held-out people.
        seed: the assessment's seed.
        margin: loss that counts as nothing, fixed before results are seen.
    """
    names = forces.use_case.binary.features
    (whole,) = fits.fit(forces, [Setting(columns=names)])
    order = greedy_order(forces, whole)
    alone = [tuple(name for name in names if name != out) for out in names]
    nested = [
        tuple(name for name in names if name in order[place:]) for place in range(1, len(names))
    ]
    settings = [Setting(columns=kept) for kept in (*alone, *nested) if kept]
    others = fits.fit(forces, settings, [whole.coefficients] * len(settings))
    area = judge.areas(forces, [whole, *others], seed)
    needs = [
        _need(out, area[0] - area[1 + place], margin)
        for place, out in enumerate(names if len(names) > 1 else ())
    ]
    full = _point(len(names), area[0], names)
    rest = area[len(settings) - len(nested) + 1 :]
    points = [_point(len(kept), row, kept) for kept, row in zip(nested, rest, strict=True)]
    return ColumnCurve(full=full, needs=tuple(needs), greedy=(full, *points), order=tuple(order))


def greedy_order(forces: Forces, whole: Fit) -> list[str]:
    """Columns, the one best spared first, by the rise of Akaike's criterion on the members.

    Args:
        forces: gives the encoding.
        whole: the fit of all columns.
    """
    encoding = fits.encoding_of(forces.use_case)
    left = list(whole.setting.columns)
    terms = {name: fits.terms_of(encoding, (name,)) + 1 for name in left}
    at, hessian = whole.coefficients.copy(), whole.hessian
    order = []
    while left:
        kept = np.r_[0, *(terms[name] for name in left)].astype(np.int64)
        spread = np.linalg.pinv(hessian[np.ix_(kept, kept)])
        rises = {}
        for name in left:
            place = np.flatnonzero(np.isin(kept, terms[name]))
            part = at[kept][place]
            wald = float(part @ np.linalg.pinv(spread[np.ix_(place, place)]) @ part)
            rises[name] = wald - 2 * len(place)
        out = min(left, key=lambda name: rises[name])
        order.append(out)
        left.remove(out)
        rest = np.r_[0, *(terms[name] for name in left)].astype(np.int64)
        gone = terms[out]
        at[rest] += np.linalg.lstsq(
            hessian[np.ix_(rest, rest)], hessian[np.ix_(rest, gone)] @ at[gone], rcond=None
        )[0]
        at[gone] = 0.0
    return order


def findings_of(found: ColumnCurve, floor: Floor, margin: float = MARGIN) -> list[Finding]:
    """What each column is worth, the greedy curve, and the fewest columns that meet the floor."""
    results = [
        Finding(
            measure=f"auc_lost:{need.column}",
            value=need.lost,
            better="neither",
            low=need.low,
            high=need.high,
            baseline=margin,
            note="droppable: surely costs less than the margin" if need.droppable else "",
        )
        for need in found.needs
    ]
    results += [
        Finding(
            measure=f"auc_with_{point.kept:.0f}_columns",
            value=point.value,
            better="higher",
            low=point.low,
            high=point.high,
            baseline=floor.value if floor.measure == "auc" else None,
            note=point.label,
        )
        for point in found.greedy
    ]
    return [*results, _fewest(found, floor.value)] if floor.measure == "auc" else results


def _fewest(found: ColumnCurve, floor: float) -> Finding:
    enough = found.fewest(floor)
    return Finding(
        measure="fewest_columns",
        value=enough.kept if enough else None,
        better="neither",
        baseline=floor,
        note=enough.label if enough else "no number of columns surely meets the floor",
    )


def _need(column: str, lost: Array, margin: float) -> ColumnNeed:
    low, high = judge.interval(lost[1:])
    return ColumnNeed(
        column=column,
        lost=float(lost[0]),
        low=low,
        high=high,
        droppable=high is not None and high < margin,
    )


def _point(kept: float, area: Array, columns: tuple[str, ...]) -> Point:
    low, high = judge.interval(area[1:])
    return Point(kept=kept, label=", ".join(columns), value=float(area[0]), low=low, high=high)
