"""A Flower grid over another grid: whatever a kind of grid does not change is passed on."""

from collections.abc import Iterable
from dataclasses import dataclass

from federated.flower import Grid, Message, RecordDict, Run


@dataclass(kw_only=True, eq=False)
class WrappedGrid(Grid):
    """Passes everything on to the grid that reaches the forces, and replies in their order."""

    inner: Grid
    """The grid that reaches the forces."""

    def set_run(self, run: Run) -> None:
        """Set the run that messages belong to."""
        self.inner.set_run(run)

    @property
    def run(self) -> Run:
        """The run that messages belong to."""
        return self.inner.run

    def get_node_ids(self) -> Iterable[int]:
        """Node ids in the forces' order."""
        return self.inner.get_node_ids()

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """A message to one node."""
        return self.inner.create_message(content, message_type, dst_node_id, group_id, ttl)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages without waiting for replies."""
        return self.inner.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies that have come."""
        return self.inner.pull_messages(message_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and wait for their replies."""
        return self.inner.send_and_receive(messages, timeout=timeout)

    def in_order(self, replies: Iterable[Message]) -> list[Message]:
        """Replies in the order of the nodes, whenever each came."""
        place = {node: position for position, node in enumerate(self.get_node_ids())}
        return sorted(replies, key=lambda reply: place[reply.metadata.src_node_id])
