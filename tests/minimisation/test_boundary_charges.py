"""A private step is charged at the boundary, everywhere or nowhere."""

import pytest

from minimisation import BudgetExceededError, Forces
from tests.minimisation.steps import Count, Noisy


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
