"""Gradient inversion: which records explain the updates that a force of a few people sent?

The gradient of a logistic loss at one person is the person's record times a number, so an update of
one person is the record. Of more people, records are sought whose gradients point the way of the
updates seen: Zhu, Liu and Han, "Deep leakage from gradients" (NeurIPS 2019), with the angle of
Geiping and others (NeurIPS 2020), which needs to know neither step length nor local rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment, minimize
from scipy.spatial.distance import cdist
from scipy.special import expit, logit

from federated.design import encoding_of
from minimisation import BinaryOutcome, Forces, Option, SandboxError, UseCase
from minimisation.contract.encoding import numbers
from sandbox.attacks import signs, tally, worlds
from sandbox.attacks.attack import Array
from sandbox.attacks.targets import Integers
from sandbox.attacks.worlds import Pool, World
from sandbox.findings import Finding
from sandbox.measures.resampling import REPLICATES

RUNS: Mapping[int, int] = {1: 8, 2: 4, 8: 2, 64: 2}
"""People in each force → trainings of so many that are attacked."""

CLOSE = 0.01
"""Distance, in parts of every column's public range, within which a record counts as told."""

SEARCH = 100
"""Most steps of a search for records."""

BACKGROUND = (
    "Keeps the training's server: sees what every force sends, or the total alone where there is a "
    "secure sum, knows the model that each round began with and how many people a force has."
)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one inversion found, beside the people it is about."""

    found: Array
    """(n, d + 1) records that explain the updates, outcome last."""
    people: Array
    """(n, d + 1) those whose updates they were."""
    strangers: Array
    """(n, d + 1) as many others."""
    usual: Array
    """(d + 1,) mean record of the population: what is guessed without any update."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Mean distance of found from true records, person by person."""

    people: Array
    """Of those whose updates they were."""
    strangers: Array
    """Of as many others."""
    guessed: Array
    """Of the former, by guessing the mean."""
    guessed_strangers: Array
    """Of the latter, by guessing the mean."""
    batch: Integers
    """In whose batch each of either is."""


def findings(forces: Forces, option: Option, seed: int) -> list[Finding]:
    """What updates of forces of 1, 2, 8 and 64 people give away; none if none are sent.

    Args:
        forces: opened, of invented or public data: the option is run on a few of their people.
        option: what is attacked.
        seed: of the assessment.
    """
    if not isinstance(forces.use_case.question, BinaryOutcome):
        return []
    known = worlds.pools(forces, seed)
    rng = np.random.default_rng([seed, *b"inversion", *option.name.encode()])
    found: list[Finding] = []
    for size, runs in RUNS.items():
        try:
            batches = trained(option, forces, known, size, rng)
            for _ in range(runs - 1 if batches else 0):
                batches += trained(option, forces, known, size, rng)
        except SandboxError as error:
            note = f"no verdict: the option does not train forces of {size}: {error}"
            found.append(_none(size, note))
            continue
        if batches:
            found.append(told(size, batches, rng))
        elif found:
            note = f"no verdict: no force has {2 * size} people, half of them to compare with"
            found.append(_none(size, note))
    return found


def trained(
    option: Option,
    forces: Forces,
    known: Mapping[str, Pool],
    size: int,
    rng: np.random.Generator,
) -> list[Batch]:
    """Inversions of one training with so many people in each force; none if no updates were sent.

    One for each force whose updates are seen; one of all forces together under a secure sum. Forces
    of fewer than twice as many people take no part.

    Raises:
        SandboxError: if the option cannot be run.
    """
    case, inside, drawn = forces.use_case, {}, {}
    for name, pool in known.items():
        order = rng.permutation(np.flatnonzero(~np.isnan(_outcome(case, pool.records))))
        order = order[: 2 * size]
        if len(order) < 2 * size:
            continue
        inside[name] = np.isin(np.arange(len(pool.kind)), order[:size])
        rows = encoded(case, pool.records)
        drawn[name] = (rows[order[:size]], rows[order[size:]], rows)
    names = list(drawn)
    large = replace(forces, members=tuple(each for each in forces.members if each.name in drawn))
    if not names:
        return []
    world = worlds.world(option, large, known, inside, rng)
    seen = {name: signs.updates(world, case, name) for name in names}
    if not all(seen.values()):
        return []
    groups = [[name] for name in names]
    if _summed(world, case, names):
        names, groups = names[:1], [names]
    batches = []
    for name, group in zip(names, groups, strict=True):
        people, strangers, everybody = (
            np.concatenate([drawn[each][part] for each in group]) for part in range(3)
        )
        usual = np.nanmean(everybody, axis=0)
        records = invert([each[:2] for each in seen[name]], len(people), usual, rng)
        batches.append(Batch(found=records, people=people, strangers=strangers, usual=usual))
    return batches


