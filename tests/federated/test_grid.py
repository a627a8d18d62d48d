"""Flower's own strategies over forces that answer through their boundary."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedProx, Strategy

from federated.averaging import LocalEpochs
from federated.flower import ArrayRecord, Message, RecordDict
from federated.grid import ForceGrid, start
from federated.layout import Layout
from minimisation import Forces, Payload, PolicyError, Premises, UseCase
from minimisation.contract import wire
from minimisation.forces.audit import Event

OpenForces = Callable[..., Forces]

QUICK = LocalEpochs(epochs=1, learning_rate=0.5, batch_size=64, seed=7)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Adds a step to every number: a whole federation that can be checked by hand."""

    step: float = 1.0
    wrong_force: str = ""
    wrong: str = ""
    name: ClassVar[str] = "shift"

    def takes(self, use_case: UseCase) -> Layout:
        del use_case
        return Layout(arrays=(("w", (2,)),))

    def gives(self, use_case: UseCase) -> Layout:
        del use_case
        return Layout(arrays=(("w", (2,)),), scalars=("num-examples",))

    def sends(self, use_case: UseCase) -> Payload:
        return self.gives(use_case).promise(low=-1e6, high=1e6)

    def run(self, premises: Premises) -> pa.Table:
        assert premises.inputs is not None
        case = premises.use_case
        moved = self.takes(case).values(premises.inputs)["w"] + self.step
        whole = self.gives(case).table({"w": moved, "num-examples": 1.0})
        if premises.force != self.wrong_force:
            return whole
        return {
            "nan": self.gives(case).table({"w": moved * np.nan, "num-examples": 1.0}),
            "huge": self.gives(case).table({"w": moved * 1e9, "num-examples": 1.0}),
            "short": whole.slice(1),
            "long": pa.concat_tables([whole, whole]),
            "text": pa.table({"value": ["one", "two", "three"]}),
        }[self.wrong]


def averaging(nodes: int = 3, **changed: Any) -> FedAvg:  # noqa: ANN401 - Flower's parameters
    given = {"fraction_evaluate": 0.0, "min_train_nodes": nodes, "min_available_nodes": nodes}
    return FedAvg(**(given | changed))


def grid_of(forces: Forces, step: Any, **changed: Any) -> ForceGrid:  # noqa: ANN401 - any step
    return ForceGrid(forces=forces, steps={"train": step}, **changed)


def model_after(strategy: Strategy, grid: ForceGrid, rounds: int) -> np.ndarray:
    return start(strategy, grid, {"w": np.zeros(2)}, rounds).arrays["w"].numpy()


def test_the_average_of_equal_shifts_is_the_shift(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        found = model_after(averaging(), grid_of(forces, Shift(step=0.5)), 4)
    assert found.tolist() == [2.0, 2.0]


def test_metered_bytes_are_the_encoded_payload_and_every_message_is_logged(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    step = Shift()
    with outcome_forces as forces:
        model_after(averaging(), grid_of(forces, step), 2)
        logged = [(e.event, e.what, e.sent) for f in forces for e in f.audit.entries]
    out = len(wire.encode(step.gives(outcome_use_case).table({"w": [0, 0], "num-examples": 0})))
    into = len(wire.encode(step.takes(outcome_use_case).table({"w": [0, 0]})))
    assert [(e.sent, e.received, e.rows) for e in forces.meter.entries] == [(out, into, 3)] * 6
    assert logged == [(Event.DISCLOSURE, "shift", out)] * 6


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("nan", "not finite"),
        ("huge", "outside its public range"),
        ("long", "more rows than its public size"),
        ("text", "not the ones that were approved"),
        ("short", "3 numbers"),
    ],
)
def test_a_wrong_update_is_refused_and_named(outcome_forces: Forces, wrong: str, rule: str) -> None:
    with outcome_forces as forces:
        grid = grid_of(forces, Shift(wrong_force="brackley", wrong=wrong))
        with pytest.raises(PolicyError, match=f"brackley.*{rule}"):
            model_after(averaging(), grid, 2)


@pytest.mark.parametrize("wrong", ["nan", "huge", "long", "text", "short"])
def test_a_strategy_that_goes_on_without_one_force_can(outcome_forces: Forces, wrong: str) -> None:
    with outcome_forces as forces:
        step = Shift(wrong_force="brackley", wrong=wrong)
        found = model_after(averaging(), grid_of(forces, step, everyone=False), 3)
    assert found.tolist() == [3.0, 3.0]


