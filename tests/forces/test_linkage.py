"""Matching people across forces: what tokens tell, and how good a matching on filters is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation import PolicyError
from minimisation.forces.linkage.bloom import BloomEncoding, grams
from minimisation.forces.linkage.exact import Identity, LinkageHolder, blind
from minimisation.forces.linkage.quality import Quality, best, quality_at, true_pairs, within

STUDY, LINKAGE = b"s" * 32, b"l" * 32
ANN = Identity(given_name="Ann", family_name="O'Neil", birth_date="1990-01-02")


def tokens(identity: Identity, study: bytes = STUDY, linkage: bytes = LINKAGE) -> str | None:
    return LinkageHolder(key=linkage).tokens("ashmere", blind(study, [identity]))[0]


@pytest.mark.parametrize(
    "same",
    [
        replace(ANN, given_name=" ANN "),
        replace(ANN, family_name="ONeil"),
        replace(ANN, family_name="o\u2019neil"),
        replace(ANN, birth_date="1990 01 02"),
    ],
)
def test_one_identity_has_one_token_however_it_is_written(same: Identity) -> None:
    assert tokens(same) == tokens(ANN)


@pytest.mark.parametrize(
    "other",
    [
        replace(ANN, given_name="Anna"),
        replace(ANN, birth_date="1990-01-03"),
        replace(ANN, given_name="AnnO", family_name="Neil"),
    ],
)
def test_another_identity_has_another_token(other: Identity) -> None:
    assert tokens(other) != tokens(ANN)


def test_a_token_needs_both_keys() -> None:
    assert len({tokens(ANN), tokens(ANN, study=b"x" * 32), tokens(ANN, linkage=b"x" * 32)}) == 3


def test_what_the_holder_receives_is_no_identity_and_no_token() -> None:
    (sent,) = blind(STUDY, [ANN])
    assert sent is not None
    assert sent.hex()[:32] != tokens(ANN)
    assert b"ANN" not in sent


def test_an_incomplete_identity_gets_no_token() -> None:
    assert tokens(replace(ANN, birth_date="")) is None


def test_a_force_cannot_try_out_all_names() -> None:
    holder = LinkageHolder(key=LINKAGE, most=3)
    sent = blind(STUDY, [ANN] * 2)
    holder.tokens("ashmere", sent)
    holder.tokens("brackley", sent)
    with pytest.raises(PolicyError, match="more than 3"):
        holder.tokens("ashmere", sent)


def test_mutant_with_a_plain_hash_is_guessed_from_a_list_of_names() -> None:
    guesses = [replace(ANN, given_name=name) for name in ("Abe", "Ann", "Zoe")]
    seen_by_the_holder = blind(b"", [ANN])[0]  # no study key
    assert seen_by_the_holder in blind(b"", guesses)
    assert blind(STUDY, [ANN])[0] not in blind(b"", guesses)


ENCODING = BloomEncoding(weights={"name": 1.0, "born": 2.0}, key=STUDY)


def similarity(left: dict[str, str | None], right: dict[str, str | None]) -> float:
    a, b = (ENCODING.encode({name: [value] for name, value in r.items()}) for r in (left, right))
    return float(ENCODING.similarity(a, b)[0, 0])


def test_grams_are_padded_pairs_of_letters() -> None:
    assert grams("Zoë", 2) == ["_z", "zo", "oe", "e_"]
    assert grams(" -", 2) == []


def test_equal_records_are_alike_and_a_typing_error_costs_little() -> None:
    record: dict[str, str | None] = {"name": "Zebediah", "born": "19900102"}
    same = similarity(record, record)
    near = similarity(record, {"name": "Zebedaih", "born": "19900102"})
    far = similarity(record, {"name": "Quentin", "born": "19531130"})
    assert same == pytest.approx(1)
    assert 0.8 < near < 1
    assert far < 0.5


def test_missing_values_count_neither_for_nor_against_but_enough_must_be_known() -> None:
    full: dict[str, str | None] = {"name": "Zebediah", "born": "19900102"}
    assert similarity(full, {"name": None, "born": "19900102"}) == pytest.approx(1)
    assert similarity(full, {"name": "Zebediah", "born": None}) == 0


def test_filters_under_another_key_do_not_match() -> None:
    other = replace(ENCODING, key=b"x" * 32)
    record = {"name": ["Zebediah"], "born": ["19900102"]}
    assert ENCODING.similarity(ENCODING.encode(record), other.encode(record))[0, 0] < 0.5


@given(st.text(max_size=12), st.text(max_size=12))
def test_similarity_is_symmetric_and_between_zero_and_one(a: str, b: str) -> None:
    left: dict[str, str | None] = {"name": a, "born": "x"}
    right: dict[str, str | None] = {"name": b, "born": "x"}
    assert similarity(left, right) == pytest.approx(similarity(right, left))
    assert 0 <= similarity(left, right) <= 1 + 1e-6


def test_precision_and_recall_by_hand() -> None:
    scores = np.array([[0.9, 0.2], [0.8, 0.7]], dtype=np.float32)
    truth = true_pairs(np.array([1, 2]), np.array([1, 2]))
    assert quality_at(scores, truth, 0.75) == Quality(threshold=0.75, precision=0.5, recall=0.5)
    assert quality_at(scores, truth, 0.65).f1 == pytest.approx(0.8)
    assert best(scores, truth).recall == 1


def test_a_file_against_itself_counts_each_pair_once() -> None:
    once = within(np.ones((3, 3), dtype=np.float32))
    assert int((once >= 0).sum()) == 3


WEIGHTS = {
    "given_name": 2, "surname": 2.5, "date_of_birth": 3, "soc_sec_id": 3, "suburb": 1,
    "postcode": 1, "address_1": 1,
}  # fmt: skip


def encoded(shared: Path, name: str, rows: int) -> tuple[pa.Table, dict[str, list[str | None]]]:
    table = pyarrow.parquet.read_table(shared / "data" / f"{name}.parquet")
    table = table.sort_by("entity_id").slice(0, rows)
    return table, {column: table.column(column).to_pylist() for column in WEIGHTS}


def test_filters_find_nearly_all_of_febrls_corrupted_twins(shared: Path) -> None:
    encoding = BloomEncoding(weights=WEIGHTS, key=STUDY)
    left, a = encoded(shared, "febrl4a", 1500)
    right, b = encoded(shared, "febrl4b", 1500)
    scores = encoding.similarity(encoding.encode(a), encoding.encode(b))
    truth = true_pairs(left.column("entity_id").to_numpy(), right.column("entity_id").to_numpy())
    at = quality_at(scores, truth, 0.62)
    assert at.precision > 0.99
    assert at.recall > 0.98


def test_exact_tokens_miss_what_filters_find(shared: Path) -> None:
    held = []
    for name in ("febrl4a", "febrl4b"):
        table, columns = encoded(shared, name, 1500)
        identities = [
            Identity(given_name=given or "", family_name=family or "", birth_date=born or "")
            for given, family, born in zip(
                columns["given_name"], columns["surname"], columns["date_of_birth"], strict=True
            )
        ]
        found = LinkageHolder(key=LINKAGE).tokens(name, blind(STUDY, identities))
        held.append(dict(zip(table.column("entity_id").to_pylist(), found, strict=True)))
    both = [each for each in held[0] if each in held[1]]
    matched = [each for each in both if held[0][each] and held[0][each] == held[1][each]]
    assert 0.3 < len(matched) / len(both) < 0.8
