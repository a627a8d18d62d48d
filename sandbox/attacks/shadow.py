"""Shadow attack: a membership attacker who has run the option many times on known people.

Each person's signs are set against what they were in the runs without that person, and a linear
rule learned on all other runs weighs them: a likelihood ratio of normal signs (Carlini and others,
IEEE S&P 2022) with one direction shared by all people, as few runs cannot give each their own. On
released rows this is the shadow attack on synthetic data of Stadler, Oprisanu and Troncoso (USENIX
Security 2022). Every run is attacked by what was learned on the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from federated import FederatedAveraging
from minimisation import BinaryOutcome, Forces, Microdata, Option, SandboxError, UseCase
from minimisation.contract.encoding import numbers
from sandbox.answers import answer
from sandbox.attacks import signs, tally, worlds
from sandbox.attacks.attack import Array
from sandbox.attacks.shadow_verdict import Trials, told
from sandbox.attacks.signs import Signs
from sandbox.attacks.targets import EVERYONE, OUTLIERS, Flags
from sandbox.attacks.worlds import Pool, World
from sandbox.findings import Finding
from sandbox.measures import fairness

REFITS = 16
"""Times that an option is run again, and as often for the positive control of an attack."""

FEW = 2
"""People of each force of whom alone a model, a table or a training gives away all it can."""

PRIOR = 4.0
"""Runs that the usual spread of a sign weighs beside a person's own."""

WIDEST = 8.0
"""Standard deviations beyond which a sign is no stronger."""

_KNOWS = "Knows every recorded attribute of the person and holds records of other people like them"


@dataclass(frozen=True, kw_only=True)
class View:
    """What a shadow attacker sees of a run."""

    name: str
    """Of the attack, in snake case."""
    background: str
    """What the attacker is taken to know."""
    signs: Signs
    """What is read from it."""
    messages: bool
    """Whether it is the messages of a training rather than what was released."""


VIEWS = (
    View(
        name="shadow",
        background=f"{_KNOWS}; runs the option on such people as often as it likes, with the "
        "person and without.",
        signs=signs.of_release,
        messages=False,
    ),
    View(
        name="trajectory",
        background=f"{_KNOWS}; takes part in the training or keeps its server, so that it sees the "
        "shared model in every round; has trained with and without the person before.",
        signs=signs.of_trajectory,
        messages=True,
    ),
    View(
        name="updates",
        background=f"{_KNOWS}; keeps the training's server, so that it sees what every force "
        "sends, or the total alone where there is a secure sum; has trained with and without the "
        "person before.",
        signs=signs.of_updates,
        messages=True,
    ),
)


def findings(
    forces: Forces, option: Option, seed: int, refits: int = REFITS, most: int = worlds.MOST
) -> list[Finding]:
    """Success of each shadow attack that has something to see, with its controls.

    Args:
        forces: opened, of invented or public data: people are read out and the option run on them.
        option: what is attacked.
        seed: of the assessment.
        refits: how often the option is run.
        most: most people of each force who may be in a run.
    """
    known = worlds.pools(forces, seed, most)
    rng = np.random.default_rng([seed, *b"worlds", *option.name.encode()])
    inside = worlds.coins(known, refits, rng)
    try:
        made = [worlds.world(option, forces, known, each, rng) for each in _each(inside)]
    except SandboxError as error:
        note = f"no verdict: the option could not be run on draws of people: {error}"
        return [tally.none("shadow_auc", note, attack="shadow")]
    found: list[Finding] = []
    leaks: dict[bool, tuple[list[World], dict[str, Flags]]] = {}
    for view in VIEWS:
        read = _read(view, made, forces.use_case, known)
        if read.shape[2] == 0:
            continue
        if view.messages not in leaks:
            rows = isinstance(made[0].artefact, Microdata) and not view.messages
            leaks[view.messages] = _leaks(view, forces, known, inside, rng, rows=rows)
        leaking, caught = leaks[view.messages]
        leak = _read(view, leaking, forces.use_case, known)
        trials = _trials(forces.use_case, known, (read, inside), (leak, caught), rng)
        found += told(view.name, view.background, trials)
    return found


def scores(read: Array, inside: Flags) -> Array:
    """How sure the attacker is of each person in each run, from all other runs. Shape (runs, n).

    Args:
        read: (runs, n, d) signs.
        inside: (runs, n) who was in which run; at least three runs.
    """
    runs, _, size = read.shape
    usual = read.std(axis=(0, 1)) + 1e-12
    out = (~inside)[:, :, None] * read
    found = np.zeros(inside.shape)
    for run in range(runs):
        others = np.arange(runs) != run
        times = np.maximum((~inside[others]).sum(axis=0), 1)[:, None]
        centre = out[others].sum(axis=0) / times
        apart = np.where(inside[others][:, :, None], 0.0, read[others] - centre) ** 2
        pooled = apart.sum(axis=(0, 1)) / times.sum() + (0.01 * usual) ** 2
        spread = np.sqrt((apart.sum(axis=0) + PRIOR * pooled) / (times + PRIOR))
        signed = np.clip((read - centre) / spread, -WIDEST, WIDEST)
        learnt, member = signed[others].reshape(-1, size), inside[others].ravel()
        found[run] = signed[run] @ _direction(learnt, member)
    return found


