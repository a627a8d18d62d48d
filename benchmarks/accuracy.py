"""How wrong released figures are, alike for every peer; needs the standard library only."""

import math
from collections.abc import Mapping
from typing import Any


def error(exact: Mapping[Any, float], released: Mapping[Any, float]) -> float:
    """Root mean square error over all exact groups; a group that was not released counts as 0."""
    squares = [(released.get(group, 0.0) - value) ** 2 for group, value in exact.items()]
    return math.sqrt(sum(squares) / max(1, len(squares)))
