"""Forces of a few people each: some hold no member, some hold nobody who was held out."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from federated import FederatedAveraging
from minimisation import Forces, Option, UseCase
from minimisation.options.non_personal import NonPersonal
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.raw_pool import RawPool
from sandbox.attacks import differencing, gradient_inversion, shadow, suite
from sandbox.attacks.suite import FULL, QUICK, Suite

OpenForces = Callable[..., Forces]
RNG = np.random.default_rng(1)
SIZES = {"large": 60, "one": 1, "two": 2, "four": 4, "six": 6, "eight": 8}


def first(records: pa.Table, people: int) -> pa.Table:
    """The records of so many people."""
    chosen = pc.unique(records["person_id"]).slice(0, people)
    return records.filter(pc.is_in(records["person_id"], chosen))


@pytest.fixture(params=["outcome", "grouped"])
def tiny_forces(request: pytest.FixtureRequest, open_forces: OpenForces) -> Forces:
    """One force of 60 people beside five of one to eight, most of them held out; not yet opened."""
    use_case: UseCase = request.getfixturevalue(f"{request.param}_use_case")
    records: dict[str, pa.Table] = request.getfixturevalue(f"{request.param}_records")
    few = {name: first(records["ashmere"], size) for name, size in SIZES.items()}
    return open_forces(use_case, few, held_out=0.8, minimum_contributors=0)


@pytest.mark.parametrize("option", [RawPool(), PrivateStatistics(epsilon=1.0), NonPersonal()])
@pytest.mark.parametrize("chosen", [QUICK, FULL], ids=lambda each: each.name)
def test_every_attack_survives_forces_of_one_to_eight_people(
    tiny_forces: Forces, option: Option, chosen: Suite
) -> None:
    with tiny_forces as forces:
        release = option.apply(forces, forces.use_case, RNG)
        found = suite.findings(forces, release, 1, chosen)
    assert any(each.attack for each in found)
    repeated = Counter((each.measure, each.group, each.force) for each in found)
    assert set(repeated.values()) == {1}


def test_attacks_on_trainings_survive_forces_of_one_to_eight_people(
    open_forces: OpenForces,
    outcome_use_case: UseCase,
    outcome_records: dict[str, pa.Table],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gradient_inversion, "RUNS", {1: 2, 64: 1})
    few = {name: first(outcome_records["ashmere"], SIZES[name]) for name in ("large", "one", "two")}
    option = FederatedAveraging(rounds=2)
    with open_forces(outcome_use_case, few, held_out=0.8, minimum_contributors=0) as forces:
        found = shadow.findings(forces, option, 1, refits=3)
        alone, many = gradient_inversion.findings(forces, option, 1)
    assert {"shadow", "trajectory", "updates"} == {each.attack for each in found}
    assert alone.note
    assert many.value is None
    assert "no force has 128 people" in many.note


def test_attacks_on_refitted_tables_survive_forces_of_one_to_eight_people(
    open_forces: OpenForces, grouped_use_case: UseCase, grouped_records: dict[str, pa.Table]
) -> None:
    few = {name: first(grouped_records["ashmere"], SIZES[name]) for name in ("large", "one", "two")}
    with open_forces(grouped_use_case, few, held_out=0.8, minimum_contributors=0) as forces:
        found = shadow.findings(forces, RawPool(), 1, refits=3)
        told = differencing.findings(forces, RawPool(), 1, comers=6)
    assert {"shadow"} == {each.attack for each in found}
    assert {"differencing"} == {each.attack for each in told}
