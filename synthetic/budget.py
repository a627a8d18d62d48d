"""The privacy budget of counting margins: what may be asked for, what it costs, how much noise.

Zero-concentrated privacy (Bun and Steinke 2016), of which an (ε, δ) gives so much as `rho_of` says.
"""

import numpy as np

from minimisation import PrivacyLoss, UseCase
from minimisation.statistics.noise import MARGIN, check_budget
from synthetic import counting


def check_gaussian(epsilon: float, delta: float) -> None:
    """Refuse a budget that Gaussian noise cannot keep.

    Raises:
        ValueError: naming the figure and the rule.
    """
    check_budget(epsilon, delta)
    if delta == 0:
        raise ValueError("delta (0) must be above 0 for Gaussian noise; 1e-6 is usual")


def loss_of(use_case: UseCase, epsilon: float, delta: float, mechanism: str) -> PrivacyLoss:
    """What counting margins of one force's people costs once."""
    return PrivacyLoss(
        epsilon=epsilon,
        delta=delta,
        unit=use_case.unit,
        bounds=(("rows", counting.rows_per_unit(use_case)),),
        forces=1,
        mechanism=mechanism,
    )


def noise_scale(rho: float, cliques: int, most: int) -> float:
    """Scale of Gaussian noise on so many margins, to each of which a unit adds `most` rows.

    All rows of a unit may fall into one cell, so the L2 sensitivity is most × √cliques.
    """
    return most * float(np.sqrt(cliques / (2 * rho))) * MARGIN
