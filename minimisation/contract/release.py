"""What an option sends out: one declarative artefact, shippable, never a pickle or a callable."""

from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from minimisation.contract.encoding import Encoding
from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.trees import TreeModel


@dataclass(frozen=True, kw_only=True)
class Microdata:
    """Rows, real or synthetic.

    Beside plain values a column may hold a generalised one: a `list<string>` is a set of
    categories, a `struct<low, high>` an interval; both are read as uniform over their members.
    """

    table: pa.Table
    """Released rows with a `force` column; columns named as in the use case."""
    synthetic: bool = False
    """Whether the rows are drawn from a model rather than recorded."""
    share: float = 1.0
    """Share of the people that the rows were sampled from; a row counts 1/share times."""

    def __post_init__(self) -> None:
        """Refuse an impossible share.

        Raises:
            ValueError: naming the rule.
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"share ({self.share}) must be in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The answer to a grouped question."""

    table: pa.Table
    """One row per released group: the keys, then one column per statistic, and for a noisy
    statistic `<name>_low` and `<name>_high`, its 95 % noise interval."""


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A score that is linear in publicly encoded features."""

    encoding: Encoding
    """Public preprocessing: no scaler, vocabulary or imputer is learnt from data."""
    intercept: float
    """Constant term."""
    weights: tuple[float, ...]
    """One weight per encoded term, in the encoding's order."""
    link: str = "logit"
    """`logit`: the score is a log-odds; `points`: a points total, only its order means anything."""

    def __post_init__(self) -> None:
        """Check that weights and terms match.

        Raises:
            ValueError: if they do not, or the link is unknown.
        """
        if len(self.weights) != len(self.encoding.terms):
            msg = f"weights ({len(self.weights)}) must be one per term"
            raise ValueError(f"{msg} ({len(self.encoding.terms)})")
        if self.link not in ("logit", "points"):
            raise ValueError(f"link ({self.link}) must be logit or points")


@dataclass(frozen=True, kw_only=True)
class Held:
    """A result that stays where it was made: each force keeps its own, nothing is sent."""

    key: str
    """Name under which every force holds its own artefact."""


RiskModel: TypeAlias = LinearModel | TreeModel
"""A model that gives every person a score."""

Artefact: TypeAlias = Microdata | Statistics | RiskModel | Held


@dataclass(frozen=True, kw_only=True)
class Release:
    """One artefact and what it costs in privacy."""

    artefact: Artefact
    """What leaves, or `Held` where nothing does."""
    privacy_loss: PrivacyLoss | None = None
    """As charged by the forces' boundaries (`Replies.privacy_loss`); None: no formal guarantee."""
    remarks: tuple[str, ...] = ()
    """What a reader must know, such as suppressed groups or an optimiser that stopped early."""
