"""Turns of a private training: in order, charged once, and gone on with after a kill."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from federated import private_gradients
from federated.flower import ConfigRecord, RecordDict
from federated.grid import ForceGrid, in_process, step_for
from federated.messages import ARRAYS, CONFIG, array_record
from federated.private_gradients import PrivateGradients, RepeatGradients
from federated.private_training import FederatedPrivate
from minimisation import Forces, PolicyError
from tests.federated.private_turns import PLAN, ask


def test_turns_must_follow_one_another(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        with pytest.raises(PolicyError, match=r"turn \(4\) must follow the last one \(0\)"):
            ask(forces, 4)
        ask(forces, 1)
        for turn in (1, 3):
            with pytest.raises(PolicyError, match="must follow the last one"):
                ask(forces, turn)
        ask(forces, 2)
        with pytest.raises(PolicyError, match="must follow"):
            ask(forces, 3, clip=3.0)  # another plan has its own count


def test_a_turn_out_of_order_is_refused_before_it_is_charged(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        ask(forces, 1)
        before = [list(force.ledger.spent) for force in forces]
        for turn in (1, 3):
            with pytest.raises(PolicyError, match="must follow the last one"):
                ask(forces, turn)
        assert [list(force.ledger.spent) for force in forces] == before
        refused = [each.outcome for each in next(iter(forces)).audit.entries]
    assert sum("must follow" in outcome for outcome in refused) == 2


def test_a_step_that_objects_only_while_it_runs_has_been_charged_already(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = PrivateGradients.objection
    with outcome_forces as forces:
        ask(forces, 1)
        spent = [len(force.ledger.spent) for force in forces]
        first = iter([None] * 3)  # the mutant says nothing before it is charged
        monkeypatch.setattr(
            PrivateGradients, "objection", lambda *given: next(first, objects(*given))
        )
        with pytest.raises(PolicyError, match="must follow the last one"):
            ask(forces, 3)
        assert [len(force.ledger.spent) for force in forces] == [count + 1 for count in spent]


def test_a_model_that_is_not_finite_is_refused_before_it_is_charged(
    outcome_forces: Forces,
) -> None:
    with outcome_forces as forces:
        step = PrivateGradients(plan=PLAN, turn=1, clip=2.0, number="a")
        grid = ForceGrid(forces=forces, steps={"train": step})
        size = step.takes(forces.use_case).size - 1
        arrays = array_record({"coefficients": np.full(size, np.nan)})
        content = RecordDict({ARRAYS: arrays, CONFIG: ConfigRecord({"server-round": 1})})
        messages = [grid.create_message(content, "train", node, "") for node in grid.get_node_ids()]
        with pytest.raises(PolicyError, match="must be finite"):
            list(grid.send_and_receive(messages))
        assert not any(force.ledger.spent for force in forces)


class KilledError(BaseException):
    """The server's machine went down."""


def kill(monkeypatch: pytest.MonkeyPatch, turn: int, *, answered: bool) -> None:
    """Let the server die in a turn, before or after the forces have answered."""
    once, exchange = iter([True]), ForceGrid.send_and_receive

    def dies(self: ForceGrid, messages: Any, **more: Any) -> Any:  # noqa: ANN401
        some = list(messages)
        asked = [step_for(self.steps, message) for message in some]
        turns = [step.turn for step in asked if isinstance(step, PrivateGradients)]
        if turn in turns and next(once, False):
            if answered:
                exchange(self, some, **more)
            raise KilledError
        return exchange(self, some, **more)

    monkeypatch.setattr(ForceGrid, "send_and_receive", dies)


@pytest.mark.parametrize("answered", [False, True])
def test_a_run_that_was_killed_goes_on_without_drawing_or_charging_anything_twice(
    outcome_forces: Forces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answered: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    option, note = FederatedPrivate(rounds=5), tmp_path / "note.json"
    drawn, perturbed = [0], private_gradients.perturb

    def counted(*given: Any) -> Any:  # noqa: ANN401
        drawn[0] += 1
        return perturbed(*given)

    monkeypatch.setattr(private_gradients, "perturb", counted)
    kill(monkeypatch, 3, answered=answered)
    with outcome_forces as forces:
        with pytest.raises(KilledError):
            option.fit(in_process(forces), forces.use_case, note)
        kept = json.loads(note.read_text("utf-8"))
        assert len(kept["models"]) == 2
        models = option.fit(in_process(forces), forces.use_case, note)
        spent = [sum(entry.epsilon for entry in force.ledger.spent) for force in forces]
        loss = forces.privacy_loss()
    assert [each.tolist() for each in models[:2]] == kept["models"]
    assert len(models) == 5
    assert drawn[0] == 5 * 3, "one draw per turn and force"
    assert spent == pytest.approx([option.plan().epsilon(5)] * 3, abs=1e-9)
    assert loss is not None
    assert loss.epsilon == pytest.approx(option.plan().epsilon(5), abs=1e-9)


def test_a_run_that_goes_on_ends_where_it_would_have_ended(
    outcome_forces: Forces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = FederatedPrivate(rounds=5)
    # without noise both are the same descent, momentum included
    monkeypatch.setattr(private_gradients, "perturb", lambda total, _: total)
    with outcome_forces as forces:
        whole = option.fit(in_process(forces), forces.use_case)
        kill(monkeypatch, 4, answered=True)
        with pytest.raises(KilledError):
            option.fit(in_process(forces), forces.use_case, tmp_path / "note.json")
        rest = option.fit(in_process(forces), forces.use_case, tmp_path / "note.json")
    assert [each.tolist() for each in rest] == [each.tolist() for each in whole]


def test_an_answer_is_sent_again_only_of_the_last_turn(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        (first, *_), _ = ask(forces, 1), ask(forces, 2)
        case, step = forces.use_case, PrivateGradients(plan=PLAN, turn=1, clip=2.0, number="a")
        start = {"coefficients": np.zeros(step.takes(case).size - 1), "server-round": 1}
        inputs = step.takes(case).table(start)
        for turn in (1, 3):
            replies = forces.ask(RepeatGradients(again=replace(step, turn=turn)), inputs=inputs)
            assert len(replies.refusals) == 3
        again = forces.ask(RepeatGradients(again=replace(step, turn=2)), inputs=inputs).complete()
        spent = [sum(entry.epsilon for entry in force.ledger.spent) for force in forces]
    assert first.tolist() != step.gives(case).values(again["ashmere"])["coefficients"].tolist()
    assert spent == pytest.approx([PLAN.epsilon(2)] * 3, abs=1e-9)


def test_another_options_checkpoint_is_not_gone_on_with(
    outcome_forces: Forces, tmp_path: Path
) -> None:
    note = tmp_path / "note.json"
    with outcome_forces as forces:
        connect, case = in_process(forces), forces.use_case
        FederatedPrivate(rounds=1).fit(connect, case, note)
        with pytest.raises(PolicyError, match=r"checkpoint \(note.json\) must be of the same"):
            FederatedPrivate(rounds=1, clip=2.0).fit(connect, case, note)
