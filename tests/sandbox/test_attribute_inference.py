"""Attribute inference: known answers, controls, and attacks that are broken on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Bounds, Column, Forces, Release, UseCase
from minimisation.contract.release import Artefact
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.pseudonymisation import Pseudonymisation
from sandbox.attacks import attribute_inference, guesses, tally, tally_verdict
from sandbox.attacks.attack import Array, Known
from sandbox.attacks.attribute_inference import AttributeInference
from sandbox.attacks.tally import Source, Tally
from sandbox.attacks.targeted import TargetedTrial
from sandbox.findings import Finding
from sandbox.rates import Rate, difference
from synthetic.independent import IndependentColumns

RNG = np.random.default_rng(1)


def found(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.measure: finding for finding in findings if not finding.group}


def test_wilson_and_newcombe_give_their_published_examples() -> None:
    # Newcombe (1998), table II(a): 56/70 against 48/80, method 10.
    one, other = Rate(hits=56, tries=70), Rate(hits=48, tries=80)
    gap, low, high = difference(one, other, z=1.959964)
    assert (gap, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion": 81/263.
    assert Rate(hits=81, tries=263).wilson(1.959964) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_nearest_rows_vote_and_ties_are_all_heard() -> None:
    theirs = np.array([[0.0], [0.0], [0.0], [1.0]])
    votes = np.eye(2)[[0, 1, 1, 0]]
    assert guesses.by_nearest(theirs, votes, np.array([[0.1], [0.9]])).tolist() == [1, 0]


def test_a_forest_remembers_the_rows_it_was_given() -> None:
    rows = np.arange(40.0)[:, None]
    labels = RNG.integers(0, 2, 40)
    assert (guesses.by_model(rows, labels, rows, RNG) == labels).all()


def test_a_bounded_column_without_bins_is_cut_into_equal_parts() -> None:
    yes_no = Column(name="found", role="other", domain=Bounds(low=0, high=1))
    assert guesses.codes(yes_no, pa.table({"found": [0, 1, 1]})).tolist() == [0, 1, 1]
    long = Column(name="points", role="other", domain=Bounds(low=0, high=100))
    assert guesses.codes(long, pa.table({"points": [0, 9, 10, 100]})).tolist() == [0, 0, 1, 9]


def test_raw_rows_give_members_away_and_others_not(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        findings = attribute_inference.findings(forces, release, seed=1)
    success, risk = (found(findings)[f"attribute_inference_{part}"] for part in ("success", "risk"))
    assert success.value > 0.9  # type: ignore[operator]
    assert success.control < 0.9  # type: ignore[operator]
    assert success.baseline < 0.9  # type: ignore[operator]
    assert risk.low > 0.5  # type: ignore[operator]
    assert "worst of 4 attacks" in risk.note
    groups = {finding.group for finding in findings}
    assert {"outliers", "sex=female", "ethnicity=white"} <= groups


def test_a_secret_drawn_at_random_is_found_by_memory_alone(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        trial = TargetedTrial(attacks=(AttributeInference(),))
        counts = Tally.of(forces.assess(trial, release, 1).values())
    for what in ("religion by the nearest rows", "religion by a trained model"):
        rates = {
            (source, inside): counts.rate(what, source, inside=inside)
            for source in Source
            for inside in (True, False)
        }
        assert rates[Source.RELEASE, True].share > 0.9
        for place in ((Source.RELEASE, False), (Source.REFERENCE, True), (Source.STRANGERS, True)):
            low, high = rates[place].wilson(3.29)
            assert low < 0.5 < high, place


def test_rows_drawn_from_margins_give_no_secret_away(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = IndependentColumns().apply(forces, forces.use_case, RNG)
        risk = found(attribute_inference.findings(forces, release, seed=1))
    finding = risk["attribute_inference_risk"]
    assert finding.low < 0 < finding.high  # type: ignore[operator]


def test_private_statistics_give_no_secret_away(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        release = PrivateStatistics().apply(forces, forces.use_case, RNG)
        findings = found(attribute_inference.findings(forces, release, seed=1))
    finding = findings["attribute_inference_risk"]
    assert finding.value is None or finding.low < 0.1  # type: ignore[operator]


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """Attribute inference whose successes are made up."""

    name: ClassVar[str] = "attribute_inference"
    background: ClassVar[str] = "everything"
    made_up: Callable[[Known], Array]

    def hits(
        self, artefact: Artefact, use_case: UseCase, known: Known, rng: np.random.Generator
    ) -> dict[str, Array]:
        del artefact, use_case, rng
        return {"made up": self.made_up(known)}


def blind(known: Known) -> Array:
    return np.arange(known.candidates.num_rows) % 2.0


def peeping(known: Known) -> Array:
    return np.ones(known.candidates.num_rows)


@pytest.mark.parametrize("made_up", [blind, peeping])
def test_an_attack_that_finds_no_leak_gets_no_verdict(
    outcome_forces: Forces, made_up: Callable[[Known], Array]
) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        trial = TargetedTrial(attacks=(Mutant(made_up=made_up),))
        counts = Tally.of(forces.assess(trial, release, 1).values())
    finding = tally_verdict.findings("attribute_inference", "", counts)[0]
    assert finding.value is None
    assert "gives members away told no more" in finding.note


def test_an_attack_with_a_list_of_members_gets_no_verdict(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        stolen = {
            name
            for force in forces
            for (name,) in force._people(members=True).project("person_id").fetchall()
        }

        def thief(known: Known) -> Array:
            names = known.candidates.column("person_id").to_pylist()
            return np.array([float(name in stolen) for name in names])

        trial = TargetedTrial(attacks=(Mutant(made_up=thief),))
        counts = Tally.of(forces.assess(trial, release, 1).values())
    finding = tally_verdict.findings("attribute_inference", "", counts)[0]
    assert finding.value is None
    assert "without any release of theirs" in finding.note


def test_two_opposite_secrets_are_found_by_hand(outcome_use_case: UseCase) -> None:
    from minimisation import Microdata  # noqa: PLC0415 - only here

    def people(religion: list[str], age: list[int]) -> pa.Table:
        return pa.table({"age": age, "sex": ["male"] * len(age), "religion": religion})

    release = Microdata(table=people(["any", "none", "none"], [20, 80, 80]))
    known = Known(
        force="x",
        candidates=people(["any", "any", "none"], [20, 79, 80]),
        reference=people(["any"], [20]),
    )
    hits = AttributeInference().hits(release, outcome_use_case, known, RNG)
    assert hits["religion by the nearest rows"].tolist() == [1, 0, 1]


def test_counts_of_forces_add_up() -> None:
    rows = tally.rows(
        Source.RELEASE,
        {"a": np.array([1.0, 0.0, 1.0])},
        {"": np.array([True, True, False])},
        inside=True,
    )
    table = pa.Table.from_pylist(rows, schema=tally.SCHEMA)
    total = Tally.of([table, table]).rate("a", Source.RELEASE, inside=True)
    assert total == Rate(hits=2, tries=4)


def test_a_release_without_secrets_has_nothing_to_find(outcome_forces: Forces) -> None:
    from minimisation import Microdata  # noqa: PLC0415 - only here

    with outcome_forces as forces:
        raw = Pseudonymisation().apply(forces, forces.use_case, RNG).artefact
        assert isinstance(raw, Microdata)
        release = Release(artefact=Microdata(table=raw.table.select(["age", "sex", "force"])))
        finding = attribute_inference.findings(forces, release, seed=1)[0]
    assert finding.value is None
    assert "nothing released could be attacked" in finding.note