def _direction(signed: Array, member: npt.NDArray[np.bool_]) -> Array:
    """Fisher's discriminant of members from others, with a ridge. Shape (d,)."""
    if not 0 < member.sum() < len(member):
        return np.zeros(signed.shape[1])
    means = [signed[member == each].mean(axis=0) for each in (False, True)]
    centred = signed - np.where(member[:, None], means[1], means[0])
    spread = centred.T @ centred / len(member) + 0.01 * np.eye(signed.shape[1])
    found: Array = np.linalg.solve(spread, means[1] - means[0])
    return found


def _each(inside: Mapping[str, Flags]) -> Iterator[dict[str, Flags]]:
    for run in range(len(next(iter(inside.values())))):
        yield {name: each[run] for name, each in inside.items()}


def _read(view: View, made: list[World], use_case: UseCase, known: Mapping[str, Pool]) -> Array:
    """Signs of everybody in every world, force after force. Shape (worlds, n, d)."""
    people = {name: pool.records for name, pool in known.items()}
    return np.stack(
        [
            np.concatenate([view.signs(each, use_case, people[name], name) for name in known])
            for each in made
        ]
    )


def _leaks(  # noqa: PLR0913 - a view, people, who was in, what was released
    view: View,
    forces: Forces,
    known: Mapping[str, Pool],
    inside: Mapping[str, Flags],
    rng: np.random.Generator,
    *,
    rows: bool,
) -> tuple[list[World], dict[str, Flags]]:
    """Runs that give people away by construction, and who was in them.

    A raw copy of those who were in; or an exact model or table, or a training in the clear, of a
    few people of each force.
    """
    if rows:
        return [World(artefact=worlds.copy(forces, known, each)) for each in _each(inside)], dict(
            inside
        )
    runs = len(next(iter(inside.values())))
    caught = {name: _few(forces.use_case, pool, runs, rng) for name, pool in known.items()}
    if view.messages:
        plain = FederatedAveraging(rounds=signs.TURNS + 1)
        return [worlds.world(plain, forces, known, each, rng) for each in _each(caught)], caught
    exact = (
        answer(worlds.copy(forces, known, each), forces.use_case, forces.names)
        for each in _each(caught)
    )
    return [World(artefact=each) for each in exact], caught


def _few(use_case: UseCase, pool: Pool, runs: int, rng: np.random.Generator) -> Flags:
    """A few people for each run, half of them with the outcome if one is asked about."""
    lot = rng.random((runs, len(pool.kind))) + 10.0 * pool.are("stranger")
    halves = [np.ones(len(pool.kind), dtype=np.bool_)]
    if isinstance(use_case.question, BinaryOutcome):
        happened = numbers(pool.records.column(use_case.question.target).combine_chunks()) > 0
        halves = [happened, ~happened]
    caught = np.zeros(lot.shape, dtype=np.bool_)
    for half in halves:
        first = np.where(half, lot, np.inf).argsort(axis=1)[:, : FEW // len(halves)]
        np.put_along_axis(caught, first, values=True, axis=1)
    drawn: Flags = caught & ~pool.are("stranger")
    return drawn


def _trials(
    use_case: UseCase,
    known: Mapping[str, Pool],
    run: tuple[Array, Mapping[str, Flags]],
    leak: tuple[Array, Mapping[str, Flags]],
    rng: np.random.Generator,
) -> Trials:
    """Scores of all trials, and who belongs to which group."""
    outer = np.concatenate([pool.are("stranger") for pool in known.values()])
    odd = np.concatenate([pool.are("outlier") for pool in known.values()])
    member, caught = (np.hstack([each[name] for name in known]) for each in (run[1], leak[1]))
    coins = rng.random((len(member), int(outer.sum()))) < 0.5  # noqa: PLR2004 - a fair coin
    belongs = np.concatenate(
        [fairness.membership(use_case, pool.records) > 0 for pool in known.values()]
    )[~outer]
    named = zip(fairness.group_names(use_case), belongs.T, strict=True)
    at_random = ~odd[~outer]
    return Trials(
        scores=scores(run[0][:, ~outer], member[:, ~outer]),
        inside=member[:, ~outer],
        strangers=scores(run[0][:, outer], coins),
        coins=coins,
        leak=scores(leak[0][:, ~outer], caught[:, ~outer]),
        caught=caught[:, ~outer],
        groups={EVERYONE: at_random, OUTLIERS: odd[~outer]}
        | {name: flags & at_random for name, flags in named},
        seed=int(rng.integers(2**31)),
    )
