"""Use cases and people with planted dependence, for synthesisers."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Forces, GroupedStatistics, Microdata, Option, Statistic, UseCase
from synthetic import OPTIONS, GaussianCopula, IndependentColumns, SequentialTrees

CANARY = "Zzcanaryname"


Synthesise = Callable[..., list[pa.Table]]


def released(option: Option, forces: Forces, use_case: UseCase, seed: int = 1) -> pa.Table:
    """The rows of an option's release, with the forces opened and closed."""
    with forces:
        release = option.apply(forces, use_case, np.random.default_rng(seed))
    assert isinstance(release.artefact, Microdata)
    assert release.artefact.synthetic
    return release.artefact.table


ROW_BY_ROW = (IndependentColumns(), GaussianCopula(), SequentialTrees())
"""Options that send as many rows as there are."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `option` or `fitted` once for every option of that sort."""
    for name, options in (("option", OPTIONS), ("fitted", ROW_BY_ROW)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, options, ids=[option.name for option in options])


@pytest.fixture
def people() -> Callable[..., pa.Table]:
    """`people(n)`: prior events follow age closely; everything else is independent."""

    def build(size: int, seed: int = 3) -> pa.Table:
        rng = np.random.default_rng(seed)
        age = rng.integers(10, 91, size)
        prior = np.clip((age - 10) // 8 + rng.integers(-1, 2, size), 0, 10)
        return pa.table(
            {
                "record_id": pa.array(range(size), pa.int64()),
                "person_id": [f"SYN-{i:05d}" for i in range(size)],
                "linkage_token": [f"token-{i:05d}" for i in range(size)],
                "family_name": [CANARY] * size,
                "age": pa.array(age, pa.int64()),
                "sex": pa.array(rng.choice(["female", "male"], size), pa.string()),
                "ethnicity": pa.array(
                    rng.choice(np.array(["asian", "white", None], dtype=object), size), pa.string()
                ),
                "prior": pa.array(prior, pa.int64()),
                "religion": pa.array(["none"] * size, pa.string()),
                "outcome": pa.array(prior > 5, pa.int64()),
            }
        )

    return build


@pytest.fixture
def synthesise(open_forces: Callable[..., Forces], outcome_use_case: UseCase) -> Synthesise:
    """`synthesise(option, records, *seeds)`: one released table per seed, one force per record."""

    def build(option: Option, records: Mapping[str, pa.Table], *seeds: int) -> list[pa.Table]:
        forces = open_forces(outcome_use_case, records, held_out=0.0, minimum_contributors=0)
        return [released(option, forces, outcome_use_case, seed) for seed in seeds or (1,)]

    return build


@pytest.fixture
def searches(grouped_use_case: UseCase) -> UseCase:
    """Searches and persons searched, by ethnicity, sex and object."""
    return replace(
        grouped_use_case,
        question=GroupedStatistics(
            by=("force", "ethnicity", "sex", "object"),
            statistics=(
                Statistic(aggregate="persons"),
                Statistic(aggregate="rows"),
                Statistic(aggregate="mean", column="found"),
            ),
        ),
    )


@pytest.fixture
def searched() -> Callable[..., pa.Table]:
    """`searched(n)`: people searched one to three times, for the same object each time."""

    def build(size: int, seed: int = 3) -> pa.Table:
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(size), rng.integers(1, 4, size))
        objects = rng.choice(["drugs", "weapons"], size)[person]
        ethnicity = rng.choice(["asian", "white"], size)[person]
        return pa.table(
            {
                "record_id": pa.array(range(len(person)), pa.int64()),
                "person_id": [f"SYN-{number:05d}" for number in person],
                "linkage_token": [f"token-{number:05d}" for number in person],
                "ethnicity": ethnicity,
                "sex": rng.choice(["female", "male"], size)[person],
                "object": objects,
                "found": pa.array((objects == "drugs").astype(int), pa.int64()),
            }
        )

    return build
