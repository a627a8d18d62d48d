"""A membership attack put to trial inside each force, beside its controls.

Members are compared with people of the same population who were held out, so that learning about
the population is not counted as a leak. Positive control: against a raw copy of the members the
attack must reach the exact-match ceiling of this data. Negative control: telling one half of the
held-out people from the other must fail. If either control fails there is no verdict.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pyarrow as pa
from scipy.stats import beta

from minimisation import Forces, Microdata, Release, Scene
from minimisation.contract.usecase import FORCE
from sandbox.attacks.attack import Array, Known
from sandbox.attacks.membership import Membership, exact_twins
from sandbox.findings import Finding
from sandbox.measures import ranking, resampling
from sandbox.measures.outcome import headline
from sandbox.measures.resampling import REPLICATES

BINS = 1024
"""Bins of an attack's score."""

MOST = 250
"""Most members, and most others, that are attacked in each force."""

CONTROL_Z = 3.29
"""Standard errors within which a control must be of what it should be."""

BINNING = 0.005
"""Error that binning the scores can cause."""

AXES = ("trial", "replicate", "member", "bin")


class Trial(IntEnum):
    """What the scores of a trial are about."""

    RELEASE = 0
    """Members against held-out people, on the release."""
    RAW_COPY = 1
    """The same candidates, on a raw copy of the members without direct identifiers."""
    HOLDOUT = 2
    """Held-out people against other held-out people, on the release."""
    TWINS = 3
    """Bin 1: held-out candidates with an exact twin among members; bin 0: without."""


@dataclass(frozen=True, kw_only=True)
class MembershipTrial:
    """Histograms of attack scores in every trial and bootstrap replicate."""

    attack: Membership = field(default_factory=Membership)
    """The attack."""
    name: str = "membership-trial"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Trial, replicate, member (0 or 1), bin, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Attack this force's people."""
        rng = scene.rng()
        members = scene.members.order("share").to_arrow_table()
        others = scene.held_out.order("share").to_arrow_table()
        inside, outside = one_row_each(members), one_row_each(others)
        size = min(MOST, inside.num_rows, outside.num_rows // 2)
        counts = np.zeros((len(Trial), REPLICATES + 1, 2, BINS))
        if size == 0:
            return resampling.sparse(counts, AXES)
        drawn = rng.permutation(outside.num_rows)
        candidates = pa.concat_tables(
            [outside.take(drawn[:size]), inside.take(rng.permutation(inside.num_rows)[:size])]
        )
        reference = others.filter(
            pa.array(~np.isin(others.column("unit"), outside.take(drawn[:size]).column("unit")))
        )
        known = Known(
            force=scene.force,
            candidates=candidates,
            reference=reference,
            scale=members.num_rows / max(reference.num_rows, 1),
        )
        is_member = np.repeat([0, 1], size)
        copy = raw_copy(scene, members)
        scores = {
            Trial.RELEASE: self.attack.scores(scene.artefact, scene.use_case, known),
            Trial.RAW_COPY: self.attack.scores(copy, scene.use_case, known),
        }
        weight = np.vstack(
            [np.ones(2 * size), rng.poisson(1.0, (REPLICATES, 2 * size)).astype(float)]
        )
        for trial, found in scores.items():
            counts[trial] = _histogram(is_member, found, weight)
        halves = np.arange(size) % 2
        counts[Trial.HOLDOUT] = _histogram(halves, scores[Trial.RELEASE][:size], weight[:, :size])
        twins = exact_twins(scene.use_case, candidates.slice(0, size), members)
        counts[Trial.TWINS, :, 0, :2] = resampling.histogram(
            twins.astype(np.int64), 2, weight[:, :size]
        )
        return resampling.sparse(counts, AXES)


def one_row_each(rows: pa.Table) -> pa.Table:
    """The first row of every person or record."""
    units = np.asarray(rows.column("unit"))
    return rows.take(np.sort(np.unique(units, return_index=True)[1]))


def raw_copy(scene: Scene, members: pa.Table) -> Microdata:
    """The members' own rows without direct identifiers, as if they had been released."""
    names = [c.name for c in scene.use_case.columns if c.role != "direct_identifier"]
    force = pa.array([scene.force] * members.num_rows, pa.string())
    return Microdata(table=members.select(names).append_column(FORCE, force))


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """The attack's success with its interval, baseline and controls, or no verdict."""
    tables = forces.assess(MembershipTrial(), release, seed)
    counts = resampling.dense(tables.values(), AXES, (len(Trial), REPLICATES + 1, 2, BINS))
    if counts[Trial.RELEASE, 0].sum() == 0:
        return [_none("nobody is held out, so nobody can be compared with members")]
    success = ranking.auc(counts[Trial.RELEASE])
    copied = ranking.auc(counts[Trial.RAW_COPY])
    twins = counts[Trial.TWINS, :, 0, :2]
    ceiling = 1 - twins[:, 1] / twins.sum(axis=1) / 2
    holdout = ranking.auc(counts[Trial.HOLDOUT])
    failed = [
        text
        for text, gap in (
            ("on a raw copy the attack did not reach the exact-match ceiling", copied - ceiling),
            ("held-out people could be told from held-out people", holdout - 0.5),
        )
        if not _around_zero(gap)
    ]
    if failed:
        return [_none(f"controls failed, no verdict: {'; '.join(failed)}")]
    found = headline("membership_auc", success, "neither", baseline=0.5)
    attacked = int(counts[Trial.RELEASE, 0].sum())
    note = (
        f"{attacked} people attacked; positive control: {copied[0]:.3f} on a raw copy, ceiling "
        f"{ceiling[0]:.3f}"
    )
    kept = found.as_json() | {"value": found.value, "control": float(holdout[0]), "note": note}
    return [Finding(**kept), _at_low_false_positives(counts[Trial.RELEASE, 0])]  # type: ignore[arg-type]


def _none(note: str) -> Finding:
    return Finding(measure="membership_auc", value=None, better="neither", note=note)


def _at_low_false_positives(counts: Array, allowed: float = 0.01) -> Finding:
    """True-positive rate where at most `allowed` of the others are accused, with exact interval."""
    others, members = counts[0][::-1].cumsum(), counts[1][::-1].cumsum()
    within = np.flatnonzero(others <= allowed * others[-1])
    hits, tries = (float(members[within[-1]]) if len(within) else 0.0), float(members[-1])
    low = beta.ppf(0.025, hits, tries - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, tries - hits) if hits < tries else 1.0
    return Finding(
        measure="membership_tpr_at_1_percent_fpr",
        value=hits / tries,
        better="neither",
        low=float(low),
        high=float(high),
        baseline=allowed,
    )


def _histogram(member: resampling.Integers, scores: Array, weight: Array) -> Array:
    place = np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)
    counts = resampling.histogram(member * BINS + place, 2 * BINS, weight)
    return counts.reshape(-1, 2, BINS)


def _around_zero(gap: Array) -> bool:
    """Whether a control holds: zero is inside the 99.9 % interval, widened by binning error.

    A 95 % interval would fail an honest comparison of fifteen options every other time.
    """
    return bool(abs(gap[0]) <= CONTROL_Z * np.nanstd(gap[1:]) + BINNING)
