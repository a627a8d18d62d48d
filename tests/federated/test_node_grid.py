"""What a server makes of nodes that are silent, late, strange or out of budget."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest
from flwr.serverapp.strategy import FedAvg

from federated.averaging import LocalEpochs
from federated.flower import (
    ConfigRecord,
    Error,
    Grid,
    Message,
    MetricRecord,
    RecordDict,
    Run,
    TaskIdentity,
)
from federated.grid import FAILED, REFUSED, SPENT, start
from federated.messages import ARRAYS, CONFIG, METRICS, array_record
from federated.node_grid import FORCE, HELLO, ORDER, NodeGrid
from federated.orders import digests, step_of
from minimisation import BudgetExceededError, PolicyError

NAMES = ("ashmere", "brackley", "coldharbour")
STEP = LocalEpochs(epochs=1, learning_rate=0.3, batch_size=32, seed=1)


@dataclass
class Link(Grid):
    """Flower's grid as a server sees it: nodes answer, in any order, or do not."""

    named: dict[int, str]
    faults: dict[int, tuple[int, str]] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    rounds: "count[int]" = field(default_factory=lambda: count(1))
    waiting: dict[str, Message] = field(default_factory=dict)

    def set_run(self, run: Run) -> None:
        del run

    @property
    def run(self) -> Run:
        return Run.create_empty(1)

    def get_node_ids(self) -> Iterable[int]:
        return list(self.named)

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        pushed = []
        for message in messages:
            number = f"{next(self.rounds)}"
            message.metadata.__dict__["_message_id"] = number
            self.waiting[number] = message
            pushed.append(number)
        return pushed

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        asked = [self.waiting.pop(each) for each in message_ids if each in self.waiting]
        last_first = sorted(asked, key=lambda each: -each.metadata.dst_node_id)
        return [self.answer(each) for each in last_first if self.speaks(each)]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        raise NotImplementedError

    def speaks(self, message: Message) -> bool:
        asked = message.metadata.message_type != HELLO
        return not (asked and message.metadata.dst_node_id in self.silent)

    def answer(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        if message.metadata.message_type == HELLO:
            told = RecordDict({CONFIG: ConfigRecord({FORCE: self.named[node]})})
            return Message(told, reply_to=message)
        if node in self.faults:
            return Message(Error(*self.faults[node]), reply_to=message)
        order = str(message.content.config_records[CONFIG][ORDER])
        assert step_of(order, digests()) == STEP
        arrays = array_record({"coefficients": np.array([float(node)])})
        metrics = MetricRecord({"num-examples": 1.0})
        return Message(RecordDict({ARRAYS: arrays, METRICS: metrics}), reply_to=message)


def grid_over(link: Link, names: tuple[str, ...] = NAMES, patience: float = 0.5) -> NodeGrid:
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    return NodeGrid(inner=link, names=names, steps={"train": STEP}, patience=patience)


def everybody() -> dict[int, str]:
    """Nodes in another order than the forces'."""
    return dict(zip((7, 5, 3), NAMES, strict=True))


def trained(link: Link) -> float:
    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3)
    found = start(strategy, grid_over(link), {"coefficients": np.zeros(1)}, 2)
    return float(found.arrays["coefficients"].numpy()[0])


def test_replies_come_in_the_forces_order_whoever_was_first() -> None:
    grid = grid_over(Link(everybody()))
    content = RecordDict({ARRAYS: array_record({"coefficients": np.zeros(1)})})
    content[CONFIG] = ConfigRecord({"server-round": 1})
    sent = [grid.create_message(content, "train", node, "") for node in (3, 7, 5)]
    assert list(grid.get_node_ids()) == [7, 5, 3]
    replies = list(grid.send_and_receive(sent))
    assert [reply.metadata.src_node_id for reply in replies] == [7, 5, 3]


def test_flowers_averaging_runs_over_nodes() -> None:
    assert trained(Link(everybody())) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("code", "said"),
    [(REFUSED, "brackley refused: not approved"), (FAILED, "brackley failed: a wrong shape")],
)
def test_a_force_that_refuses_or_fails_ends_the_run_by_name(code: int, said: str) -> None:
    with pytest.raises(PolicyError, match=f"every force must answer: {said}"):
        trained(Link(everybody(), faults={5: (code, said)}))


def test_a_budget_that_has_ended_is_told_apart_from_a_refusal() -> None:
    with pytest.raises(BudgetExceededError, match="the budget of force 'brackley'"):
        trained(Link(everybody(), faults={5: (SPENT, "the budget of force 'brackley'")}))


def test_a_force_that_falls_silent_is_waited_for_no_longer_than_was_agreed() -> None:
    link = Link(everybody(), silent={5})
    grid = grid_over(link)
    content = RecordDict({ARRAYS: array_record({"coefficients": np.zeros(1)})})
    content[CONFIG] = ConfigRecord({"server-round": 1})
    sent = [grid.create_message(content, "train", node, "") for node in grid.get_node_ids()]
    with pytest.raises(PolicyError, match="some are silent"):
        grid.send_and_receive(sent, timeout=0.3)
    link.silent.clear()  # it comes back: the next round is whole
    assert len(list(grid.send_and_receive(sent, timeout=5.0))) == 3


def test_a_force_that_never_connects_is_waited_for_no_longer_than_was_agreed() -> None:
    some = dict(list(everybody().items())[:2])
    with pytest.raises(PolicyError, match="all 3 forces must connect"):
        grid_over(Link(some), patience=0.3).get_node_ids()


@pytest.mark.parametrize(
    "named",
    [
        {7: "ashmere", 5: "brackley", 3: "stranger"},
        {7: "ashmere", 5: "brackley", 3: "brackley"},
        everybody() | {9: "ashmere"},
    ],
)
def test_exactly_the_named_forces_take_part(named: dict[int, str]) -> None:
    with pytest.raises(PolicyError, match="exactly the named forces must take part"):
        grid_over(Link(named)).get_node_ids()
