"""The boundary of a force: what leaves, and what is refused, metered or too late."""

import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from minimisation import Forces, Payload, PayloadKind, PolicyError, UseCase
from minimisation.contract import wire
from tests.minimisation.steps import ONE_COUNT, Broken, Count, Echo, Rows, Slow

OpenForces = Callable[..., Forces]


def test_every_force_answers_and_the_payload_is_what_it_promised(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Count())
        assert set(replies.payloads) == set(forces.names)
        assert all(table.schema == ONE_COUNT for table in replies.payloads.values())
        assert replies.stacked().column_names == ["force", "n"]


def test_rows_are_refused_where_policy_says_statistics(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    only = frozenset({PayloadKind.STATISTICS})
    with open_forces(outcome_use_case, outcome_records, kinds=only) as forces:
        replies = forces.ask(Rows())
        assert not replies.payloads
        assert {refusal.force for refusal in replies.refusals} == set(forces.names)
        assert "rows may not leave" in replies.refusals[0].rule
        assert not forces.meter.entries
        with pytest.raises(PolicyError, match="every force must answer"):
            replies.complete()


def test_rows_passed_off_as_statistics_are_stopped_by_their_public_size(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    only = frozenset({PayloadKind.STATISTICS})
    with open_forces(outcome_use_case, outcome_records, kinds=only) as forces:
        replies = forces.ask(Rows(kind=PayloadKind.STATISTICS, most_rows=12))
        assert not replies.payloads
        assert "more rows than its public size" in replies.refusals[0].rule
        assert not forces.meter.entries


def test_a_statistic_without_a_public_size_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="most_rows"):
        Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT)


def test_metered_bytes_equal_the_encoded_payload(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Rows())
        for entry in forces.meter.entries:
            payload = replies.payloads[entry.force]
            assert entry.sent == len(wire.encode(payload))
            assert (entry.rows, entry.cells) == (payload.num_rows, payload.num_rows)
        totals = forces.meter.by_force()
        assert all(total["person_rows"] == total["rows"] for total in totals.values())


def test_what_comes_in_is_metered_too(outcome_forces: Forces) -> None:
    weights = pa.table({"weight": [0.1, 0.2]})
    with outcome_forces as forces:
        forces.ask(Echo(), inputs=weights)
        assert {entry.received for entry in forces.meter.entries} == {len(wire.encode(weights))}


def test_each_force_gets_its_own_inputs(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        inputs = {name: pa.table({"weight": [i / 10]}) for i, name in enumerate(forces.names)}
        replies = forces.ask(Echo(), inputs=inputs)
        assert [t["weight"][0].as_py() for t in replies.payloads.values()] == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("weight", [2.0, float("nan"), float("-inf")])
def test_numbers_outside_the_public_range_are_refused(
    outcome_forces: Forces, weight: float
) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Echo(), inputs=pa.table({"weight": [0.0, weight]}))
        assert not replies.payloads
        assert len(replies.refusals) == 3


def test_a_payload_with_other_columns_is_refused(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Echo(), inputs=pa.table({"weight": [0.0], "name": ["x"]}))
        assert "columns or types" in replies.refusals[0].rule


def test_an_error_is_a_value_and_quotes_nobody(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Broken())
        assert [failure.reason for failure in replies.failures] == ["RuntimeError"] * 3


def test_a_late_force_is_a_failure_and_the_others_answer(outcome_forces: Forces) -> None:
    outcome_forces.workers = 3
    with outcome_forces as forces:
        started = time.perf_counter()
        replies = forces.ask(Slow(), deadline=0.5)
        assert time.perf_counter() - started < 5
        assert [failure.force for failure in replies.failures] == ["brackley"]
        assert set(replies.payloads) == {"ashmere", "coldharbour"}
        assert set(forces.ask(Count()).payloads) == set(forces.names)


def test_a_subset_of_forces_can_be_asked_and_a_stranger_cannot(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        assert list(forces.ask(Count(), to=["brackley"]).payloads) == ["brackley"]
        with pytest.raises(ValueError, match="must name participating forces"):
            forces.ask(Count(), to=["atlantis"])


def test_too_few_contributors_are_refused(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    with open_forces(outcome_use_case, outcome_records, minimum_contributors=500) as forces:
        assert "fewer than 500 contributors" in forces.ask(Count()).refusals[0].rule


def test_an_unapproved_use_case_or_step_is_refused(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        policy = forces.members[0].policy
        object.__setattr__(policy, "steps", frozenset({"something-else"}))
        replies = forces.ask(Count())
        assert [refusal.rule for refusal in replies.refusals] == ["step 'count' is not approved"]
        object.__setattr__(policy, "use_cases", frozenset())
        assert "is not approved" in forces.ask(Count()).refusals[0].rule
