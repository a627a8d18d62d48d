"""Linkability, the outside file and singling out: known answers, controls, and mutants."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import one_in_each_cell

from minimisation import Forces, Microdata, Release, Statistics, UseCase
from minimisation.options.k_anonymity import KAnonymity
from minimisation.options.pseudonymisation import Pseudonymisation
from minimisation.options.raw_pool import RawPool
from sandbox.answers import answer
from sandbox.attacks import (
    linkability,
    outside_match,
    predicates,
    singling_out,
    tally,
    tally_verdict,
    targets,
)
from sandbox.attacks.attack import Known
from sandbox.attacks.cells import Crowd, possible
from sandbox.attacks.linkability import Linkability
from sandbox.attacks.outside_match import OutsideMatch
from sandbox.attacks.tally import Source, Tally
from sandbox.attacks.targeted import TargetedTrial
from sandbox.findings import Finding
from synthetic.independent import IndependentColumns

RNG = np.random.default_rng(1)

FINDINGS: dict[str, Callable[..., list[Finding]]] = {
    "linkability": linkability.findings,
    "outside_match": outside_match.findings,
    "singling_out": singling_out.findings,
}


def people(age: list[int], sex: list[str], religion: list[str]) -> pa.Table:
    return pa.table({"age": pa.array(age, pa.float64()), "sex": sex, "religion": religion})


THREE = people([20, 40, 60], ["male", "female", "male"], ["any", "none", "none"])


def known(candidates: pa.Table) -> Known:
    return Known(force="x", candidates=candidates, reference=candidates)


def headline(findings: list[Finding], measure: str) -> Finding:
    return next(f for f in findings if f.measure == measure and not f.group)


@pytest.mark.parametrize("attack", FINDINGS)
def test_raw_rows_without_identifiers_are_found_out(attack: str, outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, RNG)
        findings = FINDINGS[attack](forces, release, seed=1)
    risk = headline(findings, f"{attack}_risk")
    assert risk.low > 0.05, risk.note  # type: ignore[operator]
    assert risk.control is not None
    success = headline(findings, f"{attack}_success")
    assert success.value > success.control  # type: ignore[operator]
    assert success.baseline is not None


@pytest.mark.parametrize("attack", FINDINGS)
def test_rows_drawn_from_margins_tell_nothing(attack: str, outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = IndependentColumns().apply(forces, forces.use_case, RNG)
        risk = headline(FINDINGS[attack](forces, release, seed=1), f"{attack}_risk")
    assert risk.value is not None, risk.note
    assert risk.low < 0.03  # type: ignore[operator]


@pytest.mark.parametrize("attack", FINDINGS)
def test_a_model_offers_no_rows_to_link_or_match(attack: str, outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        rows = Pseudonymisation().apply(forces, forces.use_case, RNG)
        model = Release(artefact=answer(rows.artefact, forces.use_case, forces.names))
        finding = FINDINGS[attack](forces, model, seed=1)[0]
    assert finding.value is None
    assert "nothing released could be attacked" in finding.note


def test_names_in_the_release_settle_every_match(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = RawPool().apply(forces, forces.use_case, RNG)
        findings = outside_match.findings(forces, release, seed=1)
    assert headline(findings, "outside_match_success").value == 1.0
    assert headline(findings, "outside_match_precision").value == 1.0
    assert headline(findings, "outside_match_success").control == 0.0


def test_k_anonymous_rows_are_matched_to_nobody_alone(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = KAnonymity(k=5).apply(forces, forces.use_case, RNG)
        table = Tally.of(
            forces.assess(TargetedTrial(attacks=(OutsideMatch(),)), release, 1).values()
        )
    claims = table.rate(outside_match.CLAIMED, Source.RELEASE, inside=True)
    assert claims.tries > 150
    assert claims.hits == 0, "every row agrees with at least k − 1 others"
    copies = table.rate(outside_match.CLAIMED, Source.COPY, inside=True)
    assert copies.hits > 0.3 * copies.tries


def test_a_row_stands_for_what_it_says_and_for_all_that_it_covers() -> None:
    ours = pa.table({"age": [20.0, 35.0, None], "sex": ["male", "female", None]})
    spans = pa.array(
        [{"low": 10.0, "high": 30.0}, {"low": 35.0, "high": 35.0}, None],
        pa.struct([("low", pa.float64()), ("high", pa.float64())]),
    )
    sets = pa.array([["male"], ["female", "missing"], None], pa.list_(pa.string()))
    theirs = pa.table({"age": spans, "sex": sets})
    assert possible(ours, theirs, ["age"]).astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert possible(ours, theirs, ["sex"]).astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert possible(ours, theirs, ["age", "sex"]).sum() == 3
    assert possible(ours, ours, ["age", "sex"]).astype(int).tolist() == np.eye(3).tolist()


@given(st.integers(0, 2**32 - 1))
def test_rows_that_fit_are_those_that_fit_when_read_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def plain(size: int) -> pa.Table:
        ages = [None if age > 4 else float(age) for age in rng.integers(0, 6, size)]
        sexes = [None if sex == "x" else sex for sex in rng.choice(["f", "m", "x"], size).tolist()]
        return pa.table({"age": pa.array(ages, pa.float64()), "sex": pa.array(sexes, pa.string())})

    ours, theirs = plain(6), plain(5)
    may = Crowd(ours).fits(theirs, ["age", "sex"])
    expected = [[one == other for other in theirs.to_pylist()] for one in ours.to_pylist()]
    assert may.tolist() == expected


def test_an_intruder_claims_the_only_row_that_agrees(outcome_use_case: UseCase) -> None:
    # The second is claimed and wrong: the row that fits says something else of its religion.
    file = people([20, 40, 60, 61], ["male", "female", "male", "male"], ["any", "any", "none", "x"])
    hits = OutsideMatch().hits(Microdata(table=THREE), outcome_use_case, known(file), RNG)
    assert hits[outside_match.CLAIMED].tolist() == [1, 1, 1, 0]
    assert hits[outside_match.RIGHT].tolist() == [1, 0, 1, 0]


def test_an_intruder_uses_the_named_columns_alone(outcome_use_case: UseCase) -> None:
    attack = OutsideMatch(columns=("sex",))
    hits = attack.hits(Microdata(table=THREE), outcome_use_case, known(THREE), RNG)
    assert hits[outside_match.CLAIMED].tolist() == [0, 1, 0], "two men are not told apart"
    assert "sex" in attack.background


def test_halves_meet_in_the_row_they_came_from(outcome_use_case: UseCase) -> None:
    three = people([20, 40, 60], ["male", "female", "male"], ["any", "none", "any"])
    two_secrets = three.append_column("prior", pa.array([0.0, 5.0, 10.0]))
    hits = Linkability().hits(
        Microdata(table=two_secrets), outcome_use_case, known(two_secrets), RNG
    )
    assert [each.tolist() for each in hits.values()] == [[1, 1, 1], [1, 1, 1]]
    turned = two_secrets.set_column(3, "prior", pa.array([5.0, 10.0, 0.0]))
    turned = turned.set_column(2, "religion", pa.array(["none", "any", "any"]))
    hits = Linkability().hits(Microdata(table=turned), outcome_use_case, known(two_secrets), RNG)
    assert [each.tolist() for each in hits.values()] == [[0, 0, 0], [0, 0, 0]]


def test_columns_of_one_kind_are_dealt_to_both_halves(outcome_use_case: UseCase) -> None:
    assert linkability.halves(outcome_use_case, ["age", "sex", "ethnicity"]) == (
        ["age", "ethnicity"],
        ["sex"],
    )
    assert linkability.halves(outcome_use_case, ["age", "prior"]) == (["age"], ["prior"])


def test_a_predicate_isolates_a_person_not_a_row() -> None:
    units = np.array([1, 1, 2, 3])
    rows = people([20, 20, 40, 40], ["male"] * 4, ["any"] * 4)
    tried = people([20, 40, 60], ["male"] * 3, ["any"] * 3)
    found = predicates.isolated(rows, units.astype(float), [(("age",), tried)])
    assert found.tolist() == [1, 0, 0], "both rows of twenty are one person's; none is sixty"


def test_predicates_come_from_values_that_occur_once(outcome_use_case: UseCase) -> None:
    tried = predicates.predicates(Microdata(table=THREE), outcome_use_case, "x", RNG)
    single = {names: rows for names, rows in tried[predicates.ONE] if rows.num_rows}
    assert sorted(single["sex",].column("sex").to_pylist()) == ["female"]
    assert sorted(single["religion",].column("religion").to_pylist()) == ["any"]
    assert len(tried[predicates.WHOLE][0][0]) == 3


def test_descriptions_of_one_released_row_are_bounded_away_from_the_median(
    outcome_use_case: UseCase,
) -> None:
    rows = people([20, 20, 60, 70], ["male"] * 4, ["any"] * 4)
    ((names, kept),) = predicates.of_one_row(rows, [(("age", "sex"), rows)])
    assert names == ("age", "sex")
    bounds = kept.column("age").to_pylist()
    assert bounds == [{"low": 70.0, "high": np.inf}], "two rows are at most 20, two at least 60"
    tried = predicates.predicates(Microdata(table=THREE), outcome_use_case, "x", RNG)
    assert sum(each.num_rows for _, each in tried[predicates.UNIQUE]) == 3


def test_cells_of_one_single_people_out_and_noise_hides_them(
    open_forces: Callable[..., Forces], grouped_use_case: UseCase
) -> None:
    records = one_in_each_cell([[0] * 8] * 16)
    with open_forces(grouped_use_case, records, held_out=0.5) as forces:
        raw = RawPool().apply(forces, forces.use_case, RNG).artefact
        exact = Release(artefact=answer(raw, forces.use_case, forces.names))
        told = singling_out.findings(forces, exact, seed=1)
        table = exact.artefact.table  # type: ignore[union-attr]
        place = table.column_names.index("rows")
        noise = np.round(np.random.default_rng(6).laplace(0, 3, table.num_rows))
        counts = pa.array(np.asarray(table.column("rows")) + noise)
        noisy = Release(artefact=Statistics(table=table.set_column(place, "rows", counts)))
        hidden = singling_out.findings(forces, noisy, seed=1)
    assert headline(told, "singling_out_success").value == 1.0
    assert headline(told, "singling_out_risk").low > 0.5  # type: ignore[operator]
    assert headline(hidden, "singling_out_risk").low < 0.1  # type: ignore[operator]
    assert headline(hidden, "singling_out_success").value < 0.8  # type: ignore[operator]


def test_outliers_are_the_people_whose_attributes_are_least_likely(
    outcome_use_case: UseCase,
) -> None:
    table = pa.table(
        {
            "age": [20.0] * 9 + [80.0],
            "sex": ["male"] * 9 + ["female"],
            "ethnicity": ["white"] * 10,
            "prior": [0.0] * 10,
            "religion": ["none"] * 10,
            "outcome": [0.0] * 10,
        }
    )
    odd = targets.surprisal(outcome_use_case, table)
    assert odd.argmax() == 9
    assert odd[9] == pytest.approx(2 * np.log(10))
    assert odd[0] == pytest.approx(-2 * np.log(0.9))


def test_targets_of_the_controls_are_nobody_who_is_attacked(outcome_forces: Forces) -> None:
    seen = []

    class Look:
        name = "look"
        schema = pa.schema([("x", pa.int64())])

        def observe(self, scene: object) -> pa.Table:
            seen.append(targets.drawn(scene, np.random.default_rng(0)))  # type: ignore[arg-type]
            return pa.table({"x": pa.array([], pa.int64())})

    with outcome_forces as forces:
        forces.assess(Look(), Pseudonymisation().apply(forces, forces.use_case, RNG), 1)
    for each in seen:
        parties = (each.people.outsiders, each.people.strangers, each.people.reference)
        names = [set(table.column("person_id").to_pylist()) for table in parties]
        assert len(set.union(*names)) == sum(len(each) for each in names)
        members = set(each.people.everybody.column("person_id").to_pylist())
        assert set(each.people.insiders.column("person_id").to_pylist()) <= members
        assert each.inside[targets.OUTLIERS].sum() >= 1


@pytest.mark.parametrize("reading", ["control", "copy"])
def test_findings_need_both_controls(reading: str) -> None:
    def counts(copy: float, strangers: float) -> Tally:
        found = []
        for source, inside, rate in (
            (Source.RELEASE, True, 0.8),
            (Source.RELEASE, False, 0.2),
            (Source.COPY, True, copy),
            (Source.COPY, False, 0.2),
            (Source.STRANGERS, True, strangers),
            (Source.STRANGERS, False, 0.2),
        ):
            hits = {"it": (np.arange(100) < 100 * rate).astype(float)}
            found += tally.rows(source, hits, {"": np.ones(100, dtype=bool)}, inside=inside)
        return Tally.of([pa.Table.from_pylist(found, schema=tally.SCHEMA)])

    assert tally_verdict.findings("it", "", counts(0.9, 0.2))[1].value == pytest.approx(0.75)
    broken = counts(0.2, 0.2) if reading == "copy" else counts(0.9, 0.6)
    assert tally_verdict.findings("it", "", broken)[0].value is None
