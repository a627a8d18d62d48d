"""Reconstruction: a secret yes or no of every record, by linear programme from released statistics.

Dinur and Nissim, "Revealing information while preserving privacy" (2003); the programme is the LP
decoding of Dwork, McSherry and Talwar (2007). The attacker knows everybody's group keys and looks
for the secrets that agree best with all that was ever released about sums of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse
from scipy.optimize import linprog

from minimisation import Bounds, Forces, GroupedStatistics, Release, Scene, Statistics, UseCase
from minimisation.contract.encoding import numbers
from minimisation.contract.errors import SandboxError
from minimisation.contract.usecase import FORCE
from sandbox.attacks import guesses, tally, tally_verdict, targets, trial
from sandbox.attacks.attack import Array, Needs
from sandbox.attacks.attribute_inference import of_force
from sandbox.attacks.tally import Source
from sandbox.findings import Finding

Integers = npt.NDArray[np.int64]

PLANTED = 64
"""Records of a force whose secrets the positive control reconstructs from random sums."""


def solve(members: sparse.csr_array, answers: Array, sizes: Array) -> Array:
    """The sums of ones per class that agree best with the answers: least total error.

    Args:
        members: (q, c) ones where a query sums a class.
        answers: (q,) what was released, noisy or not.
        sizes: (c,) records of each class, whose sum lies between 0 and that.

    Returns:
        (c,) estimated sums.

    Raises:
        SandboxError: if the solver fails.
    """
    queries, classes = members.shape
    slack = sparse.eye_array(queries)
    result = linprog(
        c=np.r_[np.zeros(classes), np.ones(queries)],
        A_ub=sparse.vstack(
            [sparse.hstack([members, -slack]), sparse.hstack([-members, -slack])], format="csr"
        ),
        b_ub=np.r_[answers, -answers],
        bounds=[*((0, float(size)) for size in sizes), *[(0, None)] * queries],
        method="highs",
    )
    if result.x is None:
        raise SandboxError("the linear programme of the reconstruction must have a solution")
    found: Array = np.asarray(result.x[:classes], dtype=np.float64)
    return found


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """Guesses the secret of every member record of a force, beside its controls."""

    secret: str
    """Column of zeros and ones whose means were released."""
    history: tuple[Statistics, ...] = ()
    """Further tables about the same records, such as other margins; the release comes first."""
    name: str = "reconstruction-trial"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = (
        "Knows the group keys of every record, and all that was released about the means of the "
        "secret."
    )

    @property
    def schema(self) -> pa.Schema:
        """What, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Reconstruct this force's records."""
        rng = scene.rng()
        people = targets.drawn(scene, rng).people
        outsiders = people.outsiders
        released = [each for each in (scene.artefact, *self.history) if _has(each, self.secret)]
        found: list[dict[str, object]] = []
        if not released or not people.enough:
            return pa.Table.from_pylist(found, schema=tally.SCHEMA)
        for source, tables in (
            (Source.RELEASE, released),
            (Source.STRANGERS, [trial.like(scene, people.strangers)]),
            (Source.REFERENCE, [trial.like(scene, people.reference)]),
        ):
            inside, outside = self._guessed(scene, people.everybody, outsiders, tables)
            found += _rows(source, inside, outside)
        found += _rows(Source.COPY, *self._planted(people.insiders, outsiders, rng))
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)

    def _guessed(
        self, scene: Scene, members: pa.Table, others: pa.Table, released: Sequence[object]
    ) -> tuple[Array, Array]:
        """Right guesses about members, and about others of the same classes."""
        tables = [of_force(t.table, scene.force) for t in released if isinstance(t, Statistics)]
        keys = sorted({key for table in tables for key in self._keys(scene.use_case, table)})
        both = pa.concat_tables([members, others])
        places = _classes(scene.use_case, keys, both)
        classes, which = np.unique(places, axis=0, return_inverse=True)
        which = which.ravel()
        sizes = np.bincount(which[: members.num_rows], minlength=len(classes)).astype(float)
        parts, answers = [], []
        for table in tables:
            own = self._keys(scene.use_case, table)
            cells = _classes(scene.use_case, own, table)
            mine = classes[:, [keys.index(key) for key in own]]
            covers = (mine[None, :, :] == cells[:, None, :]).all(axis=2)
            mean = np.nan_to_num(np.asarray(table.column(f"mean_{self.secret}"), dtype=float))
            parts.append(sparse.csr_array(covers.astype(float)))
            answers.append(mean * (covers @ sizes))
        sums = solve(sparse.vstack(parts, format="csr"), np.concatenate(answers), sizes)
        told = (sums > sizes / 2)[which]
        right = (told == _yes(both, self.secret)).astype(float)
        return right[: members.num_rows], right[members.num_rows :]

    def _planted(
        self, members: pa.Table, others: pa.Table, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Right guesses about a few records from exact sums over random halves of them."""
        size = min(PLANTED, members.num_rows, others.num_rows)
        truth = _yes(members, self.secret)[:size].astype(float)
        halves = sparse.csr_array((rng.random((4 * size, size)) < 0.5).astype(float))  # noqa: PLR2004 - a half
        told = solve(halves, halves @ truth, np.ones(size)) > 0.5  # noqa: PLR2004 - yes or no
        return (told == (truth > 0)).astype(float), (
            told == _yes(others, self.secret)[:size]
        ).astype(float)

    def _keys(self, use_case: UseCase, table: pa.Table) -> list[str]:
        declared = {column.name for column in use_case.columns}
        return [name for name in table.column_names if name in declared]


def findings(
    forces: Forces, release: Release, seed: int, history: Sequence[Statistics] = ()
) -> list[Finding]:
    """Records whose secret was found, and the residual risk.

    Args:
        forces: opened.
        release: the table attacked.
        seed: the assessment's seed, equal for all options.
        history: further tables about the same records.
    """
    question = forces.use_case.question
    secrets = [
        asked.column
        for asked in (question.statistics if isinstance(question, GroupedStatistics) else ())
        if asked.aggregate == "mean" and asked.column and _is_yes_no(forces.use_case, asked.column)
    ]
    if not secrets or not isinstance(release.artefact, Statistics):
        note = "no mean of a yes or no was released"
        return [tally.none("reconstruction_risk", f"no verdict: {note}", attack="reconstruction")]
    found = []
    for secret in secrets:
        attack = Reconstruction(secret=secret, history=tuple(history))
        tables = forces.assess(attack, release, seed)
        counts = tally.Tally.of(tables.values())
        found += tally_verdict.findings("reconstruction", attack.background, counts, about=secret)
    return found


def _is_yes_no(use_case: UseCase, name: str) -> bool:
    domain = use_case.column(name).domain
    return isinstance(domain, Bounds) and (domain.low, domain.high) == (0, 1)


def _has(artefact: object, secret: str) -> bool:
    return isinstance(artefact, Statistics) and f"mean_{secret}" in artefact.table.column_names


def _classes(use_case: UseCase, keys: Sequence[str], rows: pa.Table) -> Integers:
    """Label of every key in every row. Shape (n, keys)."""
    own = [key for key in keys if key != FORCE]
    columns = [guesses.codes(use_case.column(key), rows) for key in own]
    return np.stack(columns, axis=1) if columns else np.zeros((rows.num_rows, 0), np.int64)


def _yes(rows: pa.Table, secret: str) -> npt.NDArray[np.bool_]:
    return numbers(rows.column(secret).combine_chunks()) > 0


def _rows(source: Source, inside: Array, outside: Array) -> list[dict[str, object]]:
    found = []
    for hits, side in ((inside, True), (outside, False)):
        found += tally.rows(source, {"by linear programme": hits}, inside=side)
    return found
