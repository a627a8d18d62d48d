"""The only file that imports SDV; it holds the engine's traps at bay.

SDV 2.0 samples with a fixed seed unless its private state is set, seeds NumPy's global generator
(so two threads would share it), and writes a configuration file under the user's home when it is
imported. Patki, Wedge and Veeramachaneni 2016, The Synthetic Data Vault.
"""

import importlib.util
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal, TypeAlias
from unittest import mock

import numpy as np
import numpy.typing as npt

from minimisation import MissingEngineError
from synthetic.margins import Codes

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
    with _one_at_a_time, _quiet_home():
        return _fit_and_sample(scores, rows, seed)


Network: TypeAlias = Literal["CTGAN", "TVAE"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained."""

    network: Network
    """Which one."""
    seed: int
    """Seed of the training and the sample."""
    epochs: int
    """Passes over the data."""
    seconds: float
    """No further pass begins after this long; the first always does."""


@dataclass
class Clock:
    """Stands in for the progress bar of a training loop, and ends the loop in time."""

    seconds: float
    """How long passes may begin."""
    stopped: bool = False
    """Whether a pass was left out."""

    def __call__(self, epochs: range, **_: object) -> Iterator[int]:
        """The passes that begin in time."""
        ends = time.monotonic() + self.seconds
        for epoch in epochs:
            if epoch > 0 and time.monotonic() >= ends:
                self.stopped = True
                return
            yield epoch


def trained(
    codes: Sequence[Codes], labels: Sequence[bool], rows: int, training: Training
) -> tuple[list[Codes], bool]:
    """Train SDV's CTGAN or TVAE on cell numbers and sample it (Xu and others 2019).

    Args:
        codes: (n,) cell numbers of every column, n ≥ 2.
        labels: for every column, whether its cells have no order.
        rows: how many rows to sample.
        training: which network, seed, length and time.

    Returns:
        (rows,) cell numbers of every column, all of them seen in training, and whether training
        was stopped by its time.

    Raises:
        MissingEngineError: if SDV or PyTorch is not installed.
    """
    require()
    if importlib.util.find_spec("torch") is None:
        raise MissingEngineError(
            "torch must be installed: pip install 'minimisation-sandbox[synthetic]'"
        )
    with _one_at_a_time, _quiet_home():
        return _train_and_sample(codes, labels, rows, training)


def _train_and_sample(
    codes: Sequence[Codes], labels: Sequence[bool], rows: int, training: Training
) -> tuple[list[Codes], bool]:
    import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used
    import torch  # noqa: PLC0415 - as above
    from sdv import single_table  # noqa: PLC0415 - as above

    kinds = ["categorical" if label else "numerical" for label in labels]
    metadata = _metadata(kinds)
    frame = pd.DataFrame(
        {
            f"c{place}": code.astype(str) if label else code.astype(np.float64)
            for place, (code, label) in enumerate(zip(codes, labels, strict=True))
        }
    )
    synthesizer = getattr(single_table, f"{training.network}Synthesizer")
    engine = synthesizer(metadata, epochs=training.epochs, enable_gpu=False)
    clock = Clock(seconds=training.seconds)
    threads = torch.get_num_threads()
    # layers this small take ten times as long on two threads, which wait for each other busily
    torch.set_num_threads(1)
    before = np.random.get_state()  # noqa: NPY002 - it draws from the global generators
    np.random.seed(training.seed % 2**32)  # noqa: NPY002 - as above
    try:
        with (
            torch.random.fork_rng(devices=[]),
            warnings.catch_warnings(),
            mock.patch(f"ctgan.synthesizers.{training.network.lower()}.tqdm", clock),
        ):
            # advice on quality, and internals of PyTorch and pandas that nobody here can act on
            warnings.simplefilter("ignore")
            torch.manual_seed(training.seed)
            engine.fit({"rows": frame})
            engine._set_random_state(training.seed)  # noqa: SLF001 - sample() repeats itself
            sampled = engine.sample(rows)["rows"]
    finally:
        torch.set_num_threads(threads)
        np.random.set_state(before)  # noqa: NPY002 - as above
    made = [sampled[f"c{place}"].astype(np.float64).to_numpy() for place in range(len(codes))]
    inside = [
        np.clip(np.rint(column), code.min(), code.max()).astype(np.int64)
        for column, code in zip(made, codes, strict=True)
    ]
    return inside, clock.stopped


@dataclass(frozen=True, kw_only=True)
class Family:
    """Persons and their events as normal scores."""

    persons: Scores
    """(n, p) scores of persons, p ≥ 0."""
    events: Scores
    """(m, e) scores of events, e ≥ 0."""
    owner: npt.NDArray[np.int64]
    """(m,) position of the person of every event."""


class _TimeIsUpError(Exception):
    """Ends a fit or a sample from within."""


def hierarchical(seen: Family, seed: int, seconds: float) -> Family | None:
    """Fit SDV's HMA to persons and their events, and sample as many of both.

    Args:
        seen: n ≥ 2 persons, each with an event.
        seed: seed of the sample; the fit itself draws nothing.
        seconds: fit and sample are given up after this long.

    Returns:
        Scores of n persons and their events, with owners counted from 0; None if time was up.

    Raises:
        MissingEngineError: if SDV is not installed.
    """
    require()
    with _one_at_a_time, _quiet_home(), warnings.catch_warnings():
        # advice on quality, and internals of pandas that nobody here can act on
        warnings.simplefilter("ignore")
        try:
            # HMA models no table without a column
            bare = np.zeros((len(seen.owner), 1))
            padded = seen if seen.events.size else replace(seen, events=bare)
            drawn = _fit_and_sample_family(padded, seed, time.monotonic() + seconds)
            return replace(drawn, events=drawn.events[:, : seen.events.shape[1]])
        except _TimeIsUpError:
            return None


def _fit_and_sample_family(seen: Family, seed: int, ends: float) -> Family:
    import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used
    from sdv.multi_table import HMASynthesizer  # noqa: PLC0415 - as above

    def in_time(values: Iterable[Any], **_: object) -> Iterator[Any]:
        for value in values:
            if time.monotonic() >= ends:
                raise _TimeIsUpError
            yield value

    tables = {
        "persons": pd.DataFrame(seen.persons).add_prefix("p"),
        "events": pd.DataFrame(seen.events).add_prefix("e"),
    }
    engine = HMASynthesizer(_family_metadata(seen), verbose=False)
    for name in tables:
        shape = {"enforce_min_max_values": False, "enforce_rounding": False}
        engine.set_table_parameters(name, {"default_distribution": "norm"} | shape)
    tables["persons"]["key"] = np.arange(len(seen.persons))
    tables["events"]["owner"] = seen.owner
    recreate = engine._recreate_child_synthesizer  # noqa: SLF001 - called once a person sampled

    def recreate_in_time(*given: Any) -> Any:  # noqa: ANN401 - SDV is untyped
        next(in_time([None]))
        return recreate(*given)

    engine._recreate_child_synthesizer = recreate_in_time  # noqa: SLF001 - as above
    with mock.patch("sdv.multi_table.hma.tqdm", in_time):
        engine.fit(tables)
    engine._numpy_seed = seed  # noqa: SLF001 - no public way; sample() repeats itself without
    for each in engine._table_synthesizers.values():  # noqa: SLF001 - as above
        each._set_random_state(seed)  # noqa: SLF001 - as above
    drawn = engine.sample(len(seen.persons), "persons")
    # the engine's own keys are counted anew
    owner = pd.Index(drawn["persons"]["key"]).get_indexer(drawn["events"]["owner"])
    order = np.argsort(owner, kind="stable")
    parts = (drawn["persons"].drop(columns="key"), drawn["events"].drop(columns="owner"))
    persons, events = (part.to_numpy(dtype=np.float64) for part in parts)
    return Family(persons=persons, events=events[order], owner=owner[order])


def _family_metadata(seen: Family) -> Any:  # noqa: ANN401 - SDV is untyped
    from sdv.metadata import Metadata  # noqa: PLC0415 - the engine is loaded only when used

    numbers = {"sdtype": "numerical"}
    persons = {f"p{place}": numbers for place in range(seen.persons.shape[1])}
    events = {f"e{place}": numbers for place in range(seen.events.shape[1])}
    relationship = {
        "parent_table_name": "persons",
        "parent_primary_key": "key",
        "child_table_name": "events",
        "child_foreign_key": "owner",
    }
    return Metadata.load_from_dict(
        {
            "tables": {
                "persons": {"primary_key": "key", "columns": {"key": {"sdtype": "id"}} | persons},
                "events": {"columns": {"owner": {"sdtype": "id"}} | events},
            },
            "relationships": [relationship],
            "METADATA_SPEC_VERSION": "V1",
        }
    )


def _metadata(kinds: Sequence[str]) -> Any:  # noqa: ANN401 - SDV is untyped
    from sdv.metadata import Metadata  # noqa: PLC0415 - the engine is loaded only when used

    columns = {f"c{place}": {"sdtype": kind} for place, kind in enumerate(kinds)}
    return Metadata.load_from_dict(
        {"tables": {"rows": {"columns": columns}}, "METADATA_SPEC_VERSION": "V1"}
    )


@contextmanager
def _quiet_home() -> Iterator[None]:
    """Import SDV while its place for a configuration file is a folder that goes away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("platformdirs.user_data_dir", return_value=folder),
    ):
        import sdv.single_table  # noqa: F401, PLC0415 - it writes the file when it is imported

        yield


def _fit_and_sample(scores: Scores, rows: int, seed: int) -> Scores:
    import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used
    from sdv.single_table import GaussianCopulaSynthesizer  # noqa: PLC0415 - as above

    names = [f"c{place}" for place in range(scores.shape[1])]
    engine = GaussianCopulaSynthesizer(
        _metadata(["numerical"] * len(names)),
        enforce_min_max_values=False,
        enforce_rounding=False,
        default_distribution="norm",
    )
    engine.fit({"rows": pd.DataFrame(scores, columns=names)})
    engine._set_random_state(seed)  # noqa: SLF001 - no public way; sample() repeats itself without
    sampled = engine.sample(rows)["rows"]
    result: Scores = sampled[names].to_numpy(dtype=np.float64)
    return result
