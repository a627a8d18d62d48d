"""Shared by the tests of federated learning: a step whose sums can be checked by hand."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from federated.layout import NO_NUMBERS, Layout, Values
from minimisation import Payload, Premises, UseCase


@dataclass(frozen=True, kw_only=True)
class TwoCounts:
    """How many people there are, and how many of them it happened to."""

    name: ClassVar[str] = "two-counts"

    def takes(self, use_case: UseCase) -> Layout:
        del use_case
        return NO_NUMBERS

    def gives(self, use_case: UseCase) -> Layout:
        del use_case
        return Layout(arrays=(("counts", (2,)),))

    def bounds(self, use_case: UseCase) -> Values:
        del use_case
        return {"counts": [1.0, 1.0]}

    def sends(self, use_case: UseCase) -> Payload:
        return self.gives(use_case).promise(low=0.0, high=1e9)

    def run(self, premises: Premises) -> pa.Table:
        counted = premises.query("select count(*) as n, sum(outcome) as k from people")
        values = np.array([counted["n"][0].as_py(), counted["k"][0].as_py()], dtype=float)
        return self.gives(premises.use_case).table({"counts": values})


@pytest.fixture(scope="session")
def two_counts() -> TwoCounts:
    return TwoCounts()
