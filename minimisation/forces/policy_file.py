"""A force's policy in TOML: who may do what for which purpose. What it does not say is denied."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from minimisation.contract.steps import PayloadKind
from minimisation.forces.policy import Budget, Period, Policy
from minimisation.forces.toml_file import Strict, read_toml

UNPINNED = "unpinned"
"""Digest of a step whose code may change without a new approval."""


class Purpose(Strict):
    """`[purpose.USE-CASE]`: what is permitted for one use case."""

    who: tuple[str, ...] = ()
    """Fingerprints of the keys that may ask; empty: nobody."""
    kinds: tuple[PayloadKind, ...] = ()
    """Payload kinds that may leave."""
    steps: dict[str, str] = Field(default_factory=dict)
    """Step → SHA-256 of its code, by `minimisation.forces.code_digest`, or `unpinned`."""
    minimum_contributors: Annotated[int, Field(ge=1)] = 10
    """Fewest people or records whose data a step may run on."""
    minimum_cell: Annotated[int, Field(ge=0)] = 5
    """Smallest count, other than zero, in statistics without a formal guarantee."""
    most_bytes: Annotated[int, Field(ge=0)] = 1_000_000
    """Largest payload per round, in bytes."""
    epsilon: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Privacy budget of the period."""
    delta: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Delta budget of the period."""
    period: Period = "year"
    """How long the budget lasts."""
    assessments: Annotated[int, Field(ge=0)] = 10_000
    """Private mechanisms that may be run in a year for assessment, in controlled access."""

    @model_validator(mode="after")
    def _pinned(self) -> "Purpose":
        for step, digest in self.steps.items():
            hexadecimal = len(digest) == 64 and all(c in "0123456789abcdef" for c in digest)  # noqa: PLR2004 - SHA-256
            if digest != UNPINNED and not hexadecimal:
                raise ValueError(f"steps.{step} must be a SHA-256 in hexadecimal or '{UNPINNED}'")
        return self


class Cap(Strict):
    """`[cap]`: the force's budget over all purposes and analysts."""

    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Most epsilon of the period."""
    delta: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Most delta of the period."""
    period: Period = "year"
    """How long it lasts."""


class PolicyFile(Strict):
    """A whole policy."""

    purpose: dict[str, Purpose] = Field(default_factory=dict)
    """Use case → what is permitted for it."""
    cap: Cap | None = None
    """What all purposes and analysts share; left out: each purpose has its own budget, once for
    all its analysts."""
    free_text: bool = False
    """Whether free text is loaded, and scanned."""
    retrieval_hours: Annotated[float, Field(ge=3, le=12)] = 3.0
    """Hours from the authorisation of a retrieval to reading."""

    def of(self, use_case: str) -> Policy:
        """The rules for one use case; for one that is not approved, those that permit nothing."""
        if (given := self.purpose.get(use_case)) is None:
            return Policy(who=frozenset())
        return Policy(
            use_cases=frozenset({use_case}),
            steps=frozenset(given.steps),
            digests={step: d for step, d in given.steps.items() if d != UNPINNED},
            kinds=frozenset(given.kinds),
            minimum_contributors=given.minimum_contributors,
            minimum_cell=given.minimum_cell,
            most_bytes=given.most_bytes,
            epsilon=given.epsilon,
            delta=given.delta,
            period=given.period,
            cap=None if self.cap is None else Budget(**self.cap.model_dump()),
            assessments=given.assessments,
            who=frozenset(given.who),
        )


def read_policy(path: Path) -> PolicyFile:
    """A policy from its TOML file; without a file everything is denied.

    Raises:
        UseCaseError: naming the key and the rule.
    """
    return read_toml(path, PolicyFile, "policy") if path.is_file() else PolicyFile()
