"""The benchmark of the attack set attacks what it says."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.workloads import attack_set
from minimisation.forces.analysis import FLAT
from sandbox.attacks import suite

SMALL = replace(attack_set.WORKLOAD.settings[0], rows=160)


def test_people_are_dealt_to_four_forces_and_nobody_twice() -> None:
    rows = attack_set.people(241)
    forces = attack_set.forces_of(rows)
    dealt = []
    for member in forces.members:
        with member.store.open() as connection:
            query = f"select person_id from {FLAT}"
            dealt += [name for (name,) in connection.execute(query).fetchall()]
    assert len(forces.members) == 4
    assert sorted(dealt) == rows.column("person_id").to_pylist()


@pytest.mark.parametrize("case", [pytest.param("raw-pool", marks=pytest.mark.full), "k-anonymity"])
def test_every_attack_of_the_full_set_finds_something_to_measure(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "FULL", replace(suite.FULL, refits=4, people=30, predicates=20))
    setting = replace(SMALL, case=case)
    attack_set.generate(setting, tmp_path / "people.parquet")
    trial = attack_set.trial(setting, tmp_path / "people.parquet")
    found = trial.run()
    attacks = {each.attack for each in found if each.value is not None}
    assert {"membership", "singling_out", "linkability", "shadow"} <= attacks
    assert trial.figures()["attacks"] >= len(attacks)
