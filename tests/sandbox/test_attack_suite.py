"""The set of attacks on one release: which run, what every result says, and which is worst."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minimisation import Forces, Microdata, Release
from minimisation.options.field_minimisation import FieldMinimisation
from minimisation.options.pseudonymisation import Pseudonymisation
from sandbox import worker
from sandbox.attacks import suite
from sandbox.attacks.kept import Kept
from sandbox.attacks.suite import FULL, MEMBERSHIP, QUICK
from sandbox.findings import Finding
from sandbox.rates import Rate, difference
from sandbox.study import Study

RNG = np.random.default_rng(1)

PLAN = """
use_case = "serious-violence"
[data]
status = "demo"
[data.demo]
people = 600
"""


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
    assert worst[0].low == pytest.approx(0.5 - 0.1 * 2.2414 / 1.96, abs=1e-4), "of two figures"
    assert worst[1].low == pytest.approx(0.1), "of one figure nothing was chosen"


def test_an_end_of_the_worst_attack_stays_what_a_risk_can_be() -> None:
    assert suite.together(result("sure", 1.0, 0.9), 10)[1] == 1.0
    assert suite.together(result("vague", 0.0, -0.9), 10)[0] == -1.0


@pytest.mark.parametrize(
    "trials", [pytest.param(300, id="sample"), pytest.param(3000, id="all", marks=pytest.mark.full)]
)
def test_the_worst_of_many_attacks_that_find_nothing_is_surely_above_nothing_in_few_trials(
    trials: int,
) -> None:
    rng = np.random.default_rng(5)
    chance = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    alarms = narrow = 0
    for _ in range(trials):
        hits = rng.binomial(250, chance, (2, len(chance)))
        found = []
        for place, (one, other) in enumerate(hits.T):
            control = Rate(hits=float(other), tries=250.0)
            gap, low, _ = difference(Rate(hits=float(one), tries=250.0), control)
            left = 1 - control.share
            found.append(result(f"attack{place}", gap / left, low / left))
        alarms += suite.worst(found)[0].low > 0  # type: ignore[operator]
        narrow += max(each.residual_low or 0.0 for each in found) > 0
    assert alarms <= 0.05 * trials
    assert narrow > 0.1 * trials, "intervals of 95 % each would raise false alarms"


def test_the_quick_set_attacks_at_most_three_forces(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        assert suite.part(forces, 2).names == (forces.names[0], forces.names[1])
        assert suite.part(forces, 3) is forces
        assert suite.part(forces, None) is forces
        many = replace(forces, members=forces.members * 3)
        assert len(suite.part(many, 3).members) == 3


def test_an_attack_is_run_again_if_anything_that_it_depends_on_has_changed(tmp_path: Path) -> None:
    runs: list[str] = []

    def attack() -> list[Finding]:
        runs.append("ran")
        return [replace(result("copies", 0.5, 0.4), replicates=(0.4, 0.6), note="as it was")]

    about = ("release", "snapshot", "seed", "code")
    first = Kept(folder=tmp_path / "kept", about=about).found("copies", attack)
    again = Kept(folder=tmp_path / "kept", about=about).found("copies", attack)
    assert again == first == attack()
    assert len(runs) == 2, "once for the first, once for the comparison"
    Kept(folder=tmp_path / "kept", about=about).found("linkability", attack)
    for place in range(len(about)):
        changed = tuple("other" if i == place else each for i, each in enumerate(about))
        Kept(folder=tmp_path / "kept", about=changed).found("copies", attack)
    assert len(runs) == 2 + 1 + len(about)
    Kept().found("copies", attack)
    Kept().found("copies", attack)
    assert len(runs) == 2 + 1 + len(about) + 2, "where nothing is kept everything is run"


def test_a_release_or_a_set_that_differs_finds_nothing_kept(
    tmp_path: Path, demo_workspace: Path
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, "utf-8")
    study = Study(plan_path=path, workspace=demo_workspace)
    code = worker.Code.installed()
    with study.forces() as forces:
        rows = FieldMinimisation().apply(forces, forces.use_case, RNG)
        again = FieldMinimisation().apply(forces, forces.use_case, RNG)
        assert isinstance(rows.artefact, Microdata)
        fewer = Release(artefact=replace(rows.artefact, table=rows.artefact.table.slice(1)))
        kept, same, other, larger = (
            worker.kept_results(study, forces, chosen, release, code).about
            for release, chosen in ((rows, QUICK), (again, QUICK), (fewer, QUICK), (rows, FULL))
        )
    assert kept == same
    assert len({kept, other, larger}) == 3
