"""The privacy loss of a release, stated so that nobody has to ask what is meant.

Neighbours differ by all rows of one unit added or removed. Epsilon and delta are those of
(epsilon, delta)-differential privacy (Dwork and Roth 2014, definition 2.4).
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["person", "record"]


@dataclass(frozen=True, kw_only=True)
class PrivacyLoss:
    """What one release costs a person, if this release alone is made."""

    epsilon: float
    """Loss to one force's data: the largest figure over the forces that took part."""
    delta: float
    """Probability with which the epsilon bound may fail."""
    unit: Unit
    """Who is protected: a person, or only a record where the source has no person id."""
    bounds: tuple[tuple[str, int], ...]
    """Contribution bounds enforced, such as (('groups', 3), ('rows', 2)), in force order."""
    forces: int
    """How many forces took part, so the most a person known to all of them can lose."""
    mechanism: str
    """The mechanism and its noise scale in words."""
    neighbours: str = "add or remove all rows of one unit"
    """Neighbour relation."""
    rho: float | None = None
    """Zero-concentrated loss, where that is the guarantee that (epsilon, delta) is derived from."""

    def __post_init__(self) -> None:
        """Refuse a loss that is not a positive finite number.

        Raises:
            ValueError: naming the figure and the rule.
        """
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise ValueError(f"epsilon ({self.epsilon}) must be a positive finite number")
        if not 0 <= self.delta < 1:
            raise ValueError(f"delta ({self.delta}) must be in [0, 1)")
        if self.rho is not None and not (math.isfinite(self.rho) and self.rho > 0):
            raise ValueError(f"rho ({self.rho}) must be a positive finite number")

    @property
    def epsilon_everywhere(self) -> float:
        """Loss of a person whose rows are held by every participating force."""
        return self.epsilon * self.forces

    @property
    def delta_everywhere(self) -> float:
        """Delta of a person whose rows are held by every participating force."""
        return min(self.delta * self.forces, 1.0)
