"""The membership attack and the controls without which it gives no verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from toy_cases import one_in_each_cell

from minimisation import Encoding, Forces, Held, Microdata, Release, UseCase
from minimisation.contract.release import Artefact
from minimisation.options.field_minimisation import FieldMinimisation
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.options.pseudonymisation import Pseudonymisation
from minimisation.options.raw_pool import RawPool
from sandbox.answers import answer
from sandbox.assessment import assess_release
from sandbox.attacks import verdict
from sandbox.attacks.attack import Array, Known, Needs
from sandbox.attacks.membership import Membership, distances, exact_twins
from sandbox.attacks.trial import MembershipTrial, Trial
from sandbox.findings import Finding
from sandbox.measures import ranking
from synthetic.independent import IndependentColumns

OpenForces = Callable[..., Forces]
RNG = np.random.default_rng(1)


def attacked(
    forces: Forces, release: Release, trial: MembershipTrial | None = None
) -> dict[str, Finding]:
    found = verdict.findings(forces, release, seed=1, trial=trial)
    return {finding.measure: finding for finding in found if not finding.group}


def counted(forces: Forces, release: Release) -> Array:
    """Counts of (trial, replicate, member, bin) over the forces."""
    return verdict.counted(forces, release, 1, MembershipTrial())[0]


def test_a_raw_pool_with_identifiers_gives_everyone_away(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        found = attacked(forces, RawPool().apply(forces, forces.use_case, RNG))
    assert found["membership_auc"].value == 1.0
    assert found["membership_tpr_at_1_percent_fpr"].value == 1.0
    assert found["membership_tpr_at_1_percent_fpr"].low > 0.97  # type: ignore[operator]


def test_rows_without_identifiers_reach_the_exact_match_ceiling(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        counts = counted(forces, release)
        finding = attacked(forces, release)["membership_auc"]
    ceiling = verdict.ceiling_of(counts[Trial.TWINS, 0, 0, :2])
    assert 0.6 < ceiling < 1.0, "some of the held-out have an exact twin among the members"
    assert finding.value == pytest.approx(float(ceiling), abs=1e-3)


def test_the_ceiling_is_what_counting_twins_in_sql_gives(outcome_forces: Forces) -> None:
    columns = "age, sex, ethnicity, prior, religion, outcome"
    twins = total = 0
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        counts = counted(forces, release)
        for force in forces:
            sides = {name: force._people(members=name == "inside") for name in ("inside", "out")}
            with duckdb.connect() as connection:
                for name, rows in sides.items():
                    connection.register(name, rows.to_arrow_table())
                found = connection.execute(
                    f"select count(*), count(*) filter ((exists (select {columns} from inside i "
                    f"where {same('i', 'o')}))) from out o"
                ).fetchone()
            assert found is not None
            total, twins = total + found[0], twins + found[1]
    ceiling = float(verdict.ceiling_of(counts[Trial.TWINS, 0, 0, :2]))
    assert ceiling == pytest.approx(1 - twins / total / 2, abs=0.06), "half of them are attacked"


def same(one: str, other: str) -> str:
    names = ("age", "sex", "ethnicity", "prior", "religion", "outcome")
    return " and ".join(f"{one}.{name} is not distinct from {other}.{name}" for name in names)


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
    records = one_in_each_cell([[0] * 8] * 16)
    with open_forces(grouped_use_case, records, held_out=0.5) as forces:
        release = RawPool().apply(forces, forces.use_case, RNG)
        table = Release(artefact=answer(release.artefact, forces.use_case, forces.names))
        finding = attacked(forces, table)["membership_auc"]
    assert finding.value is not None, finding.note
    assert finding.low > 0.8  # type: ignore[operator]


def test_a_model_made_of_few_people_remembers_them_and_a_pooled_one_does_not(
    outcome_forces: Forces,
) -> None:
    with outcome_forces as forces:
        pooled = RawPool().apply(forces, forces.use_case, RNG).artefact
        model = Release(artefact=answer(pooled, forces.use_case, forces.names))
        counts = counted(forces, model)
        finding = attacked(forces, model)["membership_auc"]
    assert ranking.auc(counts[Trial.LEAK, 0]) > 0.6
    assert finding.low < 0.5 < finding.high  # type: ignore[operator]


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A membership attack that is broken on the kinds of artefact named, and sound elsewhere."""

    name: ClassVar[str] = "membership"
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = "everything"
    broken: Callable[[Artefact, UseCase, Known], Array]
    kinds: tuple[type, ...]

    def scores(self, artefact: Artefact, use_case: UseCase, known: Known) -> Array:
        if isinstance(artefact, self.kinds):
            return self.broken(artefact, use_case, known)
        return Membership().scores(artefact, use_case, known)


