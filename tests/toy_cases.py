"""Two questions about invented people, and the records of those people."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Contribution,
    Floor,
    GroupedStatistics,
    Statistic,
    UseCase,
)

PERSON = Column(name="person_id", role="direct_identifier")
ETHNICITY = Column(
    name="ethnicity",
    role="quasi_identifier",
    domain=Categories(values=("asian", "black", "other", "white")),
    protected=True,
    optional=True,
)
SEX = Column(
    name="sex",
    role="quasi_identifier",
    domain=Categories(values=("female", "male")),
    protected=True,
)

OUTCOME = UseCase(
    name="toy-outcome",
    title="Will it happen to this person?",
    purpose="testing",
    unit="person",
    as_of=date(2024, 1, 1),
    table="person",
    columns=(
        PERSON,
        Column(name="family_name", role="direct_identifier"),
        Column(
            name="age",
            role="quasi_identifier",
            domain=Bounds(low=10, high=90, edges=(18, 25, 40, 60)),
            protected=True,
        ),
        SEX,
        ETHNICITY,
        Column(name="prior", role="other", domain=Bounds(low=0, high=10, edges=(1, 2, 5))),
        Column(
            name="religion",
            role="sensitive_attribute",
            domain=Categories(values=("none", "any")),
            category="s.35(8)(a) religious belief",
        ),
        Column(name="outcome", role="target", domain=Bounds(low=0, high=1), observed="after"),
    ),
    question=BinaryOutcome(
        target="outcome", features=("age", "sex", "ethnicity", "prior"), top_share=0.05
    ),
    floor=Floor(measure="auc", value=0.7, direction="at_least"),
    business_as_usual=BusinessAsUsual(points={"prior": {"per_unit": 1.0}}),
    published=(("age",), ("sex",)),
)
"""A binary outcome on invented people: age, sex and prior events predict it."""

GROUPED = UseCase(
    name="toy-groups",
    title="How many searches of whom, and how many found something?",
    purpose="testing",
    unit="person",
    as_of=date(2024, 1, 1),
    table="stop_search",
    columns=(
        PERSON,
        ETHNICITY,
        SEX,
        Column(name="object", role="other", domain=Categories(values=("drugs", "weapons"))),
        Column(name="found", role="sensitive_attribute", domain=Bounds(low=0, high=1)),
    ),
    question=GroupedStatistics(
        by=("force", "ethnicity", "sex"),
        statistics=(Statistic(aggregate="rows"), Statistic(aggregate="mean", column="found")),
    ),
    floor=Floor(measure="total_variation", value=0.1, direction="at_most"),
    business_as_usual=BusinessAsUsual(known=("force",)),
    published=(("force",), ("sex",)),
    contribution=Contribution(groups=2, rows=3),
)
"""Counts and a rate of invented searches by force, ethnicity and sex."""


def invented_people(force: str, people: int, seed: int = 7) -> pa.Table:
    """Flat records of invented people with a known logistic outcome."""
    rng = np.random.default_rng([seed, *force.encode()])
    age = rng.integers(10, 91, people)
    male = rng.random(people) < 0.6
    prior = np.minimum(rng.geometric(0.4, people) - 1, 10)
    ethnicity = rng.choice(
        np.array(["asian", "black", "other", "white", None], dtype=object),
        people,
        p=[0.15, 0.15, 0.05, 0.6, 0.05],
    )
    logit = -2.0 - 2.0 * (age - 10) / 80 + 0.5 * male + 4.0 * prior / 10
    return pa.table(
        {
            "record_id": pa.array(range(people), pa.int64()),
            "person_id": [f"SYN-{force}-{i:05d}" for i in range(people)],
            "linkage_token": [f"token-{force}-{i:05d}" for i in range(people)],
            "family_name": [f"Testperson{i:05d}" for i in range(people)],
            "age": pa.array(age, pa.int64()),
            "sex": np.where(male, "male", "female"),
            "ethnicity": pa.array(ethnicity, pa.string()),
            "prior": pa.array(prior, pa.int64()),
            "religion": rng.choice(["none", "any"], people),
            "outcome": pa.array(rng.random(people) < 1 / (1 + np.exp(-logit)), pa.int64()),
        }
    )


def invented_searches(force: str, people: int, seed: int = 11) -> pa.Table:
    """Flat search records, one to five per invented person."""
    rng = np.random.default_rng([seed, *force.encode()])
    person = np.repeat(np.arange(people), rng.integers(1, 6, people))
    ethnicity = rng.choice(["asian", "black", "other", "white"], people, p=[0.2, 0.2, 0.1, 0.5])
    sex = rng.choice(["female", "male"], people, p=[0.2, 0.8])
    return pa.table(
        {
            "record_id": pa.array(range(len(person)), pa.int64()),
            "person_id": [f"SYN-{force}-{i:05d}" for i in person],
            "linkage_token": [f"token-{force}-{i:05d}" for i in person],
            "ethnicity": ethnicity[person],
            "sex": sex[person],
            "object": rng.choice(["drugs", "weapons"], len(person)),
            "found": pa.array(rng.random(len(person)) < 0.25, pa.int64()),
        }
    )


def one_in_each_cell(found: Sequence[Sequence[int]]) -> dict[str, pa.Table]:
    """A force for each row of `found`: eight people, alone in their cells of ethnicity and sex."""
    cells = [(e, s) for e in ("asian", "black", "other", "white") for s in ("female", "male")]
    return {
        f"force{place:02d}": pa.table(
            {
                "record_id": list(range(8)),
                "person_id": [f"SYN-{place}-{i}" for i in range(8)],
                "linkage_token": [f"t{place}-{i}" for i in range(8)],
                "ethnicity": [ethnicity for ethnicity, _ in cells],
                "sex": [sex for _, sex in cells],
                "object": ["drugs"] * 8,
                "found": each,
            }
        )
        for place, each in enumerate(found)
    }
