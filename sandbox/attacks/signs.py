"""Signs of membership: what a world tells of every person, as numbers that a shadow attack reads.

*Release*: how near the released rows are, and how many agree on random parts of the record (Meeus
and others, "Achilles' heels", 2023, after Houssiau and others, TAPAS, 2022); the figures of the
person's cell; how well a model explains the person's outcome. *Trajectory*: the same of the shared
model as it was before each round (Liu and others, "Membership inference attacks by exploiting loss
trajectory", CCS 2022). *Updates*: how far what the person's force sent goes the person's way; where
only a sum over all forces is seen, that sum's (Nasr, Shokri and Houmansadr, IEEE S&P 2019).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.spatial.distance import cdist
from scipy.special import expit

from federated import masks
from federated.design import encoding_of
from federated.layout import COLUMN
from federated.newton import COEFFICIENTS
from federated.secure_sum import MASKED, SEED, MaskedSums, RevealMask, unmask
from minimisation import (
    BinaryOutcome,
    GroupedStatistics,
    Held,
    Microdata,
    Statistics,
    UseCase,
    groups,
)
from minimisation.contract.encoding import numbers
from minimisation.contract.usecase import FORCE
from sandbox.attacks import guesses
from sandbox.attacks.attack import Array
from sandbox.attacks.attribute_inference import laid, of_force
from sandbox.attacks.cells import Crowd
from sandbox.attacks.membership import common, likely
from sandbox.attacks.worlds import Heard, World

PARTS = 24
"""Random parts of a record on which agreeing rows are counted."""

TURNS = 6
"""Rounds of a training that are looked at, evenly spread over all."""

Signs = Callable[[World, UseCase, pa.Table, str], Array]
"""Signs of n people of one force in a world, shape (n, d); no columns if there are none."""


def of_release(world: World, use_case: UseCase, people: pa.Table, force: str) -> Array:
    """Signs that the release gives. Shape (n, d).

    Args:
        world: what was released.
        use_case: the use case.
        people: n people, one record each.
        force: whose they are.
    """
    artefact = world.artefact
    if isinstance(artefact, Microdata):
        return _of_rows(of_force(artefact.table, force), use_case, people)
    if isinstance(artefact, Statistics):
        return _of_table(artefact, use_case, people, force)
    if isinstance(artefact, Held) or not isinstance(use_case.question, BinaryOutcome):
        return np.zeros((people.num_rows, 0))
    known = np.abs(_ways(use_case, people))
    return (known * likely(artefact, use_case, people))[:, None]


def _of_rows(rows: pa.Table, use_case: UseCase, people: pa.Table) -> Array:
    size, encoding = people.num_rows, common(use_case, rows)
    names = [column.name for column in encoding.columns]
    if not names:
        return np.zeros((size, 0))
    if rows.num_rows == 0:
        return np.zeros((size, PARTS + 3))
    crowd = Crowd(people.select(names))
    agree = {name: crowd.fits(rows, [name]) for name in names}
    rng = np.random.default_rng(len(names))
    parts = [names] + [
        list(rng.choice(names, rng.integers(min(2, len(names)), len(names) + 1), replace=False))
        for _ in range(PARTS - 1)
    ]
    counts = [np.logical_and.reduce([agree[name] for name in part]).sum(axis=1) for part in parts]
    apart = cdist(encoding.encode(people), encoding.encode(rows), "cityblock")
    nearest = np.partition(apart, min(2, rows.num_rows - 1), axis=1)
    near = (-nearest[:, 0], -nearest[:, : min(3, rows.num_rows)].mean(axis=1))
    identified = np.zeros(size)
    for name in use_case.identifiers:
        if name in rows.column_names:
            seen = set(rows.column(name).to_pylist())
            identified += [value in seen for value in people.column(name).to_pylist()]
    return np.column_stack([*near, identified, *(np.log1p(each) for each in counts)])


def _of_table(released: Statistics, use_case: UseCase, people: pa.Table, force: str) -> Array:
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        return np.zeros((people.num_rows, 0))
    table = of_force(released.table, force) if FORCE in question.by else released.table
    keys = [key for key in question.by if key != FORCE]
    shape = [len(groups.key_labels(use_case, key)) for key in keys]
    place = tuple(guesses.codes(use_case.column(key), people) for key in keys)
    elsewhere = np.any([each < 0 for each in place], axis=0)
    signs = []
    for asked in question.statistics:
        if asked.name not in table.column_names:
            continue
        figure = np.nan_to_num(laid(table, use_case, keys, asked.name).reshape(shape)[place])
        if asked.column:
            own = numbers(people.column(asked.column).combine_chunks())
            figure = figure * np.nan_to_num(own - np.nanmean(own))
        signs.append(np.where(elsewhere, 0.0, figure))
    return np.column_stack(signs) if signs else np.zeros((people.num_rows, 0))


def of_trajectory(world: World, use_case: UseCase, people: pa.Table, force: str) -> Array:
    """How well the shared model explained each outcome before each of `TURNS` rounds."""
    del force
    if not world.heard:
        return np.zeros((people.num_rows, 0))
    shared = [model for heard in world.heard if (model := told(heard, use_case)) is not None]
    design, way = _people(use_case, people)
    return _columns([way * (design @ model) for model in _spread(shared[1:])], len(way))


def of_updates(world: World, use_case: UseCase, people: pa.Table, force: str) -> Array:
    """How far each of `TURNS` updates goes the way in which each person would pull the model."""
    if not world.heard:
        return np.zeros((people.num_rows, 0))
    design, way = _people(use_case, people)
    signs = []
    for at, moved, curved in _spread(updates(world, use_case, force)):
        pull = way * expit(-way * (design @ at))
        signs.append(pull * (design @ moved))
        if curved is not None:
            signs.append(np.einsum("nd,de,ne->n", design, curved, design))
    return _columns(signs, len(way))


def updates(world: World, use_case: UseCase, force: str) -> list[tuple[Array, Array, Array | None]]:
    """Model before a round, the way the update moves it, and the update's Hessian, if it has one.

    A force's own where its updates are seen, else the total of a secure sum.

    Args:
        world: what was heard.
        use_case: the use case.
        force: whose updates.
    """
    found: list[tuple[Array, Array, Array | None]] = []
    for place, heard in enumerate(world.heard):
        at = told(heard, use_case)
        if at is None:
            continue
        sent = _sent(heard, world.heard[place + 1 :], use_case, force)
        if COEFFICIENTS in sent:
            found.append((at, sent[COEFFICIENTS] - at, None))
        elif "gradient" in sent:
            found.append((at, -sent["gradient"], sent.get("hessian")))
    return found


def told(heard: Heard, use_case: UseCase) -> Array | None:
    """The shared model that the server sent out, intercept first; None in a message without."""
    takes: Any = getattr(heard.step, "takes", None)
    if takes is None or not heard.inputs or COEFFICIENTS not in takes(use_case).shapes:
        return None
    model: Array = takes(use_case).values(next(iter(heard.inputs.values())))[COEFFICIENTS]
    return model


def _sent(heard: Heard, later: Sequence[Heard], use_case: UseCase, force: str) -> dict[str, Any]:
    """What the server has of an update: a force's own numbers, or the total of a secure sum."""
    step: Any = heard.step
    if isinstance(step, MaskedSums):
        reveal = next((each for each in later if isinstance(each.step, RevealMask)), None)
        if reveal is None:
            return {}
        masked = [step.gives(use_case).values(each)[MASKED] for each in heard.payloads.values()]
        seeds = [
            masks.octets(reveal.step.gives(use_case).values(each)[SEED])  # type: ignore[attr-defined]
            for each in reveal.payloads.values()
        ]
        total = step.encoding(use_case).decode(unmask(masked, seeds))
        gives = step.step.gives(use_case)
        return gives.values(pa.table({COLUMN: total}, schema=gives.schema))
    if force not in heard.payloads or not hasattr(step, "gives"):
        return {}
    sent: dict[str, Any] = step.gives(use_case).values(heard.payloads[force])
    return sent


def _people(use_case: UseCase, people: pa.Table) -> tuple[Array, Array]:
    return _design(encoding_of(use_case).encode(people)), _ways(use_case, people)


def _design(features: Array) -> Array:
    return np.column_stack([np.ones(len(features)), features])


def _ways(use_case: UseCase, people: pa.Table) -> Array:
    """1 for whom it happened to, −1 for whom it did not, 0 where that is not known."""
    question = use_case.question
    if not isinstance(question, BinaryOutcome):
        return np.zeros(people.num_rows)
    happened = numbers(people.column(question.target).combine_chunks())
    return np.nan_to_num(np.sign(happened - 0.5))


def _spread(rounds: Sequence[Any]) -> list[Any]:
    """At most `TURNS` of the rounds, evenly spread; the last round again where there are fewer."""
    if not rounds:
        return []
    places = np.linspace(0, len(rounds) - 1, TURNS).round().astype(int)
    return [rounds[place] for place in places]


def _columns(signs: Sequence[Array], size: int) -> Array:
    return np.column_stack(signs) if signs else np.zeros((size, 0))
