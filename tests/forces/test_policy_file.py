"""A force's policy: what it does not say is denied."""

import sys
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from minimisation import Forces, Payload, PayloadKind, Premises, UseCase, UseCaseError
from minimisation.forces.actors import Actor, Role
from minimisation.forces.code_digest import code_digest
from minimisation.forces.policy import Policy
from minimisation.forces.policy_file import PolicyFile, read_policy

ONE = pa.schema([("rows", pa.int64())])
ANALYST = Actor(name="A. Nalyst", role=Role.ANALYST, public=b"p" * 32)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """A count, honest or made up."""

    value: int = 40
    name: str = "counts"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=ONE, most_rows=1)

    def run(self, premises: Premises) -> pa.Table:
        del premises
        return pa.table({"rows": [self.value]}, schema=ONE)


def policy(**changes: object) -> Policy:
    purpose = {
        "who": [ANALYST.fingerprint],
        "kinds": ["statistics"],
        "steps": {"counts": "unpinned"},
        "minimum_cell": 5,
    }
    content = {"purpose": {"toy-outcome": purpose | changes}}
    return PolicyFile.model_validate(content).of("toy-outcome")


def reasons(forces: Forces, rules: Policy, step: Counts, actor: Actor | None = ANALYST) -> str:
    """What the first force answers: a rule, or nothing."""
    for force in forces:
        force.policy, force.actor = rules, actor
    with forces:
        replies = forces.ask(step)
    return replies.refusals[0].rule if replies.refusals else ""


def test_what_a_policy_permits_goes_through(outcome_forces: Forces) -> None:
    assert reasons(outcome_forces, policy(), Counts()) == ""


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"who": []}, "not one who may ask"),
        ({"steps": {}}, "not approved"),
        ({"kinds": []}, "may not leave"),
        ({"kinds": ["model update"]}, "may not leave"),
        ({"minimum_contributors": 10_000}, "fewer than 10000 contributors"),
        ({"most_bytes": 10}, "larger than 10 bytes"),
        ({"minimum_cell": 41}, "fewer than 41"),
        ({"steps": {"counts": "0" * 64}}, "not the code that was approved"),
    ],
)
def test_what_a_policy_does_not_permit_is_refused(
    outcome_forces: Forces, changes: dict[str, object], rule: str
) -> None:
    assert rule in reasons(outcome_forces, policy(**changes), Counts())


def test_the_default_and_every_other_use_case_are_denied(outcome_forces: Forces) -> None:
    assert reasons(outcome_forces, Policy(), Counts())
    assert "not one who" in reasons(outcome_forces, PolicyFile().of("toy-outcome"), Counts())


def test_an_asker_without_a_proved_key_is_refused(outcome_forces: Forces) -> None:
    assert "not one who" in reasons(outcome_forces, policy(), Counts(), None)
    stranger = replace(ANALYST, public=b"q" * 32)
    assert "not one who" in reasons(outcome_forces, policy(), Counts(), stranger)


def test_an_empty_cell_is_not_a_small_one(outcome_forces: Forces) -> None:
    assert reasons(outcome_forces, policy(), Counts(value=0)) == ""
    assert "fewer than 5" in reasons(outcome_forces, policy(), Counts(value=4))


def test_mutant_without_a_minimum_lets_a_small_cell_out(outcome_forces: Forces) -> None:
    assert reasons(outcome_forces, policy(minimum_cell=0), Counts(value=1)) == ""


def test_the_audit_names_the_key_that_asked(outcome_forces: Forces) -> None:
    reasons(outcome_forces, policy(), Counts())
    for force in outcome_forces:
        assert force.audit.entries[-1].actor == str(ANALYST)


def test_an_approved_digest_fits_the_code_and_no_other(
    outcome_forces: Forces, tmp_path: Path
) -> None:
    digest = code_digest(Counts)
    assert reasons(outcome_forces, policy(steps={"counts": digest}), Counts()) == ""
    versions = []
    for number, body in enumerate(("return 1", "return 2")):
        path = tmp_path / f"step_{number}.py"
        path.write_text(f"class Step:\n    def run(self):\n        {body}\n")
        versions.append(code_digest(loaded(path, "stepfile").Step))
    assert versions[0] != versions[1]


def test_a_change_in_an_imported_file_of_the_project_changes_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimisation.forces.code_digest.PACKAGES", ("helpful",))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helpful.py").write_text("VALUE = 1\n")
    (tmp_path / "first.py").write_text("import helpful\nclass Step:\n    pass\n")
    before = code_digest(loaded(tmp_path / "first.py", "first").Step)
    (tmp_path / "helpful.py").write_text("VALUE = 2\n")
    after = code_digest(loaded(tmp_path / "first.py", "first").Step)
    assert before != after


def loaded(path: Path, name: str) -> ModuleType:
    spec = util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[purpose.a]\nkind = ['rows']", "kind"),
        ("[purpose.a]\nkinds = ['everything']", "kinds"),
        ("[purpose.a]\nepsilon = -1", "epsilon"),
        ("[purpose.a]\nepsilon = inf", "epsilon"),
        ("[purpose.a.steps]\ncounts = 'yes'", "counts"),
        ("retrieval_hours = 1", "retrieval_hours"),
        ("this is not TOML", "valid TOML"),
    ],
)
def test_a_bad_policy_is_refused_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(UseCaseError, match=key):
        read_policy(path)


def test_a_policy_is_read_from_its_file_and_denies_without_one(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    assert read_policy(path).of("a").steps == frozenset()
    path.write_text("[purpose.a]\nkinds = ['statistics']\n[purpose.a.steps]\nx = 'unpinned'\n")
    assert read_policy(path).of("a").steps == {"x"}
    assert read_policy(path).of("b").steps == frozenset()
