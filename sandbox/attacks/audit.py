"""Audit of a claimed epsilon in one run: a lower bound that a true claim stays above.

Real people are the canaries, because who is held out is drawn by lot for each of them
(Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023, theorem
5.2). Where an option may be run again, `neighbours` audits it on invented people too.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Forces, Release, Scene
from sandbox.attacks import tally
from sandbox.attacks.attack import Attack, Known, Needs
from sandbox.attacks.canaries import CONFIDENCE, REFUTED, Guesses, guess, largest
from sandbox.attacks.membership import Membership
from sandbox.findings import Finding

Flags = npt.NDArray[np.bool_]

MOST = 1000
"""About as many canaries as are used of either side in each force."""

REFERENCE = 5000
"""Most held-out people who serve the attacker as the population in each force."""


@dataclass(frozen=True, kw_only=True)
class OneRunAudit:
    """Right guesses about canaries of a force: members and held-out people in equal chance."""

    attack: Attack = field(default_factory=Membership)
    """Scores the canaries; the surest at either end are guessed about."""
    name: str = "one-run-audit"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "release"

    @property
    def schema(self) -> pa.Schema:
        """Canaries, guesses, right guesses, and right guesses about memberships drawn anew."""
        return pa.schema([(each.name, pa.int64()) for each in fields(Guesses)])

    def observe(self, scene: Scene) -> pa.Table:
        """Guess about this force's canaries."""
        rng = scene.rng()
        canaries, member, reference = coins(scene, rng)
        found = []
        if len(member):
            known = Known(force=scene.force, candidates=canaries, reference=reference)
            scores = self.attack.scores(scene.artefact, scene.use_case, known)
            found += [asdict(each) for each in guess(scores, member, rng)]
        return pa.Table.from_pylist(found, schema=self.schema)


def coins(
    scene: Scene, rng: np.random.Generator
) -> tuple[pa.Table, npt.NDArray[np.bool_], pa.Table]:
    """Canaries with one record each, which are members, and records of held-out others.

    A person is held out by lot, with a public chance. The commoner side is thinned by lot, so that
    each canary is a member with chance one half, independently of all others.
    """
    columns = [column.name for column in scene.use_case.columns]
    sides = [each.order("share, unit").to_arrow_table() for each in (scene.members, scene.held_out)]
    if 0 in (sides[0].num_rows, sides[1].num_rows):
        return sides[0].select(columns)[:0], np.zeros(0, dtype=np.bool_), sides[0][:0]
    share = [np.asarray(side.column("share"), dtype=float) for side in sides]
    ends = sorted((share[0].min(), share[0].max(), share[1].min(), share[1].max()))
    out = float((ends[1] + ends[2]) / 2)
    out = out if share[1].max() <= out else 1 - out
    keep = (min(out / (1 - out), 1.0), min((1 - out) / out, 1.0))
    pooled = min(0.5, MOST / min(len(np.unique(np.asarray(s.column("unit")))) for s in sides))
    records, member, reference = [], [], sides[1][:0]
    for place, side in enumerate(sides):
        units = np.asarray(side.column("unit"))
        first = np.sort(np.unique(units, return_index=True)[1])
        pool = rng.random(len(first)) < pooled
        kept = pool & (rng.random(len(first)) < keep[place])
        records.append(side.take(pa.array(first[kept])).select(columns))
        member += [place == 0] * int(kept.sum())
        if place == 1:
            others = units[first[~pool]][:REFERENCE]
            reference = side.filter(pa.array(np.isin(units, others))).select(columns)
    order = rng.permutation(len(member))
    canaries = pa.concat_tables(records).take(pa.array(order))
    return canaries, np.array(member, dtype=np.bool_)[order], reference


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """The largest lower bound over forces and shares guessed, beside the claim.

    Every force is bounded alone, because its claim is about its own people and a person known to
    two forces has one coin; the confidence covers all bounds together.
    """
    tables = forces.assess(OneRunAudit(), release, seed)
    found = [Guesses(**row) for table in tables.values() for row in table.to_pylist()]
    if not found:
        return [_none("no verdict: nobody is held out")]
    claim = release.privacy_loss
    delta = claim.delta if claim is not None else 0.0
    value, control = largest(found, delta), largest(found, delta, anew=True)
    if control > 0:
        return [_none("no verdict: coins drawn anew were guessed")]
    note = f"one run, {CONFIDENCE:.0%} confidence over {len(found)} bounds; people are the canaries"
    if claim is None:
        note += "; nothing is claimed"
    elif value > claim.epsilon:
        note += REFUTED
    return [
        Finding(
            measure="epsilon_lower_bound",
            attack="epsilon_audit",
            background=OneRunAudit().attack.background,
            needs="release",
            value=value,
            better="neither",
            low=value,
            baseline=claim.epsilon if claim is not None else None,
            control=control,
            note=note,
        )
    ]


def _none(note: str) -> Finding:
    return tally.none("epsilon_lower_bound", note, attack="epsilon_audit")
