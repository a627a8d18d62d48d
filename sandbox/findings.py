"""A finding: no bare number, but a value with its interval, its baseline and its control."""

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

Better: TypeAlias = Literal["higher", "lower", "neither"]

Needs: TypeAlias = Literal["release", "refit"]
"""Whether an attack can be run on the release alone, or has to run the option again."""

COLUMN = ":"
"""Separates a measure from the column that it is about: `attribute_inference_risk:religion`."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One measured figure about one option."""

    measure: str
    """Name of the figure in snake case, such as `auc` or `false_positive_rate`."""
    value: float | None
    """Point estimate; None where it cannot be computed (the note says why)."""
    better: Better
    """Whether higher or lower is better for usefulness; `neither` for plain facts and risks."""
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Upper end of the 95 % interval."""
    group: str = ""
    """Whom it is about: `ethnicity=black`; empty: everyone."""
    force: str = ""
    """One force's figure; empty: all forces together."""
    baseline: float | None = None
    """What guessing would reach, for an attack; the base rate, for a precision."""
    control: float | None = None
    """The same attack on people who are not in the data."""
    replicates: tuple[float, ...] = ()
    """Bootstrap replicates of a headline figure, paired across options by their position."""
    attack: str = ""
    """The attack that it is a result of, such as `singling_out`; of `worst_attack`, the worst."""
    background: str = ""
    """What the attacker is taken to know, in a sentence."""
    needs: Needs | Literal[""] = ""
    """Whether the attack had the release alone, or ran the option again; empty: no attack."""
    positive: float | None = None
    """The same figure where the attack must succeed: on a raw copy or a planted leak."""
    detectable: float | None = None
    """The least value that a trial of this size tells from guessing four times in five."""
    residual: float | None = None
    """Of what guessing (or the control) leaves to be found out, the part that the attack found:
    0 if being in the data gave nothing away, 1 if everything. Comparable between attacks."""
    residual_low: float | None = None
    """Lower end of the 95 % interval of the residual risk."""
    residual_high: float | None = None
    """Upper end of the 95 % interval of the residual risk."""
    note: str = ""
    """A caveat that travels with the figure."""

    @property
    def family(self) -> str:
        """The measure without the column that it is about."""
        return self.measure.partition(COLUMN)[0]

    @property
    def column(self) -> str:
        """The column that it is about; empty: none in particular."""
        return self.measure.partition(COLUMN)[2]

    def as_json(self) -> dict[str, object]:
        """The finding as JSON values, with empty fields left out; the value stays, even if null."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        empty = ("", None, ())
        return {key: each for key, each in values.items() if key == "value" or each not in empty}