def test_replies_come_in_the_forces_order_whatever_the_order_sent(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        grid = grid_of(forces, Shift())
        content = RecordDict({"arrays": ArrayRecord([np.zeros(2)])})
        content["arrays"]["w"] = content["arrays"].pop("0")
        sent = [Message(content, node, "train") for node in (4, 2, 3)]
        replies = list(grid.send_and_receive(sent))
    assert [reply.metadata.src_node_id for reply in replies] == [2, 3, 4]
    assert [reply.metadata.reply_to_message_id for reply in replies] == [
        message.metadata.message_id
        for message in sorted(sent, key=lambda m: m.metadata.dst_node_id)
    ]


def test_a_reply_can_be_pulled_once(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        grid = grid_of(forces, Shift())
        content = RecordDict({"arrays": ArrayRecord([np.zeros(2)])})
        content["arrays"]["w"] = content["arrays"].pop("0")
        numbers = list(grid.push_messages([grid.create_message(content, "train", 3, "1")]))
        first, second = grid.pull_messages(numbers), grid.pull_messages(numbers)
    assert [reply.metadata.src_node_id for reply in first] == [3]
    assert second == []


def test_a_message_that_no_step_answers_is_refused(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        strategy = FedAvg(min_train_nodes=3, min_evaluate_nodes=3, min_available_nodes=3)
        with pytest.raises(ValueError, match=r"message type \(evaluate\)"):
            model_after(strategy, grid_of(forces, Shift()), 1)


def test_a_message_without_the_model_is_refused(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        grid = grid_of(forces, Shift())
        with pytest.raises(ValueError, match="array 'w'"):
            start(averaging(), grid, {"v": np.zeros(2)}, 1)
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            start(averaging(), grid, {"w": np.zeros(3)}, 1)
    assert not forces.meter.entries


def test_a_strategy_that_would_wait_for_ever_is_refused(outcome_forces: Forces) -> None:
    with (
        outcome_forces as forces,
        pytest.raises(ValueError, match=r"min_available_nodes \(4\) must be at most .* \(3\)"),
    ):
        model_after(averaging(4), grid_of(forces, Shift()), 1)


def test_a_strategy_that_cannot_combine_the_replies_says_so(outcome_forces: Forces) -> None:
    with outcome_forces as forces, pytest.raises(PolicyError, match="people-seen"):
        model_after(averaging(weighted_by_key="people-seen"), grid_of(forces, Shift()), 1)


@pytest.mark.parametrize("kind", [FedAvg, FedProx, FedAdam, FedMedian])
def test_flowers_strategies_run_unchanged(
    outcome_forces: Forces, outcome_use_case: UseCase, kind: type[FedAvg]
) -> None:
    given: dict[str, Any] = {"proximal_mu": 0.0} if kind is FedProx else {}
    strategy = kind(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3, **given)
    size = QUICK.takes(outcome_use_case).size - 1
    with outcome_forces as forces:
        grid = grid_of(forces, QUICK)
        found = start(strategy, grid, {"coefficients": np.zeros(size)}, 3)
    assert np.isfinite(found.arrays["coefficients"].numpy()).all()
    assert np.abs(found.arrays["coefficients"].numpy()).max() > 1e-3
    assert len(forces.meter.entries) == 9


def test_nine_forces_and_ten_rounds_take_less_than_two_seconds(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    tables = list(outcome_records.values())
    records = {f"force-{number}": tables[number % 3] for number in range(9)}
    size = QUICK.takes(outcome_use_case).size - 1
    with open_forces(outcome_use_case, records) as forces:
        begun = time.perf_counter()
        start(averaging(9), grid_of(forces, QUICK), {"coefficients": np.zeros(size)}, 10)
        taken = time.perf_counter() - begun
    assert len(forces.meter.entries) == 90
    assert taken < 2


def in_a_new_process(code: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_listing_the_options_does_not_load_flower(tmp_path: Path) -> None:
    code = "import sys, federated; print(len(federated.OPTIONS), 'flwr' in sys.modules)"
    words = in_a_new_process(code, tmp_path).stdout.split()
    assert int(words[0]) >= 2
    assert words[1] == "False"


def test_loading_flower_is_silent_and_writes_nothing_at_home(tmp_path: Path) -> None:
    code = "import federated.grid, os; print(os.environ['FLWR_TELEMETRY_ENABLED'])"
    done = in_a_new_process(code, tmp_path)
    assert (done.stdout.strip(), done.stderr) == ("0", "")
    assert not list(tmp_path.iterdir())


def test_a_missing_engine_names_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['flwr'] = None\n"
        "import federated\n"
        "try:\n    import federated.grid\nexcept Exception as error:\n"
        "    print(type(error).__name__, error)"
    )
    said = in_a_new_process(code, tmp_path).stdout
    assert said.startswith("MissingEngineError")
    assert "[federated]" in said
