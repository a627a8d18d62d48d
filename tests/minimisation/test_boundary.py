"""The two doors: what a force lets out, refuses, charges and logs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    BudgetExceededError,
    Forces,
    Held,
    LinearModel,
    Payload,
    PayloadKind,
    PolicyError,
    Premises,
    PrivacyLoss,
    Release,
    Scene,
    UseCase,
    no_payload,
    private_mechanism,
)
from minimisation.contract import wire
from minimisation.contract.encoding import Encoding
from minimisation.forces.audit import Event

OpenForces = Callable[..., Forces]

ONE_COUNT = pa.schema([("n", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many rows a force holds."""

    name: str = "count"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT, most_rows=1)

    def run(self, premises: Premises) -> pa.Table:
        return premises.query("select count(*) as n from people")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Ages, one per person, honestly declared as rows or passed off as statistics."""

    kind: PayloadKind = PayloadKind.ROWS
    most_rows: int | None = None
    name: str = "rows"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        schema = pa.schema([("age", pa.float64())])
        return Payload(kind=self.kind, schema=schema, most_rows=self.most_rows)

    def run(self, premises: Premises) -> pa.Table:
        return premises.query("select age from people")


@dataclass(frozen=True, kw_only=True)
class Echo:
    """Sends back whatever it is given, as a model update within a public range."""

    name: str = "echo"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        schema = pa.schema([("weight", pa.float64())])
        return Payload(kind=PayloadKind.UPDATE, schema=schema, most_rows=3, low=-1.0, high=1.0)

    def run(self, premises: Premises) -> pa.Table:
        assert premises.inputs is not None
        return premises.inputs


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Fails with an error that quotes a person's record."""

    name: str = "broken"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT, most_rows=1)

    def run(self, premises: Premises) -> pa.Table:
        name = premises.query("select family_name from people limit 1")["family_name"][0].as_py()
        raise RuntimeError(f"could not process {name}")


@dataclass(frozen=True, kw_only=True)
class Slow:
    """A query that would run for minutes."""

    name: str = "slow"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT, most_rows=1)

    def run(self, premises: Premises) -> pa.Table:
        if premises.force == "brackley":
            return premises.query(
                "select count(*) as n from range(10000000000) t(i) where i % 7 = 3"
            )
        return premises.query("select count(*) as n from people")


@private_mechanism
@dataclass(frozen=True, kw_only=True)
class Noisy:
    """A registered mechanism; the noise itself is not what these tests are about."""

    epsilon: float = 1.0
    name: str = "noisy"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT, most_rows=1)

    def run(self, premises: Premises) -> pa.Table:
        return premises.query("select 42::bigint as n")

    def loss(self, use_case: UseCase) -> PrivacyLoss:
        return PrivacyLoss(
            epsilon=self.epsilon,
            delta=0.0,
            unit=use_case.unit,
            bounds=(("groups", 1), ("rows", 1)),
            forces=1,
            mechanism="discrete Laplace",
        )


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Keeps a model inside the force."""

    name: str = "keep"

    def sends(self, use_case: UseCase) -> Payload:
        del use_case
        return no_payload()

    def run(self, premises: Premises) -> pa.Table:
        encoding = Encoding.features(premises.use_case, ("prior",))
        premises.hold("model", LinearModel(encoding=encoding, intercept=0.0, weights=(1.0,)))
        return pa.table({})


@dataclass(frozen=True, kw_only=True)
class Who:
    """A measure that tells how many it saw on each side, and what it was given to judge."""

    name: str = "who"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("members", pa.int64()), ("held_out", pa.int64()), ("kind", pa.string())])

    def observe(self, scene: Scene) -> pa.Table:
        counts = [len(side.fetchall()) for side in (scene.members, scene.held_out)]
        kind = type(scene.artefact).__name__
        return pa.table([[counts[0]], [counts[1]], [kind]], schema=self.schema)


def test_every_force_answers_and_the_payload_is_what_it_promised(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        replies = forces.ask(Count())
        assert set(replies.payloads) == set(forces.names)
        assert all(table.schema == ONE_COUNT for table in replies.payloads.values())
        assert replies.stacked().column_names == ["force", "n"]


def test_held_out_people_never_reach_a_step(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        forces.ask(Keep())
        sides = forces.assess(Who(), Release(artefact=Held(key="model")), seed=1)
        for name, table in forces.ask(Count()).payloads.items():
            assert table["n"][0].as_py() == sides[name]["members"][0].as_py()
            assert sides[name]["held_out"][0].as_py() > 80


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


def test_the_boundary_charges_a_registered_mechanism(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        forces.ask(Noisy(epsilon=0.5))
        forces.ask(Noisy(epsilon=0.25))
        loss = forces.privacy_loss()
        assert loss is not None
        assert loss.epsilon == 0.75
        assert loss.epsilon_everywhere == 2.25
        assert all(len(force.ledger.spent) == 2 for force in forces)


def test_a_release_is_not_private_if_anything_left_without_noise(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        forces.ask(Noisy())
        forces.ask(Count())
        assert forces.privacy_loss() is None


def test_a_budget_that_one_force_cannot_cover_spends_nothing_anywhere(
    outcome_forces: Forces,
) -> None:
    with outcome_forces as forces:
        forces.members[1].ledger.epsilon = 0.4
        with pytest.raises(BudgetExceededError, match="nothing was run or spent"):
            forces.ask(Noisy(epsilon=0.5))
        assert [force.ledger.spent for force in forces] == [[], [], []]


def test_a_refusal_of_a_private_step_anywhere_runs_it_nowhere(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        object.__setattr__(forces.members[2].policy, "steps", frozenset())
        replies = forces.ask(Noisy())
        assert not replies.payloads
        assert [force.ledger.spent for force in forces] == [[], [], []]


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
    class Outside:
        statement: str
        name: str = "outside"

        def sends(self, use_case: UseCase) -> Payload:
            del use_case
            return Payload(kind=PayloadKind.STATISTICS, schema=ONE_COUNT, most_rows=1)

        def run(self, premises: Premises) -> pa.Table:
            return premises.query(self.statement)

    frame = np.zeros(3)
    assert frame.size == 3
    with outcome_forces as forces:
        other = forces.members[1].store.path
        for statement in (
            f"select count(*) as n from '{other}'",
            "select count(*) as n from read_csv('/etc/passwd')",
            "select count(*) as n from frame",
            "select length(getenv('PATH')) as n",
        ):
            replies = forces.ask(Outside(statement=statement), to=["ashmere"])
            assert not replies.payloads, statement
