"""How far all pairs of columns of made records are from the real: mean total variation."""

import importlib
from itertools import combinations
from typing import Any

SIZES = (20, 2, 7, 9, 3, 3, 13, 11, 7, 2)
"""Labels of the ten columns, numbered from 0."""
NAMES = tuple(f"c{place}" for place in range(len(SIZES)))


def apart(real: Any, made: Any) -> float:  # noqa: ANN401 - Arrow tables
    """Mean over pairs; rows with a missing value are left out."""
    np = importlib.import_module("numpy")
    found = []
    for pair in combinations(range(len(NAMES)), 2):
        one, other = _shares(real, pair), _shares(made, pair)
        found.append(float(np.abs(one - other).sum()) / 2)
    return round(float(np.mean(found)), 4)


def _shares(table: Any, pair: tuple[int, int]) -> Any:  # noqa: ANN401 - as above
    np, pa = importlib.import_module("numpy"), importlib.import_module("pyarrow")
    known = table.select([NAMES[place] for place in pair]).drop_null()
    one, other = (np.asarray(known.column(place).cast(pa.int64())) for place in (0, 1))
    cells = SIZES[pair[0]] * SIZES[pair[1]]
    counts = np.bincount(one * SIZES[pair[1]] + other, minlength=cells)
    return counts / max(1, counts.sum())