def blind(artefact: Artefact, use_case: UseCase, known: Known) -> Array:
    del artefact, use_case
    return np.full(known.candidates.num_rows, 0.5)


def reversed_(artefact: Artefact, use_case: UseCase, known: Known) -> Array:
    return 1 - Membership().scores(artefact, use_case, known)


def by_order(artefact: Artefact, use_case: UseCase, known: Known) -> Array:
    del artefact, use_case
    count = known.candidates.num_rows
    return np.linspace(0.0, 0.9, count)


def by_fold(artefact: Artefact, use_case: UseCase, known: Known) -> Array:
    if "share" not in known.candidates.column_names:
        return blind(artefact, use_case, known)
    return np.asarray(known.candidates.column("share"), dtype=float)


KINDS = ("rows", "model", "table")


def released(kind: str, forces: Forces) -> Release:
    """Rows, the model fitted to them, or a noisy table."""
    if kind == "table":
        return PrivateStatistics().apply(forces, forces.use_case, RNG)
    rows = Pseudonymisation().apply(forces, forces.use_case, RNG)
    if kind == "rows":
        return rows
    return Release(artefact=answer(rows.artefact, forces.use_case, forces.names))


@pytest.mark.parametrize("broken", [blind, reversed_, by_order, by_fold])
@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_attack_gets_no_verdict_on_any_kind_of_release(
    kind: str,
    broken: Callable[[Artefact, UseCase, Known], Array],
    request: pytest.FixtureRequest,
) -> None:
    forces: Forces = request.getfixturevalue(
        "grouped_forces" if kind == "table" else "outcome_forces"
    )
    with forces:
        release = released(kind, forces)
        mutant = Mutant(broken=broken, kinds=(type(release.artefact),))
        sound = attacked(forces, release)["membership_auc"]
        found = attacked(forces, release, MembershipTrial(attack=mutant))["membership_auc"]
    assert sound.value is not None, sound.note
    assert found.value is None
    assert "no verdict, controls failed: the attack did not find whom" in found.note


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_with_a_stolen_list_of_members_gets_no_verdict(
    kind: str, request: pytest.FixtureRequest
) -> None:
    forces: Forces = request.getfixturevalue(
        "grouped_forces" if kind == "table" else "outcome_forces"
    )
    with forces:
        names = [column.name for column in forces.use_case.columns]
        stolen = {
            row
            for force in forces
            for row in force._people(members=True).project(", ".join(names)).fetchall()
        }

        def thief(artefact: Artefact, use_case: UseCase, known: Known) -> Array:
            honest = Membership().scores(artefact, use_case, known)
            rows = zip(*(known.candidates.column(name).to_pylist() for name in names), strict=True)
            return np.where([row in stolen for row in rows], 1.0, honest * 0.9)

        release = released(kind, forces)
        mutant = Mutant(broken=thief, kinds=(type(release.artefact),))
        found = attacked(forces, release, MembershipTrial(attack=mutant))["membership_auc"]
    assert found.value is None
    assert "without any release of theirs" in found.note


def test_an_attack_that_tells_held_out_people_apart_gets_no_verdict(
    outcome_forces: Forces,
) -> None:
    with outcome_forces as forces:
        release = FieldMinimisation().apply(forces, forces.use_case, RNG)
        counts = counted(forces, release)
    assert not verdict.failures(counts, rows=True)
    swapped = counts.copy()
    swapped[Trial.HOLDOUT] = counts[Trial.LEAK]
    assert verdict.failures(swapped, rows=True) == [
        "held-out people could be told from held-out people"
    ]


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


def test_exact_twins_agree_on_every_named_column_missing_values_included() -> None:
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
    alike, other = pa.table(row | {"family_name": ["B"]}), pa.table(row | {"age": [21.0]})
    names = [name for name in row if name != "family_name"]
    assert exact_twins(names, ours, alike).tolist() == [1.0]
    assert exact_twins(names, ours, other).tolist() == [0.0]
    assert exact_twins([*names, "family_name"], ours, alike).tolist() == [0.0]


def test_generalised_rows_are_attacked_too(outcome_forces: Forces) -> None:
    from minimisation.options.k_anonymity import KAnonymity  # noqa: PLC0415 - only here

    with outcome_forces as forces:
        release = KAnonymity(k=5).apply(forces, forces.use_case, RNG)
        assert isinstance(release.artefact, Microdata)
        finding = attacked(forces, release)["membership_auc"]
    assert finding.value is not None, finding.note
    assert 0.45 < finding.value < 0.9
