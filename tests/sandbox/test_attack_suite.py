"""The set of attacks on one release: which run, what every result says, and which is worst."""

from dataclasses import replace

import numpy as np

from minimisation import Forces
from minimisation.options.pseudonymisation import Pseudonymisation
from sandbox.attacks import suite
from sandbox.attacks.suite import MEMBERSHIP, QUICK
from sandbox.findings import Finding

RNG = np.random.default_rng(1)


def result(measure: str, residual: float, low: float, group: str = "") -> Finding:
    return Finding(
        measure=measure,
        value=residual,
        better="neither",
        attack=measure,
        group=group,
        residual=residual,
        residual_low=low,
        residual_high=1.0,
    )


def test_the_quick_set_says_of_every_attack_what_was_known_and_what_remains(
    outcome_forces: Forces,
) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        found = suite.findings(forces, release, 1, QUICK)
        few = suite.findings(forces, release, 1, MEMBERSHIP)
    everyone = {finding.measure: finding for finding in found if not finding.group}
    for family in ("singling_out", "linkability", "attribute_inference", "outside_match", "copies"):
        risk = everyone[f"{family}_risk"]
        assert risk.value is not None, risk.note
        assert risk.residual == risk.value
        assert risk.background
        assert risk.needs == "release"
        assert risk.positive is not None
        assert risk.control is not None
        assert risk.detectable is not None
    assert everyone["formal_k"].value == 1
    assert everyone["copies_success"].value == 1
    worst = everyone["worst_attack"]
    assert worst.value is not None
    assert worst.value > 0.9
    assert worst.attack
    assert {"outliers", "sex=male"} <= {f.group for f in found if f.measure == "membership_auc"}
    assert {f.attack for f in few} == {"membership"}


def test_the_worst_attack_is_the_one_that_surely_found_most() -> None:
    found = [result("wide", 0.9, 0.1), result("narrow", 0.5, 0.4), result("other", 0.2, 0.1, "x")]
    worst = suite.worst([*found, Finding(measure="a", value=None, better="neither", attack="mute")])
    assert [(each.group, each.attack, each.value) for each in worst] == [
        ("", "narrow", 0.5),
        ("x", "other", 0.2),
    ]
    assert "without one: mute" in worst[0].note


def test_the_quick_set_attacks_at_most_three_forces(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        assert suite.part(forces, 2).names == (forces.names[0], forces.names[1])
        assert suite.part(forces, 3) is forces
        assert suite.part(forces, None) is forces
        many = replace(forces, members=forces.members * 3)
        assert len(suite.part(many, 3).members) == 3
