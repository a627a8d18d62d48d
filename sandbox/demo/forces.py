"""The nine SYNTHETIC forces: a lead, seven partners and one national agency, none of them real."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

AS_OF = date(2024, 1, 1)
"""Features are known before this date, labels after it."""


@dataclass(frozen=True, kw_only=True)
class DemoForce:
    """One invented force and how it differs from the others."""

    name: str
    """Folder name and group key."""
    code: str
    """Three letters that its record ids start with."""
    title: str
    """Full name for reports."""
    role: Literal["lead", "partner", "national"]
    """Its part in the collaboration."""
    share: int
    """Share of people whose home force it is, per mille."""
    ethnicity: tuple[int, ...]
    """Weights of `ETHNICITIES`."""
    offences: tuple[int, ...]
    """Weights of `OFFENCES`."""
    arrest_shift: int = 0
    """Added to the rate of arrest of every suspect, per mille: recording practice."""
    lag: int = 1
    """How slowly crimes are recorded: multiplies the days between occurring and recording."""
    standard: str = "standard"
    """How an unrestricted handling code is written: `standard` or left empty."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Column → share of missing values, per mille, over `MISSING`."""


MISSING: Mapping[str, int] = {
    "sex": 8,
    "ethnicity": 60,
    "deprivation": 40,
    "employment": 120,
    "religion": 450,
    "sexual_orientation": 700,
    "disability": 300,
    "search": 70,
}
"""Share of missing values per mille where a force does not differ; `search`: searches' keys."""

_TOWN = (30, 20, 150, 90, 70, 60, 160, 130, 40, 130, 80, 40)
_COUNTRY = (20, 10, 140, 100, 110, 80, 130, 110, 30, 110, 130, 30)
_PORT = (30, 20, 130, 70, 60, 70, 120, 150, 110, 110, 80, 50)
_AGENCY = (60, 70, 60, 60, 40, 50, 20, 80, 380, 20, 20, 140)

FORCES: tuple[DemoForce, ...] = (
    DemoForce(
        name="norrowmere", code="NRW", title="Norrowmere Police (SYNTHETIC)", role="lead",
        share=250, ethnicity=(62, 14, 16, 5, 3), offences=_TOWN, arrest_shift=30,
    ),
    DemoForce(
        name="estvane", code="EST", title="Estvane Police (SYNTHETIC)", role="partner",
        share=170, ethnicity=(70, 10, 12, 5, 3), offences=_TOWN, arrest_shift=0, lag=2,
        missing={"ethnicity": 110},
    ),
    DemoForce(
        name="brackenhythe", code="BRK", title="Brackenhythe Police (SYNTHETIC)", role="partner",
        share=140, ethnicity=(76, 8, 9, 4, 3), offences=_PORT, arrest_shift=-40, standard="",
    ),
    DemoForce(
        name="calderstowe", code="CLD", title="Calderstowe Police (SYNTHETIC)", role="partner",
        share=110, ethnicity=(85, 4, 6, 3, 2), offences=_COUNTRY, arrest_shift=60,
        missing={"employment": 300},
    ),
    DemoForce(
        name="harrowfen", code="HRF", title="Harrowfen Police (SYNTHETIC)", role="partner",
        share=90, ethnicity=(90, 3, 3, 3, 1), offences=_COUNTRY, arrest_shift=-80, lag=4,
        standard="",
    ),
    DemoForce(
        name="tarnholt", code="TRN", title="Tarnholt Police (SYNTHETIC)", role="partner",
        share=80, ethnicity=(58, 20, 14, 5, 3), offences=_TOWN, arrest_shift=90,
        missing={"deprivation": 180},
    ),
    DemoForce(
        name="pellisworth", code="PLW", title="Pellisworth Police (SYNTHETIC)", role="partner",
        share=70, ethnicity=(93, 2, 2, 2, 1), offences=_COUNTRY, arrest_shift=-20,
    ),
    DemoForce(
        name="wexmarsh", code="WXM", title="Wexmarsh Police (SYNTHETIC)", role="partner",
        share=40, ethnicity=(80, 6, 8, 4, 2), offences=_PORT, arrest_shift=0, lag=2,
        missing={"ethnicity": 180, "sex": 25},
    ),
    DemoForce(
        name="unharm", code="UNH", title="Union Harm Agency (SYNTHETIC)", role="national",
        share=50, ethnicity=(66, 13, 13, 5, 3), offences=_AGENCY, arrest_shift=150,
        missing={"ethnicity": 150, "deprivation": 120, "employment": 250},
    ),
)  # fmt: skip
"""The forces in fixed order; SQL knows them by position."""


def per_force(column: str) -> list[int]:
    """Missing share of a column per force, per mille, in the order of `FORCES`."""
    return [force.missing.get(column, MISSING[column]) for force in FORCES]
