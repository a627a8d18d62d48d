"""Training that hides every person: contributions, noise, order of turns, charges."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from federated import private_gradients
from federated.accounting import Rounds
from federated.design import People, encoding_of
from federated.flower import ConfigRecord, RecordDict
from federated.grid import ForceGrid, in_process, step_for
from federated.messages import ARRAYS, CONFIG, array_record
from federated.private_gradients import (
    LONGEST,
    ONE,
    UNITS,
    PrivateGradients,
    RepeatGradients,
    person_vectors,
    sampled,
)
from federated.private_training import FederatedPrivate
from minimisation import (
    BudgetExceededError,
    Forces,
    LinearModel,
    NotApplicableError,
    PolicyError,
    UseCase,
)
from minimisation.regression import fit_logistic

OpenForces = Callable[..., Forces]
Floats = np.ndarray[Any, np.dtype[np.float64]]

PLAN = Rounds(rounds=4, noise=3.0, delta=1e-6)


def ask(forces: Forces, turn: int, number: str = "a", **changed: Any) -> list[Floats]:  # noqa: ANN401
    """One turn at all forces; what each sent."""
    case = forces.use_case
    step = replace(PrivateGradients(plan=PLAN, turn=turn, clip=2.0, number=number), **changed)
    size = step.takes(case).size - 1
    inputs = step.takes(case).table({"coefficients": np.zeros(size), "server-round": turn})
    sent = forces.ask(step, inputs=inputs).complete()
    return [step.gives(case).values(table)["coefficients"] for table in sent.values()]


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (6, 3), elements=st.floats(0, 1)),
    st.lists(st.integers(0, 2), min_size=6, max_size=6),
    arrays(np.float64, 4, elements=st.floats(-50, 50)),
    st.floats(0.01, 5),
)
def test_nobody_contributes_a_longer_vector_than_the_noise_is_made_for(
    features: Floats, units: list[int], coefficients: Floats, clip: float
) -> None:
    unit = np.unique(units, return_inverse=True)[1]
    people = People(features=features, outcome=np.array([0.0, 1.0] * 3), unit=unit)
    vectors = person_vectors(people, coefficients, clip)
    assert vectors.shape == (unit.max() + 1, 5)
    lengths = [sum(int(entry) ** 2 for entry in vector) for vector in vectors]
    assert max(lengths) <= LONGEST**2


def test_a_person_with_many_rows_is_clipped_once_for_all_of_them() -> None:
    rows = People(features=np.ones((8, 1)), outcome=np.ones(8), unit=np.zeros(8, dtype=np.int64))
    vectors = person_vectors(rows, np.zeros(2), 1.0)
    assert vectors.shape == (1, 3)
    assert np.linalg.norm(vectors[0][:2]) == pytest.approx(UNITS, rel=1e-6)
    # the mutant clips rows instead of people
    alone = replace(rows, unit=np.arange(8))
    assert np.linalg.norm(person_vectors(alone, np.zeros(2), 1.0).sum(axis=0)) > 5 * LONGEST


def test_a_short_gradient_is_left_as_it_is() -> None:
    people = People(features=np.array([[0.5]]), outcome=np.array([1.0]), unit=np.array([0]))
    # at zero the residual is −1/2, so the gradient is (−0.5, −0.25), shorter than the bound of 2
    found = person_vectors(people, np.zeros(2), 2.0)
    assert found.tolist() == [[-UNITS // 4, -UNITS // 8, int(UNITS * ONE)]]


def test_the_noise_has_the_deviation_that_was_paid_for(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    plan = Rounds(rounds=60, noise=20.0, delta=1e-6)
    one = {"ashmere": outcome_records["ashmere"]}
    with open_forces(outcome_use_case, one, held_out=0.0) as forces:
        step = PrivateGradients(plan=plan, turn=1, clip=2.0, number="n")
        size = step.takes(outcome_use_case).size - 1
        start = {"coefficients": np.zeros(size), "server-round": 1}
        gives = step.gives(outcome_use_case)
        sums = []
        for turn in range(1, 61):
            inputs = step.takes(outcome_use_case).table(start)
            sent = forces.ask(replace(step, turn=turn), inputs=inputs).complete()["ashmere"]
            values = gives.values(sent)
            sums.append(values["coefficients"] * values["num-examples"] / 2.0)
    deviation = np.std(np.array(sums), axis=0)
    assert np.sqrt(np.mean(deviation**2)) == pytest.approx(20 * LONGEST / UNITS, rel=0.15)


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


def test_a_force_that_kept_no_count_would_sell_a_late_turn_cheaply(
    outcome_forces: Forces,
) -> None:
    first, late = PLAN.price(1)[0], PLAN.price(4)[0]
    assert late < first / 1.5
    with outcome_forces as forces:
        for _ in range(3):
            for force in forces:  # the mutant: a count that the server can set
                force.memory[f"private-training/{forces.use_case.name}/a/{PLAN}/2.0"] = b"3"
            ask(forces, 4)
        loss = forces.privacy_loss()
    assert loss is not None
    assert loss.epsilon < 3 * PLAN.epsilon(1)


def test_every_force_is_charged_the_composed_loss(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        for turn in (1, 2, 3):
            ask(forces, turn)
        loss = forces.privacy_loss()
        spent = [sum(entry.epsilon for entry in force.ledger.spent) for force in forces]
    assert loss is not None
    assert loss.epsilon == pytest.approx(PLAN.epsilon(3), abs=1e-9)
    assert loss.delta == PLAN.delta
    assert loss.epsilon_everywhere == pytest.approx(3 * PLAN.epsilon(3), abs=1e-9)
    assert spent == pytest.approx([PLAN.epsilon(3)] * 3, abs=1e-9)


def test_two_runs_alike_draw_different_noise(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        first, second = ask(forces, 1, "a"), ask(forces, 1, "b")
    assert all((one != two).any() for one, two in zip(first, second, strict=True))


def test_sampling_takes_everybody_with_the_same_chance() -> None:
    share = np.mean([sampled(2000, 0.1).mean() for _ in range(20)])
    assert share == pytest.approx(0.1, abs=0.007)
    assert sampled(50, 1.0).all()
    assert (sampled(2000, 0.5) != sampled(2000, 0.5)).any()


def test_with_little_noise_it_learns_what_pooling_would(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    features = encoding_of(outcome_use_case).encode(rows)
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    pooled = fit_logistic(features, outcome).coefficients
    with open_forces(outcome_use_case, outcome_records, held_out=0.0, epsilon=1e3) as forces:
        option = FederatedPrivate(epsilon=20.0, rounds=40)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, LinearModel)
    found = roc_auc_score(outcome, features @ np.array(release.artefact.weights))
    assert found == pytest.approx(roc_auc_score(outcome, features @ pooled[1:]), abs=0.02)
    assert release.privacy_loss is not None
    assert 19.5 < release.privacy_loss.epsilon <= 20


def test_it_stops_before_the_budget_is_overspent(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    with open_forces(outcome_use_case, outcome_records, epsilon=0.5) as forces:
        option = FederatedPrivate(epsilon=1.0, rounds=20)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
        turns = len(forces.meter.entries) // 3
    assert release.privacy_loss is not None
    assert release.privacy_loss.epsilon == pytest.approx(option.plan().epsilon(turns), abs=1e-9)
    assert release.privacy_loss.epsilon <= 0.5 < option.plan().epsilon(turns + 1)
    assert "budget ended" in release.remarks[1]


def test_without_any_budget_nothing_is_run(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    with open_forces(outcome_use_case, outcome_records, epsilon=0.0) as forces:
        with pytest.raises(BudgetExceededError):
            FederatedPrivate(rounds=5).apply(forces, outcome_use_case, np.random.default_rng(1))
        assert not forces.meter.entries


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces, pytest.raises(NotApplicableError):
        FederatedPrivate().apply(forces, grouped_use_case, np.random.default_rng(1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"epsilon": 0.0},
        {"delta": 0.0},
        {"rounds": 0},
        {"clip": 0.0},
        {"learning_rate": -1.0},
        {"momentum": 1.0},
        {"sampling": 0.0},
    ],
)
def test_parameters_that_cannot_be_accounted_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedPrivate(**parameters)
