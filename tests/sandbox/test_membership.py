"""The membership attack and the controls without which it gives no verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Encoding, Forces, Held, LinearModel, Microdata, Release, UseCase
from minimisation.contract.release import Artefact
from minimisation.options.field_minimisation import FieldMinimisation
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.pseudonymisation import Pseudonymisation
from minimisation.options.raw_pool import RawPool
from sandbox.assessment import assess_release
from sandbox.attacks import trial
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.attacks.membership import Membership, distances, exact_twins
from sandbox.findings import Finding
from synthetic.independent import IndependentColumns

OpenForces = Callable[..., Forces]
RNG = np.random.default_rng(1)


def attacked(forces: Forces, release: Release) -> dict[str, Finding]:
    return {finding.measure: finding for finding in trial.findings(forces, release, seed=1)}


def test_a_raw_pool_with_identifiers_gives_everyone_away(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        found = attacked(forces, RawPool().apply(forces, forces.use_case, RNG))
    assert found["membership_auc"].value == 1.0
    assert found["membership_tpr_at_1_percent_fpr"].value == 1.0
    assert found["membership_tpr_at_1_percent_fpr"].low > 0.97  # type: ignore[operator]


def test_rows_without_identifiers_reach_the_exact_match_ceiling(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        finding = attacked(forces, release)["membership_auc"]
    copy, ceiling = (
        float(part.split()[-1 if "ceiling" in part else 0])
        for part in [
            finding.note.split("positive control: ")[1].split(",")[0],
            finding.note.split(", ")[-1],
        ]
    )
    assert copy == ceiling
    assert 0.6 < ceiling < 1.0, "some of the held-out have an exact twin among the members"
    assert finding.value == pytest.approx(ceiling, abs=1e-3)


def test_rows_drawn_from_margins_give_nobody_away(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        finding = attacked(forces, IndependentColumns().apply(forces, forces.use_case, RNG))[
            "membership_auc"
        ]
    assert finding.low < 0.5 < finding.high  # type: ignore[operator]


@pytest.mark.parametrize("fixture", ["outcome_forces", "grouped_forces"])
def test_private_statistics_give_nobody_away(fixture: str, request: pytest.FixtureRequest) -> None:
    forces: Forces = request.getfixturevalue(fixture)
    with forces:
        release = PrivateStatistics().apply(forces, forces.use_case, RNG)
        finding = attacked(forces, release)["membership_auc"]
    assert finding.value is not None, finding.note
    assert abs(finding.value - 0.5) < 0.12


def test_exact_counts_of_tiny_groups_give_their_members_away(
    open_forces: OpenForces, grouped_use_case: UseCase
) -> None:
    # One person per cell: a count of one says who was there.
    cells = [(e, s) for e in ("asian", "black", "other", "white") for s in ("female", "male")]
    records = {}
    for place in range(16):
        records[f"force{place:02d}"] = pa.table(
            {
                "record_id": list(range(8)),
                "person_id": [f"SYN-{place}-{i}" for i in range(8)],
                "linkage_token": [f"t{place}-{i}" for i in range(8)],
                "ethnicity": [ethnicity for ethnicity, _ in cells],
                "sex": [sex for _, sex in cells],
                "object": ["drugs"] * 8,
                "found": [0] * 8,
            }
        )
    with open_forces(grouped_use_case, records, held_out=0.5) as forces:
        release = RawPool().apply(forces, forces.use_case, RNG)
        from sandbox.answers import answer  # noqa: PLC0415 - only here

        table = Release(artefact=answer(release.artefact, forces.use_case, forces.names))
        finding = attacked(forces, table)["membership_auc"]
    assert finding.value is not None, finding.note
    assert finding.low > 0.8  # type: ignore[operator]


def test_an_overfitted_model_gives_more_away_than_a_fitted_one(outcome_forces: Forces) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Remembers:
        """Cheats: calls a member's outcome certain, as a model that learnt it by heart would."""

        name: ClassVar[str] = "membership"
        needs: ClassVar[Needs] = "release"
        background: ClassVar[str] = "everything"
        secret: frozenset[str]

        def scores(self, artefact: Artefact, use_case: UseCase, known: Known) -> Array:
            del artefact, use_case
            names = known.candidates.column("person_id").to_pylist()
            return np.array([0.9 if name in self.secret else 0.1 for name in names])

    with outcome_forces as forces:
        members = frozenset(
            name
            for force in forces
            for (name,) in force._people(members=True).project("person_id").fetchall()
        )
        encoding = Encoding.features(forces.use_case, ("age",))
        model = Release(artefact=LinearModel(encoding=encoding, intercept=0.0, weights=(0.1,)))
        honest = attacked(forces, model)["membership_auc"]
        cheat = trial.MembershipTrial(attack=Remembers(secret=members))  # type: ignore[arg-type]
        counts = trial.resampling.dense(
            forces.assess(cheat, model, 1).values(),
            trial.AXES,
            (len(trial.Trial), trial.REPLICATES + 1, 2, trial.BINS),
        )
    assert honest.low < 0.5 < honest.high  # type: ignore[operator]
    assert trial.ranking.auc(counts[trial.Trial.RELEASE, :1])[0] > 0.6


