"""A grid over forces on machines of their own: names the step of every message, orders replies.

It wraps the grid that Flower's SuperLink gives a ServerApp, and is to deployed forces what
`federated.grid.ForceGrid` is to forces in one process, so that the same strategies run on both
with the same result to the last bit.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from federated.flower import ConfigRecord, Message, RecordDict
from federated.grid import SPENT, Steps, step_for
from federated.messages import CONFIG, check_answered, reasons
from federated.orders import order_of
from federated.wrapped_grid import WrappedGrid
from minimisation import BudgetExceededError, PolicyError

POLL = 0.2
"""Seconds between two looks for replies."""

HELLO, FORCE, ORDER = "query.hello", "force", "step"
"""Message type that asks a node which force it is; names of that answer and of the order."""


@dataclass(kw_only=True, eq=False)
class NodeGrid(WrappedGrid):
    """Forces that answer from their own nodes, which Flower's grid reaches."""

    names: tuple[str, ...]
    """The forces that must take part, in the order in which their replies are added up."""
    steps: Steps
    """Message type → the step that answers it."""
    patience: float = 600.0
    """Seconds to wait for all forces to connect."""
    _nodes: dict[str, int] = field(default_factory=dict, init=False)

    def get_node_ids(self) -> Iterable[int]:
        """Node ids in the forces' order.

        Raises:
            PolicyError: if a force has not connected in time, or an unknown one has.
        """
        deadline = time.monotonic() + self.patience
        while not self._nodes:
            found = list(self.inner.get_node_ids())
            if len(found) >= len(self.names):
                self._meet(found)
            elif time.monotonic() > deadline:
                raise PolicyError(f"all {len(self.names)} forces must connect; some are missing")
            else:
                time.sleep(POLL)
        return list(self._nodes.values())

    def _meet(self, nodes: list[int]) -> None:
        asked = [self.inner.create_message(RecordDict(), HELLO, node, "") for node in nodes]
        replies = self._replies_to(asked, self.patience)
        if errors := reasons(replies):
            raise PolicyError(f"every force's node must open its force: {'; '.join(errors)}")
        named = {
            str(reply.content.config_records[CONFIG][FORCE]): reply.metadata.src_node_id
            for reply in replies
        }
        if set(named) != set(self.names) or len(replies) != len(self.names):
            missing = ", ".join(sorted(set(self.names) ^ set(named))) or "a name given twice"
            raise PolicyError(f"exactly the named forces must take part; look at: {missing}")
        self._nodes = {name: named[name] for name in self.names}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages with their orders."""
        return self.inner.push_messages([self._ordered(message) for message in messages])

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send and wait; replies come in the forces' order.

        Raises:
            PolicyError: if a force refused, failed or did not answer in time.
            BudgetExceededError: if a force's budget does not cover a private step; unlike in one
                process, other forces may have run it, and have charged it.
        """
        sent = [self._ordered(message) for message in messages]
        replies = self._replies_to(sent, timeout)
        if spent := reasons(filter(_spent, replies)):
            raise BudgetExceededError("; ".join(spent))
        check_answered(replies, len(sent))
        return self.in_order(replies)

    def _replies_to(self, messages: list[Message], timeout: float | None) -> list[Message]:
        """Replies that come in time; Flower's own loop looks every three seconds only."""
        waiting = set(self.inner.push_messages(messages))
        end = math.inf if timeout is None else time.monotonic() + timeout
        found: list[Message] = []
        while True:
            for reply in self.inner.pull_messages(waiting):
                waiting.discard(reply.metadata.reply_to_message_id)
                found.append(reply)
            if not waiting or time.monotonic() > end:
                return found
            time.sleep(POLL)

    def _ordered(self, message: Message) -> Message:
        step = step_for(self.steps, message)
        content: Mapping[str, object] = message.content
        records = RecordDict()
        for name, record in content.items():
            records[name] = record  # type: ignore[assignment]  # copied as it is
        records[CONFIG] = ConfigRecord(
            {**message.content.config_records.get(CONFIG, {}), ORDER: order_of(step)}
        )
        kind, node = message.metadata.message_type, message.metadata.dst_node_id
        return self.inner.create_message(records, kind, node, message.metadata.group_id)


def _spent(reply: Message) -> bool:
    return reply.has_error() and bool(reply.error.code == SPENT)
