"""The only file that imports SDV; it holds the engine's traps at bay.

SDV 2.0 samples with a fixed seed unless its private state is set, seeds NumPy's global generator
(so two threads would share it), and writes a configuration file under the user's home when it is
imported. Patki, Wedge and Veeramachaneni 2016, The Synthetic Data Vault.
"""

import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from minimisation import MissingEngineError

Scores = npt.NDArray[np.float64]
"""Normal scores, a column each."""

_one_at_a_time = Lock()
"""SDV draws from NumPy's global generator: forces that run in threads take turns."""


def require(package: str = "sdv") -> None:
    """Check that the engine, or what it trains networks with, is installed; without importing it.

    Raises:
        MissingEngineError: naming the extra that brings it.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingEngineError(
            f"{package} must be installed: pip install 'minimisation-sandbox[synthetic]'"
        )


@contextmanager
def engine() -> Iterator[Any]:
    """SDV, for one caller at a time; its place for a configuration file is a folder that goes away.

    Raises:
        MissingEngineError: if it is not installed.
    """
    require()
    with (
        _one_at_a_time,
        tempfile.TemporaryDirectory() as folder,
        mock.patch("platformdirs.user_data_dir", return_value=folder),
    ):
        import sdv  # noqa: PLC0415 - it writes the file when it is imported

        yield sdv


def one_table(sdv: Any, kinds: Sequence[str]) -> Any:  # noqa: ANN401 - SDV is untyped
    """Metadata of a table `rows` with columns `c0, c1 …`, each of a kind of SDV's.

    No range, label or name of the data's enters it.
    """
    columns = {f"c{place}": {"sdtype": kind} for place, kind in enumerate(kinds)}
    return sdv.metadata.Metadata.load_from_dict(
        {"tables": {"rows": {"columns": columns}}, "METADATA_SPEC_VERSION": "V1"}
    )
