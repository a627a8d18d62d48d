"""SDV's CTGAN and TVAE, trained on cell numbers for a limited time.

Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019, Modeling Tabular Data using Conditional
GAN.
"""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from unittest import mock

import numpy as np

from synthetic import sdv_engine
from synthetic.margins import Codes

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
    """Train a network on cell numbers and sample it.

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
    sdv_engine.require()
    sdv_engine.require("torch")
    kinds = ["categorical" if label else "numerical" for label in labels]
    clock = Clock(seconds=training.seconds)
    with sdv_engine.engine() as sdv:
        synthesizer = getattr(sdv.single_table, f"{training.network}Synthesizer")
        metadata = sdv_engine.one_table(sdv, kinds)
        engine = synthesizer(metadata, epochs=training.epochs, enable_gpu=False)
        loop = f"ctgan.synthesizers.{training.network.lower()}.tqdm"
        with _alone_and_seeded(training.seed), mock.patch(loop, clock):
            engine.fit({"rows": _frame(codes, labels)})
            engine._set_random_state(training.seed)  # noqa: SLF001 - sample() repeats itself
            sampled = engine.sample(rows)["rows"]
    made = [sampled[f"c{place}"].astype(np.float64).to_numpy() for place in range(len(codes))]
    inside = [
        np.clip(np.rint(column), code.min(), code.max()).astype(np.int64)
        for column, code in zip(made, codes, strict=True)
    ]
    return inside, clock.stopped


def _frame(codes: Sequence[Codes], labels: Sequence[bool]) -> Any:  # noqa: ANN401 - pandas is untyped
    import pandas as pd  # noqa: PLC0415 - the engine is loaded only when it is used

    return pd.DataFrame(
        {
            f"c{place}": code.astype(str) if label else code.astype(np.float64)
            for place, (code, label) in enumerate(zip(codes, labels, strict=True))
        }
    )


@contextmanager
def _alone_and_seeded(seed: int) -> Iterator[None]:
    """PyTorch on one thread, with the global generators seeded; all is as before afterwards."""
    import torch  # noqa: PLC0415 - the engine is loaded only when it is used

    threads = torch.get_num_threads()
    # layers this small take ten times as long on two threads, which wait for each other busily
    torch.set_num_threads(1)
    before = np.random.get_state()  # noqa: NPY002 - it draws from the global generators
    np.random.seed(seed % 2**32)  # noqa: NPY002 - as above
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # advice on quality, and internals of PyTorch and pandas that nobody here can act on
            warnings.simplefilter("ignore")
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
        np.random.set_state(before)  # noqa: NPY002 - as above
