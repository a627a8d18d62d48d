"""A Flower grid on which every round is a secure sum: a strategy sees one node, "everybody".

It wraps any grid, in process or deployed. A strategy sends one message and gets one reply, which
carries the totals over all forces; what a single force computed is never seen by the server.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from federated import masks
from federated.flower import Message, MessageType, RecordDict
from federated.grid import Connect
from federated.layout import COLUMN, ClientStep, SummedStep
from federated.messages import ARRAYS, array_record, check_answered, content_of
from federated.secure_session import OFFER, AcceptRoster, OfferKey, Session
from federated.secure_sum import (
    MASKED,
    RECEIPT,
    RECEIPTS,
    SEED,
    MaskedSums,
    RevealMask,
    unmask,
)
from federated.wrapped_grid import WrappedGrid
from minimisation import UseCase

EVERYBODY = 1
"""The one node id that a strategy sees."""

OFFERS, ACCEPTS, SUMS, REVEALS = "query.offer", "query.accept", "train.masked", "query.reveal"
"""Message types of the protocol."""


def protocol(sums: MaskedSums) -> dict[str, ClientStep]:
    """The steps by which forces answer, by message type."""
    return {
        OFFERS: OfferKey(session=sums.session),
        ACCEPTS: AcceptRoster(session=sums.session),
        SUMS: sums,
        REVEALS: RevealMask(session=sums.session),
    }


def secure_grid(
    connect: Connect,
    use_case: UseCase,
    roster: Sequence[str],
    step: SummedStep,
    most_people: int,
) -> "SecureGrid":
    """A secure sum of a step over all forces.

    Args:
        connect: reaches the forces.
        use_case: the use case.
        roster: names of the forces, in their order.
        step: what is added up.
        most_people: public bound on the people of one force.

    Raises:
        PolicyError: if there are fewer than three forces.
    """
    session = Session(roster=tuple(roster), number=token_hex(8))
    sums = MaskedSums(session=session, step=step, most_people=most_people)
    return SecureGrid(inner=connect(protocol(sums)), sums=sums, use_case=use_case)


@dataclass(kw_only=True, eq=False)
class SecureGrid(WrappedGrid):
    """Adds up what all nodes of another grid send, without seeing what any of them sent.

    The inner grid's nodes are in the roster's order.
    """

    sums: MaskedSums
    """The masked step; the inner grid's nodes answer by `protocol(sums)`."""
    use_case: UseCase
    """The use case, from which layouts follow."""
    _open: bool = field(default=False, init=False)
    _replies: dict[str, Message] = field(default_factory=dict, init=False)

    def get_node_ids(self) -> Iterable[int]:
        """The one node that stands for all."""
        return [EVERYBODY]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Add up, and keep the totals for `pull_messages`."""
        numbers = []
        for reply in self.send_and_receive(messages):
            numbers.append(token_hex(8))
            self._replies[numbers[-1]] = reply
        return numbers

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Totals of messages that were pushed; each can be pulled once."""
        return [self._replies.pop(number) for number in message_ids if number in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """One secure sum per message.

        Raises:
            PolicyError: if a force did not answer: the turn is void and is never unmasked.
        """
        replies = []
        for message in messages:
            if message.metadata.message_type != MessageType.TRAIN:
                kind = message.metadata.message_type
                raise ValueError(f"message type ({kind}) must be train on a secure grid")
            total = self._total(message.content, timeout)
            content = content_of(self.sums.step.gives(self.use_case), total)
            replies.append(Message(content, reply_to=message))
        return replies

    def _total(self, content: RecordDict, timeout: float | None) -> pa.Table:
        if not self._open:
            offers = self._everybody(OFFERS, RecordDict(), timeout)
            self._everybody(ACCEPTS, _arrays({OFFER: np.stack(offers[OFFER])}), timeout)
            self._open = True
        sent = self._everybody(SUMS, content, timeout)
        receipts = _arrays({RECEIPTS: np.stack(sent[RECEIPT])})
        seeds = [masks.octets(seed) for seed in self._everybody(REVEALS, receipts, timeout)[SEED]]
        total = self.sums.encoding(self.use_case).decode(unmask(sent[MASKED], seeds))
        return pa.table({COLUMN: total}, schema=self.sums.step.gives(self.use_case).schema)

    def _everybody(
        self, kind: str, content: RecordDict, timeout: float | None
    ) -> dict[str, list[npt.NDArray[np.uint64]]]:
        """Send the same to all nodes; array name → one array per node, in the roster's order."""
        nodes = list(self.inner.get_node_ids())
        messages = [self.inner.create_message(content, kind, node, "") for node in nodes]
        replies = list(self.inner.send_and_receive(messages, timeout=timeout))
        check_answered(replies, len(nodes))
        by_node = {reply.metadata.src_node_id: reply for reply in replies}
        found: dict[str, list[npt.NDArray[np.uint64]]] = {}
        for node in nodes:
            for name, array in by_node[node].content.array_records[ARRAYS].items():
                found.setdefault(name, []).append(array.numpy())
        return found


def _arrays(values: Mapping[str, npt.NDArray[np.uint64]]) -> RecordDict:
    return RecordDict({ARRAYS: array_record(values)})
