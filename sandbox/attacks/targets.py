"""Who is attacked in one force: members and held-out people at random, and the outliers of both.

The top 1 % of outliers are the people whose attributes are together least likely if they were
independent: the sum of −log frequency over columns. They are drawn on top of the random draw,
because a random draw would hold too few of them to say anything.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Scene, UseCase
from sandbox.attacks import guesses
from sandbox.attacks.attack import Array
from sandbox.measures import fairness

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MOST = 250
"""Most members, and most others, drawn at random in each force."""

MOST_OUTLIERS = 100
"""Most outliers among members, and among others, added in each force."""

OUTLYING = 0.01
"""Share of people who count as outliers."""

EVERYONE, OUTLIERS = "", "outliers"


@dataclass(frozen=True, kw_only=True)
class People:
    """Who takes part in one force's trial; no table tells who is a member."""

    everybody: pa.Table
    """All rows of all members."""
    insiders: pa.Table
    """Members who are attacked, one record each: the random draw first, then further outliers."""
    outsiders: pa.Table
    """As many held-out people drawn at random, one record each, then further outliers."""
    strangers: pa.Table
    """Rows of held-out people of whom unrelated releases are made."""
    reference: pa.Table
    """Rows of further held-out people, known to the attacker as the population."""

    @property
    def enough(self) -> bool:
        """Whether there is somebody to attack on either side, and somebody for the controls."""
        return 0 not in (
            self.insiders.num_rows,
            self.outsiders.num_rows,
            self.strangers.num_rows,
        )


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Attacked people and those whom releases for the controls are made of."""

    people: People
    """Insiders and outsiders: one record per attacked person; the rest as in `People`."""
    inside: dict[str, Flags]
    """Group → which insiders belong to it; the random draw alone counts for all but outliers."""
    outside: dict[str, Flags]
    """Group → which outsiders belong to it."""
    size: int
    """How many of either side were drawn at random; they come first."""


def drawn(scene: Scene, rng: np.random.Generator, most: int = MOST) -> Targets:
    """Draw targets, the same for every option; at most half of the held-out are random targets.

    Args:
        scene: the force's people.
        rng: of the assessment.
        most: most people of either side drawn at random.
    """
    columns = [column.name for column in scene.use_case.columns]
    sides = [each.order("share, unit").to_arrow_table() for each in (scene.members, scene.held_out)]
    firsts = [rng.permutation(_firsts(side)) for side in sides]
    size = min(most, len(firsts[0]), len(firsts[1]) // 2)
    odd = _outlying(scene.use_case, sides, firsts)
    chosen, flags = [], []
    for side, order, strange in zip(sides, firsts, odd, strict=True):
        extra = size + np.flatnonzero(strange[size:])[:MOST_OUTLIERS]
        place = np.r_[np.arange(size), extra]
        records = side.take(pa.array(order[place])).select(columns)
        at_random = place < size
        chosen.append(records)
        flags.append(_groups(scene.use_case, records, at_random) | {OUTLIERS: strange[place]})
    rest = np.flatnonzero(~odd[1])
    rest = firsts[1][rest[rest >= size]]
    people = People(
        everybody=sides[0].select(columns),
        insiders=chosen[0],
        outsiders=chosen[1],
        strangers=_rows_of(sides[1], rest[0::2]).select(columns),
        reference=_rows_of(sides[1], rest[1::2]).select(columns),
    )
    return Targets(people=people, inside=flags[0], outside=flags[1], size=size)


def surprisal(use_case: UseCase, rows: pa.Table) -> Array:
    """How unlikely each row's attributes are together, were they independent. Shape (n,), nats."""
    total = np.zeros(rows.num_rows)
    for column in use_case.columns:
        if column.role == "direct_identifier" or rows.num_rows == 0:
            continue
        hot = guesses.hot_labels(column, rows)
        share = hot.mean(axis=0)
        total -= hot @ np.log(np.where(share > 0, share, 1.0))
    return total


def _outlying(use_case: UseCase, sides: list[pa.Table], firsts: list[Integers]) -> list[Flags]:
    """Which people of either side, in the order of `firsts`, are among the top outliers of both."""
    records = [
        side.take(pa.array(order)).select([column.name for column in use_case.columns])
        for side, order in zip(sides, firsts, strict=True)
    ]
    odd = surprisal(use_case, pa.concat_tables(records))
    least = np.quantile(odd, 1 - OUTLYING) if len(odd) else 0.0
    return [odd[: len(firsts[0])] > least, odd[len(firsts[0]) :] > least]


def _groups(use_case: UseCase, records: pa.Table, at_random: Flags) -> dict[str, Flags]:
    belongs = fairness.membership(use_case, records) > 0
    named = zip(fairness.group_names(use_case), belongs.T, strict=True)
    return {EVERYONE: at_random} | {name: flags & at_random for name, flags in named}


def _rows_of(side: pa.Table, rows: Integers) -> pa.Table:
    units = side.column("unit")
    return side.filter(pc.is_in(units, units.take(pa.array(rows)).combine_chunks()))


def _firsts(rows: pa.Table) -> Integers:
    """Place of the first row of every person or record, in the order of the rows."""
    units = np.asarray(rows.column("unit"))
    return np.sort(np.unique(units, return_index=True)[1])
