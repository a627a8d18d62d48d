"""Options that send rows of real people: which rows, which columns, under which name."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Forces,
    GroupedStatistics,
    Microdata,
    NotApplicableError,
    Option,
    PayloadKind,
    Statistic,
    UseCase,
)
from minimisation.options import FieldMinimisation, Pseudonymisation, RawPool, Subsample
from minimisation.options.pseudonymisation import PSEUDONYM, identity, pseudonym

OpenForces = Callable[..., Forces]


def released(option: Option, forces: Forces, seed: int = 1) -> pa.Table:
    """Rows of the release, made by opened forces."""
    release = option.apply(forces, forces.use_case, np.random.default_rng(seed))
    assert isinstance(release.artefact, Microdata)
    assert not release.artefact.synthetic
    return release.artefact.table


def test_the_raw_pool_is_every_training_row(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        table = released(RawPool(), forces)
        true = [force._people(members=True).to_arrow_table() for force in forces]

    assert table.column_names == [
        "force",
        *(column.name for column in forces.use_case.columns),
    ]
    assert table.num_rows == sum(each.num_rows for each in true)
    assert table.column("person_id").to_pylist() == [
        name for each in true for name in each.column("person_id").to_pylist()
    ]
    assert {entry.kind for entry in forces.meter.entries} == {PayloadKind.ROWS}


def test_numbers_are_floats_and_the_rest_is_text(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        schema = released(RawPool(), forces).schema

    assert schema.field("age").type == pa.float64()
    assert schema.field("sex").type == pa.string()
    assert schema.field("person_id").type == pa.string()


@pytest.mark.parametrize("share", [0.01, 0.4])
def test_a_subsample_holds_a_share_of_each_force_s_people(
    outcome_forces: Forces, share: float
) -> None:
    with outcome_forces as forces:
        table = released(Subsample(share=share), forces).to_pandas()
        people = {
            force.name: force._people(members=True).count("*").fetchall()[0][0] for force in forces
        }

    assert table.groupby("force").size().to_dict() == {
        name: round(share * size) for name, size in people.items()
    }


def test_a_sampled_person_brings_all_rows_and_the_others_none(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        everyone = released(RawPool(), forces).to_pandas()
        sample = released(Subsample(share=0.4), forces).to_pandas()
    rows = everyone.groupby("person_id").size()
    drawn = sample.groupby("person_id").size()

    assert 0 < len(drawn) < len(rows)
    assert drawn.equals(rows[drawn.index])


def test_a_share_of_everybody_is_the_raw_pool(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        assert released(Subsample(share=1.0), forces).equals(released(RawPool(), forces))


def test_forces_do_not_draw_the_same_numbers(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    twins = dict.fromkeys(("ashmere", "brackley"), outcome_records["ashmere"])
    with open_forces(outcome_use_case, twins) as forces:
        table = released(Subsample(share=0.05), forces).to_pandas()
    drawn = table.groupby("force")["person_id"].apply(set)

    assert drawn["ashmere"] != drawn["brackley"]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"share \(.*\) must be"):
        Subsample(share=share)


def test_a_subsample_is_named_after_its_share() -> None:
    assert [Subsample(share=share).name for share in (0.01, 0.05, 0.4, 0.125)] == [
        "subsample-1",
        "subsample-5",
        "subsample-40",
        "subsample-12.5",
    ]


def test_only_needed_fields_leave(outcome_forces: Forces, grouped_forces: Forces) -> None:
    with outcome_forces as forces:
        assert released(FieldMinimisation(), forces).column_names == [
            *("force", "age", "sex", "ethnicity", "prior", "outcome")
        ]
    with grouped_forces as forces:
        assert released(FieldMinimisation(), forces).column_names == [
            *("force", "ethnicity", "sex", "found")
        ]


def test_the_order_of_minimised_rows_does_not_follow_the_person(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        table = released(FieldMinimisation(), forces)
        columns = table.column_names
        raw = released(RawPool(), forces).select(columns)
    by_value = raw.sort_by([(name, "ascending") for name in columns])

    assert table.equals(by_value)
    assert not table.equals(raw)


def test_a_question_that_needs_no_column_cannot_be_minimised(grouped_forces: Forces) -> None:
    question = GroupedStatistics(by=("force",), statistics=(Statistic(aggregate="rows"),))
    use_case = replace(grouped_forces.use_case, question=question)
    with grouped_forces, pytest.raises(NotApplicableError, match="at least one column"):
        FieldMinimisation().apply(grouped_forces, use_case, np.random.default_rng(1))


def test_a_pseudonym_is_a_keyed_digest() -> None:
    digest = hmac.new(b"key", b"purpose\x00SYN-1", hashlib.sha256).hexdigest()

    assert pseudonym(b"key", "purpose", "SYN-1") == digest[:32]


def matching(identifiers: list[str], shown: set[str], secret: bytes, purpose: str) -> int:
    """How many people somebody finds who knows the identifiers and guesses a key."""
    return sum(pseudonym(secret, purpose, each) in shown for each in identifiers)


def test_a_pseudonym_is_found_with_the_key_only(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        name = forces.use_case.name
        first = forces.members[0]
        identifiers = first._people(members=True).project("person_id").fetchall()
        table = released(Pseudonymisation(), forces)
    known = [row[0] for row in identifiers]
    shown = set(table.column(PSEUDONYM).to_pylist())

    assert matching(known, shown, first.secret, name) == len(known)
    assert matching(known, shown, b"guess", name) == 0
    assert matching(known, shown, first.secret, "another-purpose") == 0


def test_a_plain_hash_instead_of_a_keyed_one_is_caught() -> None:
    known = ["SYN-1", "SYN-2"]
    plain = {pseudonym(b"", "toy", each) for each in known}

    assert matching(known, plain, b"", "toy") == len(known)


def test_one_person_has_one_pseudonym_in_a_force_and_another_elsewhere(
    open_forces: OpenForces, grouped_use_case: UseCase, grouped_forces: Forces
) -> None:
    with grouped_forces as forces:
        raw = released(RawPool(), forces)
        table = released(Pseudonymisation(), forces)
    assert len(set(table.column(PSEUDONYM).to_pylist())) == len(
        set(raw.column("person_id").to_pylist())
    )
    one = pa.table(
        {
            "record_id": [0],
            "person_id": ["SYN-both"],
            "linkage_token": ["t"],
            "ethnicity": ["white"],
            "sex": ["male"],
            "object": ["drugs"],
            "found": [1],
        }
    )
    both = replace(grouped_use_case, name="both")
    with open_forces(both, {"ashmere": one, "brackley": one}, held_out=0.0) as forces:
        names = released(Pseudonymisation(), forces).column(PSEUDONYM).to_pylist()

    assert names[0] != names[1]


def test_the_other_direct_identifiers_are_dropped(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        release = Pseudonymisation().apply(forces, forces.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)

    assert release.artefact.table.column_names == [
        *("force", PSEUDONYM, "age", "sex", "ethnicity", "prior", "religion", "outcome")
    ]
    assert "remain personal data" in release.remarks[0]


def test_a_use_case_without_a_person_id_pseudonymises_its_first_identifier(
    outcome_use_case: UseCase,
) -> None:
    nameless = [c for c in outcome_use_case.columns if c.name != "person_id"]

    assert identity(outcome_use_case) == "person_id"
    assert identity(replace(outcome_use_case, columns=tuple(nameless))) == "family_name"


def test_without_any_identifier_there_is_nothing_to_replace(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    unnamed = tuple(c for c in outcome_use_case.columns if c.role != "direct_identifier")
    use_case = replace(outcome_use_case, columns=unnamed)
    with (
        open_forces(use_case, outcome_records) as forces,
        pytest.raises(NotApplicableError, match="no direct identifier"),
    ):
        released(Pseudonymisation(), forces)
