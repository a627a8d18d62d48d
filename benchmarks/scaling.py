"""How time and memory grow with rows: the exponent b of a · rows^b, with an interval.

Least squares on the logarithms of the medians of each size. The interval is a bootstrap over runs
within sizes, so it covers how runs differ and not how a curve bends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.results import Row

DRAWS = 1000
SEED = 20
LARGE = 1_000_000
"""Sizes from here on count where there are at least two of them: fixed costs matter below."""


@dataclass(frozen=True, kw_only=True)
class Law:
    """A fitted exponent."""

    workload: str
    """Its workload."""
    case: str
    """Its case."""
    parameters: str
    """Its parameters, rows aside."""
    of: str
    """`time` or `memory`."""
    sizes: tuple[int, ...]
    """Rows that it was fitted on."""
    exponent: float
    """b."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end."""


def laws(rows: Iterable[Row]) -> list[Law]:
    """One law of time and one of memory per case that ran at two sizes at least."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.own is not None and row.warm:
            groups.setdefault((row.workload, row.case, parameters_of(row)), []).append(row)
    found = []
    for (workload, case, parameters), members in groups.items():
        large = [row for row in members if row.rows >= LARGE]
        chosen = sorted(large if len(large) > 1 else members, key=lambda row: row.rows)
        if len({row.rows for row in chosen}) < 2:  # noqa: PLR2004 - a line has two ends
            continue
        sizes = tuple(row.rows for row in chosen)
        for of, runs in (("time", _seconds(chosen)), ("memory", _bytes(chosen))):
            if all(min(each) > 0 for each in runs):
                exponent, low, high = fit(sizes, runs)
                found.append(
                    Law(
                        workload=workload,
                        case=case,
                        parameters=parameters,
                        of=of,
                        sizes=sizes,
                        exponent=exponent,
                        low=low,
                        high=high,
                    )
                )
    return found


def fit(sizes: Sequence[int], runs: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The exponent and its 95 % interval.

    Args:
        sizes: rows, at least two different numbers.
        runs: per size, what every run took.
    """
    rng = np.random.default_rng(SEED)
    across = np.log(np.array(sizes, dtype=float))
    middle = float(_slope(across, np.array([[np.median(each) for each in runs]]))[0])
    drawn = [np.median(rng.choice(each, (DRAWS, len(each))), axis=1) for each in runs]
    slopes = _slope(across, np.column_stack(drawn))
    low, high = np.quantile(slopes, [0.025, 0.975])
    return middle, float(low), float(high)


def _slope(across: np.ndarray, medians: np.ndarray) -> np.ndarray:
    centred = across - across.mean()
    slopes: np.ndarray = np.log(medians) @ centred / (centred @ centred)
    return slopes


def parameters_of(row: Row) -> str:
    """Parameters, threads and memory in words."""
    named = [f"{name} {value}" for name, value in row.parameters.items()]
    return ", ".join([*named, f"{row.threads} threads"])


def _seconds(rows: Sequence[Row]) -> list[tuple[float, ...]]:
    return [row.own.seconds for row in rows if row.own is not None]


def _bytes(rows: Sequence[Row]) -> list[tuple[float, ...]]:
    return [(float(row.own.peak_bytes),) for row in rows if row.own is not None]
