"""Audit of a claimed epsilon on its worst neighbours: the option is run again on invented people.

Each canary is an invented person who fills the contribution bounds. A fair coin decides in every
run anew whether the canary is there (or, where neighbours differ by a replaced person, is somebody
else). Runs are independent, so that all of them together are one mechanism in which every canary
occurs once, and right guesses bound its epsilon by theorem 5.2 of Steinke, Nasr and Jagielski,
"Privacy auditing with one (1) training run" (NeurIPS 2023). That takes far fewer runs than to count
how often an event happens with and without one person (Jagielski, Ullman and Oprea 2020).
"""

import time
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import (
    GroupedStatistics,
    LinearModel,
    Microdata,
    Option,
    PrivacyLoss,
    SandboxError,
    Statistics,
    UseCase,
)
from minimisation.contract.release import Artefact
from minimisation.contract.usecase import FORCE
from sandbox.attacks import canaries, guesses, invented, tally
from sandbox.attacks.attack import Array
from sandbox.attacks.attribute_inference import laid
from sandbox.attacks.canaries import CONFIDENCE, REFUTED, Guesses, largest, least_refutable
from sandbox.findings import Finding

MEASURE, ATTACK = "epsilon_lower_bound_neighbours", "neighbour_audit"

BESIDE = 100
"""Invented people beside each canary who are always there."""

FEWEST_RUNS = 4
"""Fewest runs, because a canary's signs are read against their own mean over runs."""

LOUDER = 8.0
"""The positive control runs the option at so many times its epsilon."""

BACKGROUND = (
    "Knows everybody else in the data and every attribute of the person, who contributes as much "
    "as one person may."
)


