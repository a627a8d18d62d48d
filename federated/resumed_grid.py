"""A grid for a server that went down: answers that were lost are asked for again, once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from federated.flower import Message
from federated.wrapped_grid import WrappedGrid
from minimisation import PolicyError

REPEAT = "query.repeat"
"""Message type that asks a force to send its answer of a turn once more."""


@dataclass(kw_only=True, eq=False)
class ResumedGrid(WrappedGrid):
    """Asks every force first for the answer it may have given; only who gave none works anew.

    The inner grid answers `REPEAT`.
    """

    _resumed: bool = field(default=False, init=False)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send and wait; replies come in the order of the nodes.

        Raises:
            PolicyError: if a force refused, failed or did not answer in time.
            BudgetExceededError: if a force's budget does not cover a private step.
        """
        if self._resumed:
            return self.inner.send_and_receive(messages, timeout=timeout)
        self._resumed = True
        replies, rest = [], []
        for message in messages:
            node = message.metadata.dst_node_id
            again = self.inner.create_message(message.content, REPEAT, node, "")
            try:
                replies += list(self.inner.send_and_receive([again], timeout=timeout))
            except PolicyError:
                rest.append(message)  # it gave no answer in this turn
        if rest:
            replies += list(self.inner.send_and_receive(rest, timeout=timeout))
        return self.in_order(replies)
