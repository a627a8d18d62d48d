"""What is planted: the model of the label and every rate that a measure can be judged against.

The label `serious_violence` is drawn from a logistic model on the encoded scale of the use case:
a number enters as (clip(x) − low) / (high − low), a category by one-hot with the first label as
reference, a missing optional value by its own term. Coefficients are whole millionths in SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.demo.lists import EMPLOYMENT, ETHNICITIES

WINDOW_MONTHS = 24
"""Events older than this carry no signal of their own."""
HISTORY_DAYS = 1095
"""History goes back 36 months: 2021-01-01 to 2023-12-31."""
FUTURE_DAYS = 731
"""Label window of 24 months: 2024-01-01 to 2025-12-31."""

INTERCEPT = -2.5
"""Log-odds of the label where every term is 0."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One feature's part in the label model."""

    name: str
    """Column name in the use case."""
    low: int = 0
    """Lower public bound of a number."""
    high: int = 0
    """Upper public bound of a number; 0 marks a category."""
    labels: tuple[str, ...] = ()
    """Labels of a category, the reference first."""
    weight: float = 0.0
    """Coefficient of a scaled number."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Label → coefficient; `missing` for an absent value."""
    optional: bool = False
    """Whether values may be missing."""

    def terms(self) -> dict[str, float]:
        """Term name → planted coefficient, named as the regression encoding names them."""
        extra = ("missing",) if self.optional else ()
        if self.high:
            own = {self.name: self.weight}
            return own | {f"{self.name}={label}": self.weights.get(label, 0.0) for label in extra}
        kept = (*self.labels[1:], *extra)
        return {f"{self.name}={label}": self.weights.get(label, 0.0) for label in kept}


PLANTED: tuple[Planted, ...] = (
    Planted(name="age", low=10, high=90, weight=-5.0),
    Planted(
        name="sex", labels=("female", "male"), weights={"male": 1.0, "missing": 0.3}, optional=True
    ),
    Planted(name="ethnicity", labels=ETHNICITIES, optional=True),
    Planted(
        name="deprivation", low=1, high=10, weight=-1.6, weights={"missing": -0.8}, optional=True
    ),
    Planted(
        name="employment",
        labels=EMPLOYMENT,
        weights={"unemployed": 0.7, "education": -0.3, "not working": 0.2, "missing": 0.2},
        optional=True,
    ),
    Planted(name="vulnerable", labels=("no", "yes")),
    Planted(name="prior_violence", high=5, weight=2.5),
    Planted(name="prior_weapon", high=3, weight=1.6),
    Planted(name="prior_acquisitive", high=5, weight=0.6),
    Planted(name="prior_drugs", high=5, weight=1.2),
    Planted(name="prior_public_order", high=5),
    Planted(name="prior_convictions", high=5, weight=0.8),
    Planted(name="prior_victim", high=3, weight=0.8),
    Planted(name="prior_witness", high=3),
    Planted(name="prior_arrests", high=5),
    Planted(name="prior_custody", high=5, weight=0.8),
    Planted(name="custody_risk", high=3, weight=1.2),
    Planted(name="intelligence_reports", high=5, weight=1.2),
    Planted(name="intelligence_weapons", high=3, weight=1.2),
    Planted(name="stops", high=3),
)
"""The twenty features. Six carry no signal: a fair ablation drops them."""

ARREST_RATE = {"White": 420, "Black": 640, "Asian": 500, "Mixed": 560, "Other": 480}
"""Arrest of a suspect by ethnicity, per mille, before a force's shift: offending is not arrest."""

SEARCH_WEIGHT = {"White": 100, "Black": 220, "Asian": 130, "Mixed": 170, "Other": 120}
"""How often people of an ethnicity are searched, White = 100."""
FOUND_RATE = {"White": 270, "Black": 190, "Asian": 240, "Mixed": 210, "Other": 240}
"""How often a search finds something, per mille: more searches, fewer finds."""

SHARED_PER_MILLE = 55
"""People known to several forces."""
THIRD_PER_MILLE = 120
"""Of those, people known to three."""

CONVICTED_PER_MILLE = 300
"""Suspects who are convicted."""

REVIEWED_PER_MILLE = {"label": 900, "no label": 300}
"""People with a review after the as-of date, by label."""
REVIEW_HIGH_PER_MILLE = {"label": 850, "no label": 50}
"""Reviews that end `high`, by label: knowledge from the future."""


@dataclass(frozen=True, kw_only=True)
class Hotspot:
    """One small area × offence × month with more crimes than its surroundings explain."""

    force: int = 0
    """Position of the force in `FORCES`."""
    area: int = 6
    """Position of the small area within the force."""
    offence: int = 1
    """Position of the offence in `OFFENCES`."""
    month: str = "2023-11"
    """The month."""

    def excess(self, people: int) -> int:
        """How many crimes are added, for a demo of that many people."""
        return 20 + people // 600


HOTSPOT = Hotspot()
"""The one hotspot."""


def terms() -> dict[str, float]:
    """Term name → planted coefficient, over all features in order."""
    return {name: value for feature in PLANTED for name, value in feature.terms().items()}