@dataclass(frozen=True, kw_only=True)
class NeighbourAudit:
    """Runs an option again and again on invented people and guesses who was there."""

    option: Option
    """What is audited."""
    claim: PrivacyLoss
    """What it claims for one release."""
    runs: int = 100
    """Most runs."""
    seconds: float = 20.0
    """Time for the runs; the one that is under way when it ends is finished."""
    size: int = 20
    """Most canaries in a run."""

    def findings(self, use_case: UseCase, seed: int) -> list[Finding]:
        """The lower bound beside the claim, what a louder option gives, and what could be seen."""
        rng = np.random.default_rng([seed, *b"neighbours", *self.option.name.encode()])
        try:
            guessed = self.guessed(use_case, rng)
            louder = self.louder() if guessed else None
            loud = louder.guessed(use_case, rng) if louder else []
        except SandboxError as error:
            return [_none(f"it could not be run on invented people: {error}")]
        if not guessed:
            return [_none(f"it was not run {FEWEST_RUNS} times in {self.seconds:g} s")]
        return [self._finding(guessed, loud)]

    def guessed(self, use_case: UseCase, rng: np.random.Generator) -> list[Guesses]:
        """Guesses over all runs together; none if time did not allow enough runs.

        Raises:
            SandboxError: if the option cannot be run on one force of invented people.
        """
        drawn = invented.canaries(use_case, self.size, rng)
        crowd = _Crowd(
            others=invented.neighbours_of(use_case, drawn[0], BESIDE, rng),
            canaries=drawn,
            replaced="add or remove" not in self.claim.neighbours,
        )
        started = time.monotonic()
        seen: list[Array] = []
        there: list[npt.NDArray[np.bool_]] = []
        while len(seen) < self.runs and self.affords(len(seen), time.monotonic() - started):
            coins = rng.random(crowd.size) < 0.5  # noqa: PLR2004 - fair
            rows, owners = crowd.present(use_case, coins, rng)
            with invented.forces_of(use_case, rows, owners) as forces:
                artefact = self.option.apply(forces, use_case, rng).artefact
            seen.append(signs(artefact, use_case, *crowd.canaries))
            there.append(coins)
        if len(seen) < FEWEST_RUNS:
            return []
        return canaries.guess(sureness(np.stack(seen)).ravel(), np.concatenate(there), rng)

    def affords(self, runs: int, elapsed: float) -> bool:
        """Whether another run is worth it: not if the fewest would take twice the time."""
        if 0 < runs < FEWEST_RUNS:
            return elapsed * FEWEST_RUNS <= 2 * self.seconds * runs
        return elapsed < self.seconds

    def louder(self) -> "NeighbourAudit | None":
        """The same with more epsilon and a quarter of the runs; None if it has no epsilon."""
        option = self.option
        if not is_dataclass(option) or "epsilon" not in {each.name for each in fields(option)}:
            return None
        epsilon = LOUDER * cast("Any", option).epsilon
        loud = cast("Option", replace(cast("Any", option), epsilon=epsilon))
        runs = max(self.runs // 4, FEWEST_RUNS)
        return replace(self, option=loud, runs=runs, seconds=self.seconds / 4)

    def _finding(self, guessed: list[Guesses], loud: list[Guesses]) -> Finding:
        delta, claim = self.claim.delta, self.claim.epsilon
        value = largest(guessed, delta)
        positive = largest(loud, delta) if loud else None
        least = least_refutable(guessed, self.claim)
        note = (
            f"{guessed[0].guesses} guesses about invented people, {CONFIDENCE:.0%} "
            f"confidence; a true epsilon of {least:.2f} told as clearly as it allows would have "
            "been found out four times in five"
        )
        return Finding(
            measure=MEASURE,
            attack=ATTACK,
            background=BACKGROUND,
            needs="refit",
            value=value,
            better="neither",
            low=value,
            baseline=claim,
            control=largest(guessed, delta, anew=True),
            positive=positive,
            detectable=least,
            note=note + self._warning(value, positive),
        )

    def _warning(self, value: float, positive: float | None) -> str:
        if value > self.claim.epsilon:
            return REFUTED
        blind = positive is not None and positive <= self.claim.epsilon
        return f"; blind here: not even {LOUDER:g} times the epsilon was found out" if blind else ""


@dataclass(frozen=True, kw_only=True)
class _Crowd:
    """Who is always there, and who may be."""

    others: pa.Table
    canaries: tuple[pa.Table, npt.NDArray[np.int64]]
    replaced: bool

    @property
    def size(self) -> int:
        """How many canaries there are."""
        return int(self.canaries[1][-1]) + 1

    def present(
        self, use_case: UseCase, coins: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """Records of a run and whose they are; who is replaced has one record of somebody else."""
        rows, owners = self.canaries
        here = coins[owners]
        tables = [rows.filter(pa.array(here)), self.others]
        whose = [owners[here], self.size + np.arange(self.others.num_rows)]
        if self.replaced:
            gone = np.flatnonzero(~coins)
            tables.append(invented.records(use_case, len(gone), rng))
            whose.append(gone)
        return pa.concat_tables(tables), np.concatenate(whose)


def signs(
    artefact: Artefact, use_case: UseCase, rows: pa.Table, owners: npt.NDArray[np.int64]
) -> Array:
    """What a release shows of each of m canaries, larger if they are there. Shape (m, signs).

    Raises:
        SandboxError: if a release of this kind shows nothing that could be read.
    """
    if isinstance(artefact, Statistics):
        return _in_cells(artefact, use_case, rows, owners)
    first = rows.take(pa.array(np.unique(owners, return_index=True)[1]))
    if isinstance(artefact, LinearModel):
        parts: Array = artefact.encoding.encode(first) * np.asarray(artefact.weights)
        return parts
    if isinstance(artefact, Microdata):
        return _among_rows(artefact, use_case, first)
    raise SandboxError("a release must be rows, a table or a linear model to be read")


def sureness(seen: Array) -> Array:
    """How sure the attacker is of each canary: signs against their mean over runs, added up.

    Args:
        seen: (runs, canaries, signs).

    Returns:
        (runs, canaries).
    """
    apart = seen - seen.mean(axis=0)
    spread = np.sqrt((apart**2).mean(axis=(0, 1)))
    total: Array = (apart / np.where(spread > 0, spread, 1.0)).sum(axis=2)
    return total


def _in_cells(
    table: Statistics, use_case: UseCase, rows: pa.Table, owners: npt.NDArray[np.int64]
) -> Array:
    """Counts, and sums where sums or means were released, over each canary's cells."""
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        raise TypeError("question must be GroupedStatistics")
    keys = [key for key in question.by if key != FORCE]
    pairs = np.unique(np.c_[owners, guesses.cells(use_case, keys, rows)], axis=0)
    counts = next((each.name for each in question.statistics if each.column is None), None)
    found = np.zeros((int(owners[-1]) + 1, len(question.statistics)))
    for place, asked in enumerate(question.statistics):
        told = np.nan_to_num(laid(table.table, use_case, keys, asked.name))
        if asked.aggregate == "mean" and counts is not None:
            told *= np.nan_to_num(laid(table.table, use_case, keys, counts))
        np.add.at(found[:, place], pairs[:, 0], told[pairs[:, 1]])
    return found


def _among_rows(release: Microdata, use_case: UseCase, first: pa.Table) -> Array:
    """How many released rows agree with each canary, column by column and on all."""
    names = [column for column in use_case.columns if column.name in release.table.column_names]
    agree = []
    for column in names:
        if column.role == "direct_identifier":
            continue
        ours, theirs = guesses.codes(column, first), guesses.codes(column, release.table)
        agree.append(ours[:, None] == theirs[None, :])
    each = np.stack(agree)
    found: Array = np.c_[each.sum(axis=2).T, each.all(axis=0).sum(axis=1)].astype(float)
    return found


def _none(note: str) -> Finding:
    return tally.none(MEASURE, f"no verdict: {note}", attack=ATTACK)
