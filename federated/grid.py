"""A Flower grid in this process: every message becomes a step that a force is asked to run.

Strategies of `flwr.serverapp` run on it unchanged. Whatever a strategy sends or receives goes
through `forces.ask`, so it is checked, metered and audited at each force's boundary.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias

from federated.flower import (
    AppExitException,
    ArrayRecord,
    Error,
    Grid,
    Message,
    RecordDict,
    Result,
    Run,
    Strategy,
    TaskIdentity,
)
from federated.layout import ClientStep, Values
from federated.messages import array_record, content_of, inputs_of, round_of
from minimisation import Forces, PolicyError, Replies

StepOfRound: TypeAlias = Callable[[int], ClientStep]
"""Makes a step from the number of the round, where its price depends on that."""

Steps: TypeAlias = Mapping[str, ClientStep | StepOfRound]
"""Message type (`train`, `evaluate`, `query`, `train.name`) → the step that answers it."""

Connect: TypeAlias = Callable[[Steps], Grid]
"""Makes a grid on which the forces answer by these steps, in one process or deployed."""

SERVER = 1
"""Node id of the server, as in Flower; forces are numbered from 2."""

REFUSED, FAILED, SPENT = 1, 2, 3
"""Codes of error replies: a force's policy said no; it could not answer; its budget has ended."""


@dataclass(kw_only=True, eq=False)
class ForceGrid(Grid):
    """The participating forces as Flower nodes."""

    forces: Forces
    """The forces, opened."""
    steps: Steps
    """Message type → the step that answers it."""
    everyone: bool = True
    """Whether every force must answer; if not, the strategy sees an error reply and goes on."""
    deadline: float | None = None
    """Seconds that a force has to answer a message, if fewer than the strategy allows."""
    _run: Run = field(default_factory=lambda: Run.create_empty(1))
    _replies: dict[str, Message] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Give this process the identity that Flower writes on every message."""
        self.set_run(self._run)

    def set_run(self, run: Run) -> None:
        """Set the run that messages belong to."""
        self._run = run
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = run.run_id, SERVER, 1

    @property
    def run(self) -> Run:
        """The run that messages belong to."""
        return self._run

    @property
    def nodes(self) -> dict[int, str]:
        """Node id → force, in the forces' order."""
        return dict(enumerate(self.forces.names, start=SERVER + 1))

    def get_node_ids(self) -> Iterable[int]:
        """Node ids in the forces' order; nobody joins or leaves."""
        return list(self.nodes)

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """A message to one force."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Have the forces answer, and keep the replies for `pull_messages`."""
        return self._exchange(messages, None)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies to messages that were pushed; each can be pulled once."""
        return [self._replies.pop(number) for number in message_ids if number in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Have the forces answer; replies come in the forces' order whatever the order sent.

        Raises:
            PolicyError: if a force refused or failed and everyone must answer.
            BudgetExceededError: if a force's budget does not cover a private step.
            ValueError: if no step answers a message, or a message lacks what its step takes.
        """
        return self.pull_messages(self._exchange(messages, timeout))

    def _exchange(self, messages: Iterable[Message], timeout: float | None) -> list[str]:
        ordered = sorted(messages, key=lambda message: message.metadata.dst_node_id)
        numbers = []
        for message in ordered:
            # Flower's own in-memory grid sets the id in this way: it has no setter
            message.metadata.__dict__["_message_id"] = f"{next(self._numbers)}"
            numbers.append(message.metadata.message_id)
        for kind in dict.fromkeys(message.metadata.message_type for message in ordered):
            alike = [message for message in ordered if message.metadata.message_type == kind]
            self._ask(step_for(self.steps, alike[0]), alike, timeout)
        return numbers

    def _ask(self, step: ClientStep, messages: Sequence[Message], timeout: float | None) -> None:
        """Ask all receivers at once: a private step runs in all of them or in none."""
        takes = step.takes(self.forces.use_case)
        receivers = {self.nodes[message.metadata.dst_node_id]: message for message in messages}
        inputs = {name: inputs_of(takes, message.content) for name, message in receivers.items()}
        limits = [limit for limit in (timeout, self.deadline) if limit is not None]
        deadline = min(limits, default=None)
        replies = self.forces.ask(step, inputs=inputs, to=list(receivers), deadline=deadline)
        if self.everyone:
            replies.complete()
        for force, message in receivers.items():
            self._replies[message.metadata.message_id] = self._reply(step, force, message, replies)

    def _reply(self, step: ClientStep, force: str, message: Message, replies: Replies) -> Message:
        if force in replies.payloads:
            gives = step.gives(self.forces.use_case)
            try:
                content = content_of(gives, replies.payloads[force])
            except PolicyError as error:
                if self.everyone:
                    raise PolicyError(f"every force must answer: {force}: {error}") from error
                return Message(Error(FAILED, f"{force}: {error}"), reply_to=message)
            return Message(content, reply_to=message)
        rules = {refusal.force: refusal.rule for refusal in replies.refusals}
        if force in rules:
            return Message(Error(REFUSED, f"{force} refused: {rules[force]}"), reply_to=message)
        reasons = {failure.force: failure.reason for failure in replies.failures}
        return Message(Error(FAILED, f"{force} failed: {reasons[force]}"), reply_to=message)


def step_for(steps: Steps, message: Message) -> ClientStep:
    """The step that answers a message.

    Raises:
        ValueError: if none does.
    """
    kind = message.metadata.message_type
    if kind not in steps:
        raise ValueError(f"message type ({kind}) must be one of {', '.join(steps)}")
    step = steps[kind]
    return step(round_of(message.content)) if callable(step) else step


def in_process(forces: Forces) -> Connect:
    """Connects to the forces of this process."""

    def connect(steps: Steps) -> Grid:
        return ForceGrid(forces=forces, steps=steps)

    return connect


def start(
    strategy: Strategy,
    grid: Grid,
    initial: Values,
    rounds: int,
    after: Callable[[int, ArrayRecord], None] | None = None,
) -> Result:
    """Run a strategy as Flower would, with its ways of waiting and of leaving made safe.

    Args:
        strategy: any strategy of the Message API.
        grid: the forces, or a grid over them.
        initial: name → array of the model to start from.
        rounds: how many rounds.
        after: called with 0 and the first model, then with each round's number and its model.

    Raises:
        ValueError: if the strategy would wait for more forces than there are.
        PolicyError: if a force refused or failed, or replies do not fit together.
    """
    present = len(list(grid.get_node_ids()))
    for name in ("min_available_nodes", "min_train_nodes", "min_evaluate_nodes"):
        wanted = getattr(strategy, name, 0)
        if wanted > present:
            raise ValueError(f"{name} ({wanted}) must be at most the number of forces ({present})")
    try:
        return strategy.start(
            grid=grid,
            initial_arrays=array_record(initial),
            num_rounds=rounds,
            evaluate_fn=after,
        )
    except AppExitException as error:
        raise PolicyError(f"the strategy must be able to combine the replies: {error}") from error
