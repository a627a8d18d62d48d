"""Private choice of the worst-fitted margin: report-noisy-max with Gumbel noise, by OpenDP.

It is the exponential mechanism; a scale of s × sensitivity costs 1 / (2 s²) of zero-concentrated
privacy. McSherry and Talwar 2007; Cesar and Rogers 2021, Bounding, Concentrating and Truncating.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from minimisation import SandboxError
from minimisation.statistics.noise import MARGIN
from synthetic.margins import Codes


def scale_for(rho: float, sensitivity: int) -> float:
    """Scale at which one choice costs rho, for integer scores that a unit changes by so much."""
    return sensitivity / math.sqrt(2 * rho) * MARGIN


def choose(scores: Codes, scale: float) -> int:
    """Position of about the largest of the integer scores.

    Raises:
        SandboxError: if the choice fails; the message never contains a score.
    """
    dp = _opendp()
    try:
        return int(_chooser(scale)(scores.tolist()))
    except (dp.OpenDPException, ValueError, TypeError, OverflowError):
        # the original message may print the scores
        raise SandboxError("margin could not be chosen; nothing was released") from None


def cost(scale: float, sensitivity: int) -> float:
    """OpenDP's own figure for one choice, in rho."""
    return float(_chooser(scale).map(sensitivity))


@cache
def _chooser(scale: float) -> Any:  # noqa: ANN401 - OpenDP's measurements are untyped
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.linf_distance(T="i64")
    return dp.m.make_noisy_max(*space, dp.zero_concentrated_divergence(), scale=scale)


@cache
def _opendp() -> Any:  # noqa: ANN401 - OpenDP's prelude is untyped
    import opendp.prelude as dp  # noqa: PLC0415 - takes 2.5 s, paid only where it is used

    dp.enable_features("contrib")
    return dp


def gaps(exact: Codes, expected: np.ndarray) -> int:
    """L1 distance of exact counts from an expectation that depends on released figures only.

    The expectation is rounded first, so that the distance is an exact integer and one row more or
    less changes it by exactly one at most.
    """
    return int(np.abs(exact - np.rint(expected).astype(np.int64)).sum())
