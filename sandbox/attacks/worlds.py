"""Worlds: an option run again on draws of known people, so that it is known who was in each run.

Each person is in each world by a fair coin, so one set of refits has every person in half of them
and out of the other half (Carlini and others, "Membership inference attacks from first
principles", IEEE S&P 2022). People are read out for it: on invented or public data alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import (
    Forces,
    Microdata,
    Option,
    PayloadKind,
    Release,
    Replies,
    Scene,
    Statistics,
    Step,
)
from minimisation.contract.release import Artefact
from minimisation.contract.tables import PERSON
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.options.rows import column_schema, every_column
from sandbox.attacks import targets
from sandbox.attacks.row_store import RowStore
from sandbox.attacks.targets import Flags, Integers

MOST = 400
"""Most people of each force who are drawn at random and may be in a world."""

MOST_OUTLIERS = 25
"""Most outliers of each force who are added to them."""

STRANGERS = 150
"""Most people of each force who are in no world: the control."""

UNBOUNDED = 1e12
"""Budget of a force in a world: its people are invented or public, and what is made is dropped."""


@dataclass(frozen=True, kw_only=True)
class AtHand:
    """Reads people out of a force, drawn at random, outliers added; never of protected data."""

    use_case: UseCase
    """Whose columns are read."""
    most: int = MOST
    """Most people drawn at random who may be in a world."""
    name: ClassVar[str] = "people-at-hand"

    @property
    def schema(self) -> pa.Schema:
        """Number of the person, kind of person, and every column of the use case."""
        own = column_schema(self.use_case, every_column(self.use_case))
        return pa.schema([("person", pa.int64()), ("kind", pa.string()), *own])

    def observe(self, scene: Scene) -> pa.Table:
        """Rows of the people drawn, in the order of their numbers."""
        rng = scene.rng()
        rows = pa.concat_tables(
            each.order("share, unit").to_arrow_table() for each in (scene.members, scene.held_out)
        )
        units, first, place = np.unique(
            np.asarray(rows.column("unit")), return_index=True, return_inverse=True
        )
        order = rng.permutation(len(units))
        apart = order[: min(STRANGERS, len(units) // 4)]
        rest = order[len(apart) :]
        odd = targets.surprisal(self.use_case, rows.take(pa.array(first)))
        strange = odd > np.quantile(odd, 1 - targets.OUTLYING) if len(odd) else odd > 0
        rare = rest[self.most :][strange[rest[self.most :]]][:MOST_OUTLIERS]
        kinds = {"random": rest[: self.most], "outlier": rare, "stranger": apart}
        chosen = np.concatenate(list(kinds.values()))
        number = np.full(len(units), -1)
        number[chosen] = np.arange(len(chosen))
        person = number[place.ravel()]
        kind = np.repeat(list(kinds), [len(each) for each in kinds.values()])
        kept = np.argsort(person, kind="stable")[int((person < 0).sum()) :]
        names = list(every_column(self.use_case))
        return (
            rows.take(pa.array(kept))
            .select(names)
            .add_column(0, "kind", pa.array(kind[person[kept]], pa.string()))
            .add_column(0, "person", pa.array(person[kept], pa.int64()))
            .cast(self.schema)
        )


@dataclass(frozen=True, kw_only=True)
class Pool:
    """People of one force who are known, numbered from 0; strangers last."""

    rows: pa.Table
    """All their rows, as the use case names columns."""
    person: Integers
    """Whose each row is."""
    kind: tuple[str, ...]
    """Kind of each person: `random`, `outlier` or `stranger`."""

    @property
    def records(self) -> pa.Table:
        """One record of each person."""
        return self.rows.take(pa.array(np.unique(self.person, return_index=True)[1]))

    def are(self, *kinds: str) -> Flags:
        """Which people are of these kinds."""
        return np.isin(self.kind, kinds)


def pools(forces: Forces, seed: int, most: int = MOST) -> dict[str, Pool]:
    """Known people of every force.

    Args:
        forces: opened, of invented or public data.
        seed: of the assessment.
        most: most people of each force who may be in a world.
    """
    nothing = Release(artefact=Statistics(table=pa.table({})))
    read = forces.assess(AtHand(use_case=forces.use_case, most=most), nothing, seed)
    found = {}
    for name, table in read.items():
        person = np.asarray(table.column("person"), dtype=np.int64)
        first = np.unique(person, return_index=True)[1]
        kinds = table.column("kind").take(pa.array(first)).to_pylist()
        rows = table.drop_columns(["person", "kind"])
        found[name] = Pool(rows=rows, person=person, kind=tuple(kinds))
    return found


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One message of the server to the forces, and what each of them answered."""

    step: Step
    """What was asked."""
    inputs: Mapping[str, pa.Table]
    """Force → what it was told."""
    payloads: Mapping[str, pa.Table]
    """Force → what it sent."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What came of running an option on some people."""

    artefact: Artefact
    """What was released."""
    heard: tuple[Heard, ...] = ()
    """Model updates and their sums, as the server saw them."""