def test_an_attack_that_tells_held_out_people_apart_gets_no_verdict(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peeking(_self: Membership, _artefact: Artefact, _case: UseCase, known: Known) -> Array:
        return np.arange(known.candidates.num_rows) % 2 / 2

    monkeypatch.setattr(Membership, "scores", peeking)
    with outcome_forces as forces:
        release = FieldMinimisation().apply(forces, forces.use_case, RNG)
        finding = attacked(forces, release)["membership_auc"]
    assert finding.value is None
    assert "no verdict" in finding.note
    assert "held-out people could be told from held-out people" in finding.note


def test_an_attack_that_misses_a_raw_copy_gets_no_verdict(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(_self: Membership, _artefact: Artefact, _case: UseCase, known: Known) -> Array:
        return np.full(known.candidates.num_rows, 0.5)

    monkeypatch.setattr(Membership, "scores", blind)
    with outcome_forces as forces:
        release = FieldMinimisation().apply(forces, forces.use_case, RNG)
        finding = attacked(forces, release)["membership_auc"]
    assert finding.value is None
    assert "did not reach the exact-match ceiling" in finding.note


def test_where_nothing_leaves_an_outsider_can_only_guess(outcome_forces: Forces) -> None:
    from minimisation.options.each_force_alone import EachForceAlone  # noqa: PLC0415 - only here

    with outcome_forces as forces:
        release = EachForceAlone().apply(forces, forces.use_case, RNG)
        assert isinstance(release.artefact, Held)
        found = {f.measure: f for f in assess_release(forces, release, seed=1) if not f.group}
    assert found["membership_auc"].value == 0.5
    assert "nothing leaves" in found["membership_auc"].note


def test_distance_counts_a_differing_label_once_and_a_number_by_its_scale(
    outcome_use_case: UseCase,
) -> None:
    columns = tuple(outcome_use_case.column(name) for name in ("age", "sex"))
    encoding = Encoding(columns=columns, reference=False)
    ours = encoding.encode(pa.table({"age": [10.0, 50.0], "sex": ["male", "male"]}))
    theirs = encoding.encode(pa.table({"age": [50.0, 90.0], "sex": ["female", "male"]}))
    # The first is half a scale and a label from one row, a whole scale from the other.
    assert distances(encoding, ours, theirs).tolist() == [0.5, 0.25]


def test_exact_twins_agree_on_every_attribute_and_ignore_identifiers(
    outcome_use_case: UseCase,
) -> None:
    row = {
        "family_name": ["A"],
        "age": [20.0],
        "sex": ["male"],
        "ethnicity": [None],
        "prior": [0.0],
        "religion": ["none"],
        "outcome": [0.0],
    }
    ours = pa.table(row)
    same, other = pa.table(row | {"family_name": ["B"]}), pa.table(row | {"age": [21.0]})
    assert exact_twins(outcome_use_case, ours, same).tolist() == [1.0]
    assert exact_twins(outcome_use_case, ours, other).tolist() == [0.0]


def test_generalised_rows_are_attacked_too(outcome_forces: Forces) -> None:
    from minimisation.options.k_anonymity import KAnonymity  # noqa: PLC0415 - only here

    with outcome_forces as forces:
        release = KAnonymity(k=5).apply(forces, forces.use_case, RNG)
        assert isinstance(release.artefact, Microdata)
        finding = attacked(forces, release)["membership_auc"]
    assert finding.value is not None, finding.note
    assert 0.45 < finding.value < 0.9
