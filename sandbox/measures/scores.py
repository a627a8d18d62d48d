"""Scores of a risk model, on public bins so that their histograms add up across forces."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit, logit

from minimisation import LinearModel, RiskModel, TreeModel

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BINS = 2048
"""Bins of a score; 0.012 wide on the log-odds scale."""

WIDEST = 12.0
"""Log-odds beyond ±this fall in the end bins."""


def score(model: RiskModel, rows: pa.Table) -> Array:
    """Score of every row: a probability, or points on the scale of `points_range`. Shape (n,)."""
    if isinstance(model, TreeModel):
        chance: Array = expit(model.log_odds(model.encoding.encode(rows)))
        return chance
    linear: Array = model.intercept + model.encoding.encode(rows) @ np.array(model.weights)
    return expit(linear) if model.link == "logit" else linear


def as_probability(model: RiskModel, scores: Array) -> Array:
    """Scores as numbers in [0, 1]: points are placed on their public range. Shape (n,)."""
    if isinstance(model, TreeModel) or model.link == "logit":
        return scores
    low, high = points_range(model)
    return np.clip((scores - low) / (high - low), 0.0, 1.0)


def points_range(model: LinearModel) -> tuple[float, float]:
    """Fewest and most points that the rule can give, from its weights alone."""
    weights = np.array(model.weights)
    low = model.intercept + float(weights[weights < 0].sum())
    high = model.intercept + float(weights[weights > 0].sum())
    return low, high if high > low else low + 1.0


def bins(model: RiskModel, scores: Array) -> Integers:
    """Bin of every score, rising with it. Shape (n,), in [0, BINS)."""
    if model.link == "logit":
        with np.errstate(divide="ignore"):
            place = (logit(scores) + WIDEST) / (2 * WIDEST)
    else:
        place = as_probability(model, scores)
    whole: Integers = np.clip(np.floor(place * BINS), 0, BINS - 1).astype(np.int64)
    return whole


def bin_probabilities() -> Array:
    """Probability in the middle of every bin of a logit score. Shape (BINS,)."""
    middle: Array = expit((np.arange(BINS) + 0.5) / BINS * 2 * WIDEST - WIDEST)
    return middle
