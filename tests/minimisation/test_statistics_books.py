"""The forces' door and ledgers on disk: what leaves is charged for good, repeats are counted."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    BudgetExceededError,
    Contribution,
    Forces,
    Payload,
    PolicyError,
    Premises,
    PrivacyLoss,
    UseCase,
)
from minimisation.forces import ledger as door
from minimisation.forces.policy_file import PolicyFile
from minimisation.options.private_statistics import PrivateStatistics
from minimisation.statistics import noise
from minimisation.statistics.accounting import UNITS, Account, Amount, Spend
from minimisation.statistics.books import AssessmentBook, ReleaseBook
from minimisation.statistics.grouped import PrivateSums, noise_of, plan_of
from minimisation.statistics.ledger import Ledger
from minimisation.statistics.noise import DiscreteGaussian
from tests.minimisation.test_statistics_ledger import ledger_in

LOSS = PrivacyLoss(
    epsilon=0.6, delta=0.0, unit="person", bounds=(), forces=1, mechanism="for a test"
)


def released(ledger: Ledger, epsilon: float = 1.0, delta: float = 0.0) -> door.Ledger:
    """A budget that is kept in a ledger on disk; the figures of the process do not matter."""
    book = ReleaseBook(
        ledger=ledger,
        account=Account(epsilon=epsilon, delta=delta),
        purpose="toy-groups",
        analyst="a",
    )
    return door.Ledger(epsilon=0.0, delta=0.0, book=book)


def on_disk(forces: Forces, folder: Path, budgets: Mapping[str, float]) -> dict[str, Ledger]:
    ledgers = {name: ledger_in(folder / name) for name in budgets}
    for force in forces:
        force.ledger = released(ledgers[force.name], budgets[force.name])
    return ledgers


def test_a_release_is_charged_to_every_force_on_disk(
    grouped_forces: Forces, tmp_path: Path
) -> None:
    ledgers = on_disk(grouped_forces, tmp_path, dict.fromkeys(grouped_forces.names, 1.0))
    with grouped_forces as forces:
        forces.ask(PrivateSums(epsilon=0.6)).complete()
    for ledger in ledgers.values():
        states = [(entry["state"], entry.get("what")) for entry in ledger.entries()]
        assert states == [("reserved", "private-sums"), ("started", None), ("committed", None)]
        assert ledger.spent().basic == 0.6


def test_gaussian_noise_is_charged_its_own_rho_at_the_door(
    grouped_forces: Forces, grouped_use_case: UseCase, tmp_path: Path
) -> None:
    many = replace(grouped_use_case, contribution=Contribution(groups=10, rows=1))
    grouped_forces = replace(grouped_forces, use_case=many)
    step, used = PrivateSums(epsilon=1.0, delta=1e-5), noise_of(many, 1.0, 1e-5)
    assert isinstance(used, DiscreteGaussian)
    ledgers = {name: ledger_in(tmp_path / name) for name in grouped_forces.names}
    for force in grouped_forces:
        force.ledger = released(ledgers[force.name], 1.9, 1e-4)
    with grouped_forces as forces:
        # two of them are 2.0 by the sum, which is more than there is
        for _ in range(2):
            forces.ask(step).complete()
    true = noise.mechanism_loss(used, math.sqrt(plan_of(many).l2_squared))
    for ledger in ledgers.values():
        spent = ledger.spent()
        assert 2 * true <= spent.rho / UNITS <= 2 * true * 1.001 + 2 / UNITS
        assert (spent.epsilon, spent.delta, spent.basic_delta) == (2 * UNITS, 0, 2 * 10**13)
        assert ledger.verify() == 6


def test_an_entry_of_an_older_ledger_has_no_delta_of_the_sums_own(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    body = {"state": "reserved", "purpose": "p", "analyst": "a", "what": "", "request": "r"}
    paid = {"rho": 125_000_000, "epsilon": 500_000_000, "delta": 7}
    with ledger.log.writing() as writer:
        writer.append({**body, **paid, "at": ledger.clock().isoformat()})
    assert ledger.spent() == Amount(**paid)
    ledger.reserve(
        Account(epsilon=9.0, delta=1e-6),
        Spend.pure(0.5),
        purpose="p",
        analyst="a",
        request="another",
    )
    assert ledger.spent().basic == 1.0
    assert ledger.verify() == 2


def test_another_process_finds_the_budget_spent(grouped_forces: Forces, tmp_path: Path) -> None:
    budgets = dict.fromkeys(grouped_forces.names, 1.0)
    on_disk(grouped_forces, tmp_path, budgets)
    with grouped_forces as forces:
        forces.ask(PrivateSums(epsilon=0.6))
    later = on_disk(grouped_forces, tmp_path, budgets)
    with grouped_forces as forces, pytest.raises(BudgetExceededError, match="nothing was run"):
        forces.ask(PrivateSums(epsilon=0.6))
    assert all(ledger.spent().basic == 0.6 for ledger in later.values())


def test_a_force_that_cannot_pay_costs_the_others_nothing_on_disk(
    grouped_forces: Forces, tmp_path: Path
) -> None:
    budgets = dict.fromkeys(grouped_forces.names, 1.0)
    budgets[grouped_forces.names[-1]] = 0.5
    ledgers = on_disk(grouped_forces, tmp_path, budgets)
    with grouped_forces as forces, pytest.raises(BudgetExceededError):
        forces.ask(PrivateSums(epsilon=0.6))
    assert [ledger.spent().basic for ledger in ledgers.values()] == [0.0] * len(budgets)
    states = [entry["state"] for entry in ledgers[grouped_forces.names[0]].entries()]
    assert states == ["reserved", "cancelled"]


def test_an_error_after_the_start_has_paid_on_disk(
    grouped_forces: Forces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: PrivateSums, premises: Premises) -> pa.Table:
        raise PolicyError(f"failed in {premises.force}")

    ledgers = on_disk(grouped_forces, tmp_path, dict.fromkeys(grouped_forces.names, 1.0))
    monkeypatch.setattr(PrivateSums, "run", fail)
    with grouped_forces as forces:
        assert not forces.ask(PrivateSums(epsilon=0.6)).payloads
    for ledger in ledgers.values():
        assert ledger.entries()[-1]["state"] == "started"
        assert ledger.spent().basic == 0.6


def test_a_loss_with_delta_is_charged_as_pure_but_for_delta(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    budget = released(ledger, 2.0, 1e-4)
    assert budget.reserve(replace(LOSS, delta=1e-6), "step")
    spent = ledger.spent()
    assert (spent.basic, spent.delta) == (0.6, 10**12)
    assert spent.rho == pytest.approx(0.6**2 / 2 * 1e9, abs=1)


def assessing(ledger: Ledger, most: int = 3, epsilon: float = 1.0) -> door.Ledger:
    book = AssessmentBook(
        ledger=ledger, account=Account(epsilon=epsilon), purpose="p", analyst="a", most=most
    )
    return door.Ledger(epsilon=0.0, delta=0.0, book=book)


def test_repeats_are_counted_and_leave_the_release_account_alone(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    for repeat in range(3):
        assert assessing(ledger).reserve(LOSS, f"repeat {repeat}")
    assert not assessing(ledger).reserve(LOSS, "one too many")
    assert (ledger.assessed("p"), ledger.spent().basic) == (3, 0.0)


def test_a_repeat_stays_within_the_budget_its_release_had(tmp_path: Path) -> None:
    run = assessing(ledger_in(tmp_path))
    assert run.reserve(LOSS)
    assert not run.reserve(LOSS)  # 1.2 together
    assert [loss.epsilon for loss in run.spent] == [0.6]


def test_losses_that_are_alike_are_ended_and_given_back_one_by_one(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    budget = released(ledger, 9.0)
    assert budget.reserve(LOSS)
    budget.start(LOSS)
    assert budget.reserve(LOSS)
    budget.cancel(LOSS)
    assert (ledger.spent().basic, len(budget.spent)) == (0.6, 1)


def test_a_policy_file_states_periods_and_a_cap() -> None:
    file = PolicyFile.model_validate(
        {
            "cap": {"epsilon": 3.0, "delta": 1e-5},
            "purpose": {"toy": {"epsilon": 0.5, "period": "week", "assessments": 7}},
        }
    )
    policy = file.of("toy")
    assert (policy.budget.epsilon, policy.budget.period, policy.assessments) == (0.5, "week", 7)
    assert policy.cap is not None
    assert (policy.cap.epsilon, policy.cap.delta, policy.cap.period) == (3.0, 1e-5, "year")
    assert PolicyFile().of("toy").cap is None


def test_a_refusal_of_a_private_question_does_not_depend_on_who_is_there(
    grouped_forces: Forces,
) -> None:
    # a rule on the number of contributors would tell whether there are as many
    for force in grouped_forces:
        force.policy = replace(force.policy, minimum_contributors=10**6)
    with grouped_forces as forces:
        PrivateStatistics().apply(forces, forces.use_case, np.random.default_rng(1))
        refusals = forces.ask(Plain()).refusals
    assert "fewer than 1000000 contributors" in refusals[0].rule


class Plain:
    """The same sums without noise: the rule on contributors holds for it."""

    name = "plain"

    def sends(self, use_case: UseCase) -> Payload:
        return PrivateSums(epsilon=1.0).sends(use_case)

    def run(self, premises: Premises) -> pa.Table:
        return PrivateSums(epsilon=1.0).run(premises)
