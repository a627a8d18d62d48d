"""What a force holds and who was held out: judged inside it, and its log of all that happened."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Forces, Held, LinearModel, PolicyError, Premises, Release, Scene
from minimisation.contract.encoding import Encoding
from minimisation.forces.audit import Event
from minimisation.forces.vault import Vault
from tests.minimisation.steps import Count, Keep, OneCount, Who


def test_held_out_people_never_reach_a_step(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        forces.ask(Keep())
        sides = forces.assess(Who(), Release(artefact=Held(key="model")), seed=1)
        for name, table in forces.ask(Count()).payloads.items():
            assert table["n"][0].as_py() == sides[name]["members"][0].as_py()
            assert sides[name]["held_out"][0].as_py() > 80


def test_what_a_force_holds_never_leaves_but_can_be_assessed(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        forces.ask(Keep())
        assert sum(entry.sent for entry in forces.meter.entries) == 0
        tables = forces.assess(Who(), Release(artefact=Held(key="model")), seed=1)
        assert {table["kind"][0].as_py() for table in tables.values()} == {"LinearModel"}
        seen = sum(t["members"][0].as_py() + t["held_out"][0].as_py() for t in tables.values())
        assert seen == 1200
        with pytest.raises(PolicyError, match="must have been made"):
            forces.assess(Who(), Release(artefact=Held(key="other")), seed=1)


def test_a_measure_with_another_schema_is_refused(outcome_forces: Forces) -> None:
    class Liar(Who):
        def observe(self, scene: Scene) -> pa.Table:
            return scene.held_out.project("age").to_arrow_table()

    with outcome_forces as forces:
        encoding = Encoding.features(forces.use_case, ("prior",))
        model = LinearModel(encoding=encoding, intercept=0.0, weights=(1.0,))
        with pytest.raises(PolicyError, match="fixed schema"):
            forces.assess(Liar(), Release(artefact=model), seed=1)


def test_everything_that_happens_is_in_the_audit_log(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        forces.ask(Count())
        object.__setattr__(forces.members[0].policy, "steps", frozenset())
        forces.ask(Count())
        log = forces.members[0].audit.entries
        assert [entry.event for entry in log] == [Event.DISCLOSURE, Event.CONSULTATION]
        assert log[0].sent == forces.meter.entries[0].sent
        assert "refused" in log[1].outcome


def test_a_force_cannot_reach_outside_its_own_file(outcome_forces: Forces) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Outside(OneCount):
        statement: str
        name: str = "outside"

        def run(self, premises: Premises) -> pa.Table:
            return premises.query(self.statement)

    frame = np.zeros(3)
    assert frame.size == 3
    for force in outcome_forces.members:
        assert isinstance(force.store, Vault)
        # as forces open them outside tests
        force.store = Vault(force=force.name, path=force.store.path, key=force.store.key)
    other = outcome_forces.members[1].store.path
    with outcome_forces as forces:
        for statement in (
            f"select count(*) as n from '{other}'",
            "select count(*) as n from read_csv('/etc/passwd')",
            "select count(*) as n from frame",
            "select length(getenv('PATH')) as n",
        ):
            replies = forces.ask(Outside(statement=statement), to=["ashmere"])
            assert not replies.payloads, statement
