"""Small forces made of invented people, and the use cases that are asked of them."""

import os
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Contribution,
    Floor,
    Forces,
    GroupedStatistics,
    PayloadKind,
    Statistic,
    UseCase,
)
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.policy import Policy
from minimisation.forces.store import Store
from minimisation.forces.vault import Vault

OpenForces = Callable[..., Forces]


class AnyStep(frozenset[str]):
    """A step list that approves every name, for tests that are not about approval."""

    def __contains__(self, name: object) -> bool:
        return True


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data with published reference figures; skips loudly where absent."""
    folder = Path(os.environ.get("SANDBOX_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"REAL DATA ABSENT: set SANDBOX_SHARED (looked in {folder.name})")
    return folder


@pytest.fixture(scope="session")
def outcome_use_case() -> UseCase:
    """A binary outcome on invented people: age, sex and prior events predict it."""
    return UseCase(
        name="toy-outcome",
        title="Will it happen to this person?",
        purpose="testing",
        unit="person",
        as_of=date(2024, 1, 1),
        table="person",
        columns=(
            Column(name="person_id", role="direct_identifier"),
            Column(name="family_name", role="direct_identifier"),
            Column(
                name="age",
                role="quasi_identifier",
                domain=Bounds(low=10, high=90, edges=(18, 25, 40, 60)),
                protected=True,
            ),
            Column(
                name="sex",
                role="quasi_identifier",
                domain=Categories(values=("female", "male")),
                protected=True,
            ),
            Column(
                name="ethnicity",
                role="quasi_identifier",
                domain=Categories(values=("asian", "black", "other", "white")),
                protected=True,
                optional=True,
            ),
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


@pytest.fixture(scope="session")
def grouped_use_case() -> UseCase:
    """Counts and a rate of invented searches by force, ethnicity and sex."""
    return UseCase(
        name="toy-groups",
        title="How many searches of whom, and how many found something?",
        purpose="testing",
        unit="person",
        as_of=date(2024, 1, 1),
        table="stop_search",
        columns=(
            Column(name="person_id", role="direct_identifier"),
            Column(
                name="ethnicity",
                role="quasi_identifier",
                domain=Categories(values=("asian", "black", "other", "white")),
                protected=True,
                optional=True,
            ),
            Column(
                name="sex",
                role="quasi_identifier",
                domain=Categories(values=("female", "male")),
                protected=True,
            ),
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


def write_flat_store(path: Path, force: str, records: pa.Table) -> Store:
    """An encrypted store whose data came as one flat file."""
    vault = Vault(force=force, path=path, key=force.encode().ljust(32, b"."))
    with vault.create() as connection:
        connection.register("incoming", records)
        connection.execute("create table records as select * from incoming")
        connection.unregister("incoming")
    return vault


@pytest.fixture
def open_forces(tmp_path: Path) -> OpenForces:
    """Build forces from flat records: `open_forces(use_case, {force: table}, **policy)`."""

    def build(  # noqa: PLR0913 - each keyword is one thing a test varies
        use_case: UseCase,
        records: Mapping[str, pa.Table],
        *,
        held_out: float = 0.3,
        kinds: frozenset[PayloadKind] = frozenset(PayloadKind),
        epsilon: float = 100.0,
        minimum_contributors: int = 1,
    ) -> Forces:
        members = tuple(
            Force(
                store=write_flat_store(tmp_path / f"{use_case.name}-{name}.duckdb", name, table),
                policy=Policy(
                    use_cases=frozenset({use_case.name}),
                    steps=AnyStep(),
                    kinds=kinds,
                    minimum_contributors=minimum_contributors,
                ),
                ledger=Ledger(epsilon=epsilon, delta=1e-3),
                secret=name.encode().ljust(32, b"."),
            )
            for name, table in records.items()
        )
        return Forces(members=members, use_case=use_case, split=Split(key="7", held_out=held_out))

    return build


@pytest.fixture(scope="session")
def outcome_records() -> dict[str, pa.Table]:
    """Three forces of 400 invented people each."""
    return {name: invented_people(name, 400) for name in ("ashmere", "brackley", "coldharbour")}


@pytest.fixture
def outcome_forces(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> Forces:
    """Three forces of 400 invented people each; not yet opened."""
    return open_forces(outcome_use_case, outcome_records)


@pytest.fixture(scope="session")
def grouped_records() -> dict[str, pa.Table]:
    """Three forces' searches of 300 invented people each."""
    return {name: invented_searches(name, 300) for name in ("ashmere", "brackley", "coldharbour")}


@pytest.fixture
def grouped_forces(
    open_forces: OpenForces, grouped_use_case: UseCase, grouped_records: dict[str, pa.Table]
) -> Forces:
    """Three forces of 300 invented people's searches each; not yet opened."""
    return open_forces(grouped_use_case, grouped_records)