def invert(
    rounds: Sequence[tuple[Array, Array]], people: int, usual: Array, rng: np.random.Generator
) -> Array:
    """Records whose gradients point the way of the updates. Shape (people, d + 1), outcome last.

    Args:
        rounds: model before each round, (d + 1,), and the way the update moved it, (d + 1,).
        people: how many records are sought.
        usual: (d + 1,) mean record, outcome last, where the search begins.
        rng: of the beginning.
    """
    if people == 1:
        moved = rounds[0][1]
        record = np.clip(moved[1:] / (moved[0] or 1e-12), 0.0, 1.0)
        alone: Array = np.r_[record, float(moved[0] > 0)][None, :]
        return alone
    places = np.linspace(0, len(rounds) - 1, signs.TURNS).round().astype(int)
    at, moved = (np.stack([rounds[place][part] for place in places]) for part in (0, 1))
    moved = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    begin = logit(np.clip(usual, 0.05, 0.95)) + 0.5 * rng.normal(size=(people, len(usual)))
    search: Any = minimize(
        lambda flat: _angle(flat.reshape(begin.shape), at, moved),
        begin.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": SEARCH},
    )
    found: Array = expit(search.x.reshape(begin.shape))
    return found


def _angle(free: Array, at: Array, moved: Array) -> tuple[float, Array]:
    """One minus the cosine of updates and gradients, over all rounds, and its slope.

    Args:
        free: (n, d + 1) log-odds of features and outcome.
        at: (rounds, d + 1) models.
        moved: (rounds, d + 1) updates of length one.
    """
    values = expit(free)
    design = np.column_stack([np.ones(len(values)), values[:, :-1]])
    chance = expit(design @ at.T)
    pull = values[:, -1:] - chance
    summed = pull.T @ design
    length = np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)
    cosine = (summed * moved).sum(axis=1, keepdims=True) / length
    slope = (cosine * summed / length - moved) / length
    along = design @ slope.T
    by_design = pull @ slope - (chance * (1 - chance) * along) @ at
    by_value = np.column_stack([by_design[:, 1:], along.sum(axis=1)])
    return float((1 - cosine).sum()), (by_value * values * (1 - values)).ravel()


def encoded(use_case: UseCase, rows: pa.Table) -> Array:
    """Features of every row on their public range, and the outcome last. Shape (n, d + 1)."""
    return np.column_stack([encoding_of(use_case).encode(rows), _outcome(use_case, rows)])


def errors(batches: Sequence[Batch]) -> Errors:
    """Distances after found and true records have been paired as well as they can be."""
    return Errors(
        people=np.concatenate([paired(each.found, each.people) for each in batches]),
        strangers=np.concatenate([paired(each.found, each.strangers) for each in batches]),
        guessed=np.concatenate([_far(each.usual, each.people) for each in batches]),
        guessed_strangers=np.concatenate([_far(each.usual, each.strangers) for each in batches]),
        batch=np.repeat(np.arange(len(batches)), [len(each.people) for each in batches]),
    )


def paired(found: Array, true: Array) -> Array:
    """Mean distance over columns of each true record from the found one paired with it. (n,)."""
    apart = cdist(true, found, "cityblock") / true.shape[1]
    ours, theirs = linear_sum_assignment(apart)
    distance: Array = apart[ours, theirs]
    return distance


