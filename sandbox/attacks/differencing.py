"""Differencing: two releases, made without and with one person, differ by that person's row.

People come one after another to forces whose other people stay the same, and the option is run
again after each: what a tracker does with queries (Denning, Denning and Schwartz, "The tracker",
ACM TODS 1979) and a reader of monthly tables with last month's.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from minimisation import Forces, GroupedStatistics, Option, SandboxError, Statistics, groups
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from sandbox.answers import answer
from sandbox.attacks import guesses, tally, tally_verdict, worlds
from sandbox.attacks.attack import Array
from sandbox.attacks.attribute_inference import laid, of_force
from sandbox.attacks.tally import Source, Tally
from sandbox.attacks.targets import Flags, Integers
from sandbox.attacks.worlds import Pool
from sandbox.findings import Finding
from sandbox.measures import grid

COMERS = 12
"""Most newcomers of each force; one comes to every force before each further run."""

BACKGROUND = (
    "Sees the table before and after one known person comes to a force, and knows that nothing "
    "else changed."
)
"""What the attacker is taken to know."""

WHAT = "the cell that grew most"


def findings(forces: Forces, option: Option, seed: int, comers: int = COMERS) -> list[Finding]:
    """How often a newcomer's cell is found, beside cells of people who did not come.

    Args:
        forces: opened, of invented or public data: people are read out and the option run on them.
        option: what is attacked.
        seed: of the assessment.
        comers: most newcomers of each force; the option is run once more than that.

    Returns:
        Nothing where the question has no cells of a force.
    """
    question = forces.use_case.question
    if not isinstance(question, GroupedStatistics) or FORCE not in question.by:
        return []
    known = worlds.pools(forces, seed)
    rng = np.random.default_rng([seed, *b"differencing", *option.name.encode()])
    come = {name: _comers(pool, comers, rng) for name, pool in known.items()}
    away = {name: np.flatnonzero(pool.are("stranger")) for name, pool in known.items()}
    told: list[pa.Table] = []
    exact: list[pa.Table] = []
    try:
        for inside in _steps(known, come, comers):
            told.append(
                _answered(forces, worlds.world(option, forces, known, inside, rng).artefact)
            )
            exact.append(_answered(forces, worlds.copy(forces, known, inside)))
    except SandboxError as error:
        note = f"no verdict: the option could not be run on draws of people: {error}"
        return [tally.none("differencing_risk", note, attack="differencing")]
    tables = []
    for name, pool in known.items():
        cells = (_cells(forces, told, name), _cells(forces, exact, name))
        tables.append(_tried(_own(forces, pool), come[name], away[name], cells, rng))
    return tally_verdict.findings("differencing", BACKGROUND, Tally.of(tables), needs="refit")


def grown(cells: Array, rng: np.random.Generator) -> Integers:
    """The cell that grew most at each step, one at random in a tie. Shape (steps,).

    Args:
        cells: (steps + 1, cells) the table before the first step and after each.
        rng: breaks ties.
    """
    steps = np.diff(cells, axis=0)
    lots = rng.random(steps.shape)
    most = steps == steps.max(axis=1, keepdims=True)
    chosen: Integers = np.where(most, lots, -1.0).argmax(axis=1).astype(np.int64)
    return chosen


def _comers(pool: Pool, most: int, rng: np.random.Generator) -> Integers:
    return rng.permutation(np.flatnonzero(pool.are("random")))[:most]


def _steps(
    known: Mapping[str, Pool], come: Mapping[str, Integers], comers: int
) -> Iterator[dict[str, Flags]]:
    """Who is in, of each force: everybody but newcomers and strangers, then one more each time."""
    for step in range(comers + 1):
        inside = {name: ~pool.are("stranger") for name, pool in known.items()}
        for name, flags in inside.items():
            flags[come[name][step:]] = False
        yield inside


def _keys(forces: Forces) -> tuple[list[str], str]:
    question = forces.use_case.grouped
    return grid.own_keys(question), question.statistics[0].name


def _answered(forces: Forces, artefact: Artefact) -> pa.Table:
    table = answer(artefact, forces.use_case, forces.names)
    if not isinstance(table, Statistics):
        raise TypeError("a grouped question is answered by statistics")
    return table.table


def _cells(forces: Forces, made: list[pa.Table], name: str) -> Array:
    """A force's cells in every table. Shape (tables, cells)."""
    keys, lead = _keys(forces)
    return np.stack([laid(of_force(each, name), forces.use_case, keys, lead) for each in made])


def _own(forces: Forces, pool: Pool) -> Flags:
    """Which cells each person has rows in. Shape (people, cells)."""
    keys, _ = _keys(forces)
    found = np.zeros((len(pool.kind), groups.grid(forces.use_case, keys).num_rows), dtype=np.bool_)
    found[pool.person, guesses.cells(forces.use_case, keys, pool.rows)] = True
    return found


def _tried(
    own: Flags,
    come: Integers,
    away: Integers,
    tables: tuple[Array, Array],
    rng: np.random.Generator,
) -> pa.Table:
    """Whether the cell that grew was the newcomer's, and whether that of somebody who stayed away.

    Args:
        own: (people, cells) in which cells each person is.
        come: newcomers in their order.
        away: people who never come.
        tables: (steps + 1, cells) of the release, and of exact tables.
        rng: draws who stayed away.
    """
    found: list[dict[str, object]] = []
    if len(come) and len(away):
        released, exact = (grown(each[: len(come) + 1], rng) for each in tables)
        for source, grew, comers in (
            (Source.RELEASE, released, come),
            (Source.COPY, exact, come),
            (Source.STRANGERS, released, rng.choice(away, len(come))),
        ):
            others = rng.choice(away, len(come))
            for who, inside in ((comers, True), (others, False)):
                hits = {WHAT: own[who, grew].astype(float)}
                found += tally.rows(source, hits, inside=inside)
    return pa.Table.from_pylist(found, schema=tally.SCHEMA)
