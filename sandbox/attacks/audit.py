"""Audits of a claimed epsilon: lower bounds that a true claim stays above.

*One run*: real people are the canaries, because who is held out is drawn by lot for each of them
(Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023, theorem
5.2). *Worst-case neighbours*: the mechanism is run many times with and without one person, and an
event is bounded with Clopper and Pearson's intervals (Jagielski, Ullman and Oprea 2020).

A bound below a claim proves nothing; a bound above it refutes the claim.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import betaincinv
from scipy.stats import binom

from minimisation import Forces, Release, Scene
from sandbox.attacks import tally
from sandbox.attacks.attack import Array, Attack, Known, Needs
from sandbox.attacks.membership import Membership
from sandbox.findings import Finding

Integers = npt.NDArray[np.int64]

CONFIDENCE = 0.95
"""Confidence of every lower bound."""

SHARES = (1.0, 0.2)
"""Shares of the canaries that are guessed about, the surest first."""

MOST = 1000
"""About as many canaries as are used of either side in each force."""

REFERENCE = 5000
"""Most held-out people who serve the attacker as the population in each force."""

HIGHEST = 32.0
"""Bounds are searched up to this epsilon."""


def one_run_bound(
    *, canaries: int, guesses: int, right: int, delta: float = 0.0, confidence: float = CONFIDENCE
) -> float:
    """The least epsilon that right guesses about canaries allow; 0 if guessing explains them.

    Args:
        canaries: people whose membership was drawn by a fair coin each.
        guesses: how many of them were guessed about.
        right: right guesses.
        delta: of the claim.
        confidence: of the bound.

    Raises:
        ValueError: unless 0 ≤ right ≤ guesses ≤ canaries.
    """
    if not 0 <= right <= guesses <= canaries:
        msg = f"right ({right}) must be at most guesses ({guesses}), those at most canaries"
        raise ValueError(f"{msg} ({canaries})")
    level = 1 - confidence
    if right == 0 or _chance(0.0, canaries, guesses, right, delta) >= level:
        return 0.0
    low, high = 0.0, HIGHEST
    for _ in range(40):
        middle = (low + high) / 2
        if _chance(middle, canaries, guesses, right, delta) < level:
            low = middle
        else:
            high = middle
    return low


def _chance(epsilon: float, canaries: int, guesses: int, right: int, delta: float) -> float:
    """The most that a private mechanism could make of the chance of so many right guesses."""
    fair = 1 / (1 + np.exp(-epsilon))
    tail = float(binom.sf(right - 1, guesses, fair))
    if delta == 0:
        return tail
    steps = np.arange(1, right + 1)
    heaped = np.cumsum(binom.pmf(right - steps, guesses, fair))
    return min(tail + 2 * canaries * delta * float((heaped / steps).max()), 1.0)


def neighbour_bound(
    within: Array, without: Array, *, delta: float = 0.0, confidence: float = CONFIDENCE
) -> float:
    """The least epsilon that the outputs of two neighbouring inputs allow.

    The event is chosen on the first half of the runs and bounded on the second.

    Args:
        within: (n,) a figure from every run with the person, larger if the person is there.
        without: (n,) the same from runs without.
        delta: of the claim.
        confidence: of the bound.

    Raises:
        ValueError: if there are fewer than four runs of either.
    """
    if min(len(within), len(without)) < 4:  # noqa: PLR2004 - two halves of two
        raise ValueError(f"runs ({min(len(within), len(without))}) must be at least 4 of either")
    halves = [(each[: len(each) // 2], each[len(each) // 2 :]) for each in (within, without)]
    (choose_in, judge_in), (choose_out, judge_out) = halves
    level = (1 - confidence) / 2
    best, event = 0.0, (np.inf, True)
    for cut in np.unique(np.r_[choose_in, choose_out]):
        for above in (True, False):
            found = _event_bound(choose_in, choose_out, cut, above=above, delta=delta, level=level)
            if found > best:
                best, event = found, (float(cut), above)
    return _event_bound(judge_in, judge_out, event[0], above=event[1], delta=delta, level=level)


def clopper_pearson(hits: int, tries: int, level: float) -> tuple[float, float]:
    """One-sided bounds of a rate, each at the level."""
    low = float(betaincinv(hits, tries - hits + 1, level)) if hits else 0.0
    high = float(betaincinv(hits + 1, tries - hits, 1 - level)) if hits < tries else 1.0
    return low, high


def _event_bound(  # noqa: PLR0913 - two samples, an event, a level
    within: Array, without: Array, cut: float, *, above: bool, delta: float, level: float
) -> float:
    """Bound from: the figure is at least the cut with the person, or below it without."""
    likely, unlikely = (within, without) if above else (without, within)
    hits = [int(((each >= cut) == above).sum()) for each in (likely, unlikely)]
    low = clopper_pearson(hits[0], len(likely), level)[0]
    high = clopper_pearson(hits[1], len(unlikely), level)[1]
    return max(float(np.log((low - delta) / high)), 0.0) if low > delta else 0.0


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
        return pa.schema([(n, pa.int64()) for n in ("canaries", "guesses", "right", "control")])

    def observe(self, scene: Scene) -> pa.Table:
        """Guess about this force's canaries."""
        rng = scene.rng()
        canaries, member, reference = coins(scene, rng)
        found = []
        if len(member):
            known = Known(force=scene.force, candidates=canaries, reference=reference)
            scores = self.attack.scores(scene.artefact, scene.use_case, known)
            order = np.lexsort((rng.random(len(member)), scores))
            for share in SHARES:
                half = int(share * len(member)) // 2
                low, high = order[:half], order[len(order) - half :]
                anew = rng.random(len(member)) < 0.5  # noqa: PLR2004 - a fair coin
                found.append(
                    {
                        "canaries": len(member),
                        "guesses": 2 * half,
                        "right": int((~member[low]).sum() + member[high].sum()),
                        "control": int((~anew[low]).sum() + anew[high].sum()),
                    }
                )
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
    rows = [row for table in tables.values() for row in table.to_pylist()]
    if not rows:
        return [_none("no verdict: nobody is held out")]
    claim = release.privacy_loss
    delta = claim.delta if claim is not None else 0.0
    sure = 1 - (1 - CONFIDENCE) / len(rows)

    def best(column: str) -> float:
        return max(
            one_run_bound(
                canaries=row["canaries"],
                guesses=row["guesses"],
                right=row[column],
                delta=delta,
                confidence=sure,
            )
            for row in rows
        )

    value, control = best("right"), best("control")
    if control > 0:
        return [_none("no verdict: coins drawn anew were guessed")]
    note = f"one run, {CONFIDENCE:.0%} confidence over {len(rows)} bounds; people are the canaries"
    if claim is None:
        note += "; nothing is claimed"
    elif value > claim.epsilon:
        note += "; THE CLAIM IS REFUTED"
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
