"""The only file that imports SDV; it holds the engine's traps at bay.

SDV 2.0 samples with a fixed seed unless its private state is set, seeds NumPy's global generator
(so two threads would share it), and writes a configuration file under the user's home when it is
imported. Patki, Wedge and Veeramachaneni 2016, The Synthetic Data Vault.
"""

import importlib.util
import tempfile
from threading import Lock
from unittest import mock

import numpy as np
import numpy.typing as npt

from minimisation import MissingEngineError

Scores = npt.NDArray[np.float64]

_one_at_a_time = Lock()
"""SDV draws from NumPy's global generator: forces that run in threads take turns."""


def require() -> None:
    """Check that the engine is installed, without importing it.

    Raises:
        MissingEngineError: naming the extra that brings it.
    """
    if importlib.util.find_spec("sdv") is None:
        raise MissingEngineError(
            "sdv must be installed: pip install 'minimisation-sandbox[synthetic]'"
        )


def gaussian_copula(scores: Scores, rows: int, seed: int) -> Scores:
    """Fit SDV's Gaussian copula to normal scores and sample it.

    The metadata names anonymous numeric columns only, so no range, label or column name of the
    data enters it. Nothing fitted outlives the call.

    Args:
        scores: (n, d) normal scores of n ≥ 2 people, each column with mean 0 and variance 1 or 0.
        rows: how many rows to sample.
        seed: seed of the sample; the fit itself draws nothing.

    Returns:
        (rows, d) normal scores.

    Raises:
        MissingEngineError: if SDV is not installed.
    """
    require()
    with _one_at_a_time:
        return _fit_and_sample(scores, rows, seed)


def _fit_and_sample(scores: Scores, rows: int, seed: int) -> Scores:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("platformdirs.user_data_dir", return_value=folder),
    ):
        import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used
        from sdv.metadata import Metadata  # noqa: PLC0415 - as above
        from sdv.single_table import GaussianCopulaSynthesizer  # noqa: PLC0415 - as above

    names = [f"c{index}" for index in range(scores.shape[1])]
    columns = {name: {"sdtype": "numerical"} for name in names}
    metadata = Metadata.load_from_dict(
        {"tables": {"rows": {"columns": columns}}, "METADATA_SPEC_VERSION": "V1"}
    )
    engine = GaussianCopulaSynthesizer(
        metadata,
        enforce_min_max_values=False,
        enforce_rounding=False,
        default_distribution="norm",
    )
    engine.fit({"rows": pd.DataFrame(scores, columns=names)})
    engine._set_random_state(seed)  # noqa: SLF001 - no public way; sample() repeats itself without
    sampled = engine.sample(rows)["rows"]
    result: Scores = sampled[names].to_numpy(dtype=np.float64)
    return result
