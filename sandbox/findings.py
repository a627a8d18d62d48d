"""A finding: no bare number, but a value with its interval, its baseline and its control."""

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

Better: TypeAlias = Literal["higher", "lower", "neither"]


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
    note: str = ""
    """A caveat that travels with the figure."""

    def as_json(self) -> dict[str, object]:
        """The finding as JSON values, with empty fields left out; the value stays, even if null."""
        values = asdict(self)
        empty = ("", None, ())
        return {key: each for key, each in values.items() if key == "value" or each not in empty}