@dataclass(kw_only=True)
class WatchedForces(Forces):
    """Forces whose messages with the server are kept, where they are updates of a model."""

    heard: list[Heard] = field(default_factory=list)
    """Messages in their order."""

    def ask(
        self,
        step: Step,
        inputs: Mapping[str, pa.Table] | pa.Table | None = None,
        to: Sequence[str] | None = None,
        deadline: float | None = None,
    ) -> Replies:
        """Ask as always, and keep what was said."""
        replies = super().ask(step, inputs, to, deadline)
        if step.sends(self.use_case).kind is PayloadKind.UPDATE:
            told = inputs if isinstance(inputs, Mapping) else {}
            self.heard.append(Heard(step=step, inputs=told, payloads=replies.payloads))
        return replies


def world(
    option: Option,
    forces: Forces,
    known: Mapping[str, Pool],
    inside: Mapping[str, Flags],
    rng: np.random.Generator,
) -> World:
    """Run an option on some of the known people, under the forces' own rules.

    Args:
        option: what is run.
        forces: whose names, rules and use case hold.
        known: force → its known people.
        inside: force → which of them are in this world.
        rng: of the option.

    Raises:
        SandboxError: if the option does not apply or a force refuses.
    """
    members = tuple(_member(each, known[each.name], inside[each.name]) for each in forces.members)
    split = Split(key="world", held_out=0.0)
    case = forces.use_case
    with WatchedForces(members=members, use_case=case, split=split, workers=1) as drawn:
        release = option.apply(drawn, case, rng)
        return World(artefact=release.artefact, heard=tuple(drawn.heard))


def copy(forces: Forces, known: Mapping[str, Pool], inside: Mapping[str, Flags]) -> Microdata:
    """The rows of those inside, as they are: what every attack must succeed on."""
    parts = []
    for name, pool in known.items():
        rows = pool.rows.filter(pa.array(inside[name][pool.person]))
        rows = rows.cast(column_schema(forces.use_case, rows.column_names))
        parts.append(rows.append_column(FORCE, pa.array([name] * rows.num_rows, pa.string())))
    return Microdata(table=pa.concat_tables(parts))


def _member(force: Force, known: Pool, inside: Flags) -> Force:
    kept = inside[known.person]
    rows, person = known.rows.filter(pa.array(kept)), known.person[kept]
    tokens = pa.array([f"{force.name}-{number}" for number in person], pa.string())
    added = {
        PERSON: tokens,
        "linkage_token": tokens,
        "record_id": pa.array(np.arange(len(person)), pa.int64()),
    }
    for name, values in added.items():
        if name not in rows.column_names:
            rows = rows.append_column(name, values)
    return Force(
        store=RowStore(force=force.name, rows=rows),
        policy=replace(force.policy, who=None),
        ledger=Ledger(epsilon=UNBOUNDED, delta=UNBOUNDED),
        secret=force.secret,
    )


def coins(known: Mapping[str, Pool], worlds: int, rng: np.random.Generator) -> dict[str, Flags]:
    """Force → who is in which world by a fair coin, shape (worlds, people); strangers in none."""
    found = {}
    for name, pool in known.items():
        drawn = rng.random((worlds, len(pool.kind))) < 0.5  # noqa: PLR2004 - a fair coin
        found[name] = drawn & ~pool.are("stranger")
    return found
