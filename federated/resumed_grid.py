"""A grid for a server that went down: answers that were lost are asked for again, once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from federated.flower import Grid, Message, RecordDict, Run
from minimisation import PolicyError

REPEAT = "query.repeat"
"""Message type that asks a force to send its answer of a turn once more."""


@dataclass(kw_only=True, eq=False)
class ResumedGrid(Grid):
    """Asks every force first for the answer it may have given; only who gave none works anew."""

    inner: Grid
    """The grid that reaches the forces; it answers `REPEAT`."""
    _resumed: bool = field(default=False, init=False)

    def set_run(self, run: Run) -> None:
        """Set the run that messages belong to."""
        self.inner.set_run(run)

    @property
    def run(self) -> Run:
        """The run that messages belong to."""
        return self.inner.run

    def get_node_ids(self) -> Iterable[int]:
        """The inner grid's."""
        return self.inner.get_node_ids()

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """A message to one force."""
        return self.inner.create_message(content, message_type, dst_node_id, group_id, ttl)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """As the inner grid: nothing is asked for again."""
        return self.inner.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """As the inner grid."""
        return self.inner.pull_messages(message_ids)

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
        place = {node: position for position, node in enumerate(self.inner.get_node_ids())}
        return sorted(replies, key=lambda reply: place[reply.metadata.src_node_id])
