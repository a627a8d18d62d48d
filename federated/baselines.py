"""What federated learning is compared with: averaging in its forms, on any division of people.

Pure functions over ways to train; where people are is up to the caller, so that the same code runs
on forces that never meet and on a control whose people were dealt out evenly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from federated.averaging import LocalEpochs
from federated.design import Array, People


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What one part sends back in a round."""

    coefficients: Array
    """(d + 1,) intercept first."""
    people: int
    """How many people they were trained on."""


Train: TypeAlias = Callable[[Array, int], Sequence[Trained]]
"""Given the shared coefficients and the round's number, what every part made of them."""


def mean(trained: Sequence[Trained], *, weighted: bool) -> Array:
    """The mean of the parts' coefficients, by people or with every part alike.

    Parts without people do not count.

    Raises:
        ValueError: if no part has people.
    """
    counted = [each for each in trained if each.people]
    if not counted:
        raise ValueError("trained must hold a part with people")
    weights = [each.people if weighted else 1 for each in counted]
    found: Array = np.average([each.coefficients for each in counted], axis=0, weights=weights)
    return found


def averaged(train: Train, size: int, rounds: int, *, weighted: bool) -> Array:
    """Federated averaging (McMahan et al. 2017) from zero.

    Args:
        train: how all parts train in a round.
        size: number of coefficients, intercept included.
        rounds: how many rounds.
        weighted: whether a part counts by its people, or all parts alike.
    """
    shared = np.zeros(size)
    for turn in range(1, rounds + 1):
        shared = mean(train(shared, turn), weighted=weighted)
    return shared


def training(step: LocalEpochs, parts: Sequence[People]) -> Train:
    """Training of parts that are at hand, as each force trains its own people."""

    def train(shared: Array, turn: int) -> list[Trained]:
        made = []
        for place, part in enumerate(parts):
            rng = np.random.default_rng([step.seed, turn, place])
            found = step.descend(part.features, part.outcome, shared, rng)
            made.append(Trained(coefficients=found, people=len(part.outcome)))
        return made

    return train


def dealt(parts: Sequence[People], rng: np.random.Generator) -> list[People]:
    """The same people in parts of the same sizes, dealt out at random: alike but for chance."""
    features = np.concatenate([part.features for part in parts])
    outcome = np.concatenate([part.outcome for part in parts])
    order, ends = rng.permutation(len(outcome)), np.cumsum([len(part.outcome) for part in parts])
    return [
        People(features=features[rows], outcome=outcome[rows], unit=np.arange(len(rows)))
        for rows in np.split(order, ends[:-1])
    ]
