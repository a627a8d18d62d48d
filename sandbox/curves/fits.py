"""Many logistic regressions at once: one pass over each force's rows serves every setting.

Newton's method as in `minimisation.regression`, for settings that differ in the columns and the
people they use. Rows are encoded once a pass, which is what takes the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import Encoding, Forces, LinearModel, Release, Scene, UseCase
from minimisation.contract.encoding import numbers
from minimisation.regression import RIDGE, Array, LogisticSums, logistic_sums
from sandbox.measures import resampling

Integers = npt.NDArray[np.int64]

AXES = ("setting", "place")

ROUNDS = 30
"""Most passes."""

TOLERANCE = 1e-8
"""Largest entry of a gradient, per row, at which a fit has arrived."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What data a fit may use."""

    columns: tuple[str, ...]
    """Features kept."""
    share: float = 1.0
    """Share of people kept, in (0, 1]."""
    draw: int = 0
    """Which of several draws of people; the same number draws the same people at any share."""
    forces: tuple[str, ...] = ()
    """Forces whose people are used; all if empty."""

    def __post_init__(self) -> None:
        """Refuse an impossible share.

        Raises:
            ValueError: naming the rule.
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"share ({self.share}) must be in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted setting."""

    setting: Setting
    """What it was fitted to."""
    coefficients: Array
    """(d + 1,) intercept first; zero for terms of columns that were left out."""
    hessian: Array
    """(d + 1, d + 1) of the penalised loss, over all terms kept; zero elsewhere."""
    loss: float
    """Penalised negative log-likelihood of the members."""
    gradient_norm: float
    """Largest absolute entry of the gradient, per row."""


@dataclass(frozen=True, kw_only=True)
class BatchSums:
    """Newton's sums of several settings at their coefficients, on member people."""

    settings: tuple[Setting, ...]
    """The settings."""
    coefficients: tuple[tuple[float, ...], ...]
    """For each setting, intercept first, over the terms of all features."""
    name: str = "curve-newton-sums"
    """Name in the audit log."""

    @property
    def schema(self) -> pa.Schema:
        """Setting, place in the flat sums, value."""
        return resampling.sparse_schema(AXES)

    def observe(self, scene: Scene) -> pa.Table:
        """Sum this force's members whose outcome is known."""
        encoding = encoding_of(scene.use_case)
        rows = scene.members.to_arrow_table()
        happened = numbers(rows.column(scene.use_case.binary.target).combine_chunks())
        known = ~np.isnan(happened)
        features, happened = encoding.encode(rows)[known], happened[known]
        share = np.asarray(rows.column("share"), dtype=float)[known]
        sums = []
        for setting, at in zip(self.settings, self.coefficients, strict=True):
            kept = drawn(share, setting)
            if setting.forces and scene.force not in setting.forces:
                kept = np.zeros_like(kept)
            terms = terms_of(encoding, setting.columns)
            found = logistic_sums(
                features[np.ix_(kept, terms)], happened[kept], np.array(at)[np.r_[0, terms + 1]]
            )
            sums.append(_flat(found, terms, features.shape[1]))
        return resampling.sparse(np.array(sums), AXES)


def encoding_of(use_case: UseCase) -> Encoding:
    """The regression encoding of all features."""
    return Encoding.features(use_case, use_case.binary.features)


def terms_of(encoding: Encoding, columns: Sequence[str]) -> Integers:
    """Places of the terms of the named columns."""
    owners = [term.partition("=")[0] for term in encoding.terms]
    return np.array([i for i, owner in enumerate(owners) if owner in columns], dtype=np.int64)


def drawn(share: Array, setting: Setting) -> npt.NDArray[np.bool_]:
    """Whose rows a setting uses; a person is drawn alike in every force. Shape (n,).

    Args:
        share: (n,) number of every row's person, uniform and secret.
        setting: the share of people, and which draw.
    """
    lot = np.modf(share * 1e6 + setting.draw * 0.618034)[0]
    kept: npt.NDArray[np.bool_] = lot < setting.share
    return kept


def fit(
    forces: Forces, settings: Sequence[Setting], start: Sequence[Array] | None = None
) -> list[Fit]:
    """Fit every setting.

    Args:
        forces: opened; asked for sums through the assessment.
        settings: what to fit.
        start: coefficients to start from, such as those of a fit with more columns.
    """
    encoding = encoding_of(forces.use_case)
    size = len(encoding.terms) + 1
    kept = [np.r_[0, terms_of(encoding, s.columns) + 1] for s in settings]
    current = [np.zeros(size) for _ in settings]
    for place, terms in enumerate(kept):
        if start is not None:
            current[place][terms] = start[place][terms]
    solvers = [_Newton(at=at, terms=terms) for at, terms in zip(current, kept, strict=True)]
    empty = LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,) * (size - 1))
    for _ in range(ROUNDS):
        active = [i for i, solver in enumerate(solvers) if not solver.arrived]
        if not active:
            break
        measure = BatchSums(
            settings=tuple(settings[i] for i in active),
            coefficients=tuple(tuple(map(float, solvers[i].trial)) for i in active),
        )
        tables = forces.assess(measure, Release(artefact=empty), 0)
        flat = resampling.dense(tables.values(), AXES, (len(active), 2 + size + size**2))
        for row, i in enumerate(active):
            solvers[i].learn(flat[row])
    return [
        Fit(
            setting=setting,
            coefficients=solver.at,
            hessian=solver.hessian,
            loss=float(solver.loss),
            gradient_norm=solver.gradient_norm,
        )
        for setting, solver in zip(settings, solvers, strict=True)
    ]


class _Newton:
    """One setting's iteration: takes a step where the loss falls, halves it where not."""

    def __init__(self, *, at: Array, terms: Integers) -> None:
        self.at = self.trial = at
        self.terms = terms
        self.loss = np.inf
        self.step = np.zeros_like(at)
        self.gradient_norm = np.inf
        self.hessian = np.zeros((len(at), len(at)))
        self.arrived = False

    def learn(self, flat: Array) -> None:
        """Read the sums at the trial point and choose the next."""
        size = len(self.at)
        penalty = np.where(np.arange(size) == 0, 0.0, RIDGE)
        loss = flat[1] + float(penalty @ self.trial**2) / 2
        if loss > self.loss + 1e-9 * max(1.0, abs(self.loss)):
            self.step = self.step / 2
            self.trial = self.at - self.step
            return
        self.at, self.loss = self.trial, loss
        inside = np.ix_(self.terms, self.terms)
        gradient = flat[2 : 2 + size] + penalty * self.at
        self.hessian = np.zeros((size, size))
        self.hessian[inside] = (flat[2 + size :].reshape(size, size) + np.diag(penalty + 1e-12))[
            inside
        ]
        self.gradient_norm = float(np.abs(gradient[self.terms]).max()) / max(flat[0], 1.0)
        self.arrived = self.gradient_norm <= TOLERANCE
        step = np.zeros(size)
        step[self.terms] = np.linalg.lstsq(self.hessian[inside], gradient[self.terms], rcond=None)[
            0
        ]
        self.step = step
        self.trial = self.at - step


def _flat(sums: LogisticSums, terms: Integers, size: int) -> Array:
    """Rows, loss, gradient and Hessian over all terms, zero where a term was left out."""
    place = np.r_[0, terms + 1]
    gradient, hessian = np.zeros(size + 1), np.zeros((size + 1, size + 1))
    gradient[place] = sums.gradient
    hessian[np.ix_(place, place)] = sums.hessian
    flat: Array = np.concatenate([[sums.rows, sums.loss], gradient, hessian.ravel()])
    return flat