def told(size: int, batches: Sequence[Batch], rng: np.random.Generator) -> Finding:
    """How much nearer than the mean the found records are, beside the same for other people."""
    mine = errors(batches)
    shifted = [replace(each, found=batches[place - 1].found) for place, each in enumerate(batches)]
    other = gains(errors(shifted), rng)
    spread = float(np.std(other[1:, 0] - other[1:, 1]))
    exact = _exact(batches[0], rng)
    if exact < 1 - CLOSE:
        return _none(size, "no verdict, a control failed: not even one person's gradient was read")
    if abs(other[0, 0] - other[0, 1]) > tally.CHANCE * spread:
        return _none(
            size, "no verdict, a control failed: records found from other people's updates fitted"
        )
    found = gains(mine, rng)
    low, high = np.percentile(found[1:, 0], (2.5, 97.5))
    left = 1 - mine.people.mean() / max(float(mine.strangers.mean()), 1e-9)
    risk = (found[1:, 0] - found[1:, 1]) / np.maximum(1 - found[1:, 1], 1e-9)
    ends = np.clip(np.percentile(risk, (2.5, 97.5)), -1.0, 1.0)
    each = "of all forces together" if len(batches[0].people) > size else "of each force"
    return Finding(
        measure=f"inversion_of_{size}_gain",
        attack="gradient_inversion",
        background=BACKGROUND,
        needs="refit",
        value=float(found[0, 0]),
        better="neither",
        low=float(low),
        high=float(high),
        baseline=0.0,
        control=float(found[0, 1]),
        positive=exact,
        detectable=float(found[0, 1] + (1.96 + 0.84) * np.std(found[1:, 0] - found[1:, 1])),
        residual=float(left),
        residual_low=float(ends[0]),
        residual_high=float(ends[1]),
        note=f"updates {each}, {len(mine.people)} people in forces of {size}; mean error "
        f"{mine.people.mean():.3f} of a column's range, {mine.guessed.mean():.3f} by guessing the "
        f"mean; {np.mean(mine.people < CLOSE):.0%} of records told, of other people's "
        f"{np.mean(mine.strangers < CLOSE):.0%}",
    )


def gains(found: Errors, rng: np.random.Generator) -> Array:
    """Part of the error of guessing that is gone, of people and of strangers.

    Returns:
        (replicates + 1, 2): observed first, then with batches and people drawn anew.
    """
    result = np.empty((REPLICATES + 1, 2))
    for replicate in range(REPLICATES + 1):
        weight = np.ones(len(found.people))
        if replicate:
            batches = rng.poisson(1.0, found.batch.max() + 1)[found.batch]
            drawn = (batches * rng.poisson(1.0, len(weight))).astype(np.float64)
            weight = drawn if drawn.any() else weight
        result[replicate] = (
            1 - (weight @ found.people) / max(float(weight @ found.guessed), 1e-12),
            1 - (weight @ found.strangers) / max(float(weight @ found.guessed_strangers), 1e-12),
        )
    return result


def _exact(batch: Batch, rng: np.random.Generator) -> float:
    """The gain from gradients of one person each, in the clear: the attack must read them."""
    gone = []
    for record in batch.people:
        at = rng.normal(0.0, 0.1, len(record))
        design = np.r_[1.0, record[:-1]]
        moved = (record[-1] - expit(design @ at)) * design
        found = invert([(at, moved)], 1, batch.usual, rng)
        gone.append(1 - paired(found, record[None])[0] / _far(batch.usual, record[None])[0])
    return float(np.mean(gone))


def _far(usual: Array, true: Array) -> Array:
    distance: Array = np.abs(true - usual).mean(axis=1)
    return distance


def _summed(world: World, use_case: UseCase, names: Sequence[str]) -> bool:
    """Whether the server has the total alone: the same of every force."""
    first, other = (signs.updates(world, use_case, name)[0][1] for name in (names[0], names[-1]))
    return len(names) > 1 and bool(np.array_equal(first, other))


def _outcome(use_case: UseCase, rows: pa.Table) -> Array:
    question = use_case.question
    if not isinstance(question, BinaryOutcome):
        raise TypeError("question must be BinaryOutcome")
    return numbers(rows.column(question.target).combine_chunks())


def _none(size: int, note: str) -> Finding:
    return tally.none(f"inversion_of_{size}_gain", note, attack="gradient_inversion")
