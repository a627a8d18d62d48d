"""One turn of a private training at all forces, as the tests of it ask for one."""

from dataclasses import replace
from typing import Any

import numpy as np

from federated.accounting import Rounds
from federated.private_gradients import PrivateGradients
from minimisation import Forces

Floats = np.ndarray[Any, np.dtype[np.float64]]
PLAN = Rounds(rounds=4, noise=3.0, delta=1e-6)


def ask(forces: Forces, turn: int, number: str = "a", **changed: Any) -> list[Floats]:  # noqa: ANN401
    """One turn at all forces; what each sent."""
    case = forces.use_case
    step = replace(PrivateGradients(plan=PLAN, turn=turn, clip=2.0, number=number), **changed)
    size = step.takes(case).size - 1
    inputs = step.takes(case).table({"coefficients": np.zeros(size), "server-round": turn})
    sent = forces.ask(step, inputs=inputs).complete()
    return [step.gives(case).values(table)["coefficients"] for table in sent.values()]
