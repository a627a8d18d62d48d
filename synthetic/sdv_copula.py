"""SDV's Gaussian copula on normal scores. Nelsen 2006, An Introduction to Copulas, chapter 5."""

import numpy as np

from synthetic import sdv_engine
from synthetic.sdv_engine import Scores


def gaussian_copula(scores: Scores, rows: int, seed: int) -> Scores:
    """Fit SDV's Gaussian copula to normal scores and sample it; nothing fitted outlives the call.

    Args:
        scores: (n, d) normal scores of n ≥ 2 people, each column with mean 0 and variance 1 or 0.
        rows: how many rows to sample.
        seed: seed of the sample; the fit itself draws nothing.

    Returns:
        (rows, d) normal scores.

    Raises:
        MissingEngineError: if SDV is not installed.
    """
    names = [f"c{place}" for place in range(scores.shape[1])]
    with sdv_engine.engine() as sdv:
        import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used

        engine = sdv.single_table.GaussianCopulaSynthesizer(
            sdv_engine.one_table(sdv, ["numerical"] * len(names)),
            enforce_min_max_values=False,
            enforce_rounding=False,
            default_distribution="norm",
        )
        engine.fit({"rows": pd.DataFrame(scores, columns=names)})
        engine._set_random_state(seed)  # noqa: SLF001 - no public way; sample() repeats without
        sampled = engine.sample(rows)["rows"]
    result: Scores = sampled[names].to_numpy(dtype=np.float64)
    return result
