"""A force's side of the secure sum: nobody learns more than the total over at least three forces.

Each force adds masks that it shares pairwise with every other, which cancel in the total, and a
mask of its own. Its own it reveals only when every member of the roster has signed that it
delivered the same turn. So an aborted turn can never be unmasked, a late message is useless, and
since a force that has revealed once never takes part under another roster, no total can be
subtracted from another to leave one force. Computational security against a server that colludes
with all but two of the forces at most. Bonawitz et al. 2017, Practical Secure Aggregation for
Privacy-Preserving Machine Learning, without its recovery of drop-outs: a turn is whole or void.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from federated import masks
from federated.fixed_point import FixedPoint, Words
from federated.layout import COLUMN, ROUND, Layout, SummedStep
from federated.record import Record
from federated.secure_session import (
    KEY_WORDS,
    OFFER_WORDS,
    SIGNATURE_WORDS,
    Session,
    given_to,
    parts_of,
)
from minimisation import Payload, PolicyError, Premises, UseCase
from minimisation.contract import wire

RECEIPTS, MASKED, RECEIPT, SEED = "receipts", "masked", "receipt", "seed"
"""Names of what messages carry."""


@dataclass(frozen=True, kw_only=True)
class MaskedSums:
    """Runs a step whose numbers are sums over people, and sends them masked."""

    session: Session
    """The session."""
    step: SummedStep
    """What is added up."""
    most_people: int
    """Public bound on the people of one force; it fixes the range that is proved."""

    @property
    def name(self) -> str:
        """Name by which a force approves it: `masked-` and the name of the step."""
        return f"masked-{self.step.name}"

    def takes(self, use_case: UseCase) -> Layout:
        """What the step takes, and the number of the turn."""
        takes = self.step.takes(use_case)
        return replace(takes, scalars=tuple(dict.fromkeys((*takes.scalars, ROUND))))

    def gives(self, use_case: UseCase) -> Layout:
        """As many words as the step gives numbers, and a signed receipt."""
        arrays = ((MASKED, (self.step.gives(use_case).size,)), (RECEIPT, (SIGNATURE_WORDS,)))
        return Layout(arrays=arrays, type=pa.uint64())

    def sends(self, use_case: UseCase) -> Payload:
        """A fixed number of words; masked words have no smaller range than their type."""
        return self.gives(use_case).promise(low=None, high=None)

    def encoding(self, use_case: UseCase) -> FixedPoint:
        """The finest grid on which the total over the roster cannot wrap."""
        bounds = self.step.gives(use_case).table(self.step.bounds(use_case))
        limits = bounds.column(COLUMN).to_numpy() * self.most_people
        return FixedPoint(limits=tuple(limits), parties=len(self.session.roster))

    def run(self, premises: Premises) -> pa.Table:
        """Sum, encode, mask and sign.

        Raises:
            PolicyError: if the turn is not new, the roster not accepted, or a number too large.
        """
        case, record = premises.use_case, Record.of(premises)
        private, offers = record.key_of(self.session.statement()), record.offers
        given = given_to(premises, self.takes(case))
        inputs = self._inputs(case, given)
        secret = self._encoded(replace(premises, inputs=inputs))
        turn = int(given[ROUND])
        statement = self.session.statement(offers, f"{turn}".encode(), wire.encode(inputs))
        seed = token_bytes(masks.KEY)
        record.begin(turn, statement, seed)
        masked = secret + masks.stream(seed, secret.size)
        masked += self._pairwise(premises.force, private, offers, statement, secret.size)
        receipt = masks.words(masks.sign(premises.secret, statement))
        return self.gives(case).table({MASKED: masked, RECEIPT: receipt})

    def _inputs(self, case: UseCase, given: Mapping[str, Any]) -> pa.Table:
        takes = self.step.takes(case)
        return takes.table({name: given[name] for name in takes.shapes})

    def _encoded(self, premises: Premises) -> Words:
        sums = self.step.run(premises)
        gives = self.step.gives(premises.use_case)
        gives.values(sums)
        return self.encoding(premises.use_case).encode(sums.column(COLUMN).to_numpy())

    def _pairwise(
        self, force: str, private: bytes, offers: bytes, statement: bytes, size: int
    ) -> Words:
        """Masks shared with each other member: one adds it, the other takes it away."""
        own = self.session.roster.index(force)
        total = np.zeros(size, dtype=np.uint64)
        rows = masks.words(offers).reshape(len(self.session.roster), OFFER_WORDS)
        for other, row in enumerate(rows):
            if other != own:
                mask = masks.stream(masks.shared_key(private, parts_of(row)[1], statement), size)
                total = total + mask if own < other else total - mask
        return total


@dataclass(frozen=True, kw_only=True)
class RevealMask:
    """Gives the force's own mask of a turn, once every member has signed that it delivered it."""

    session: Session
    """The session."""
    name: ClassVar[str] = "secure-sum-reveal"

    def takes(self, use_case: UseCase) -> Layout:
        """Everybody's receipt, in the roster's order."""
        del use_case
        shape = (len(self.session.roster), SIGNATURE_WORDS)
        return Layout(arrays=((RECEIPTS, shape),), type=pa.uint64())

    def gives(self, use_case: UseCase) -> Layout:
        """The seed of the mask."""
        del use_case
        return Layout(arrays=((SEED, (KEY_WORDS,)),), type=pa.uint64())

    def sends(self, use_case: UseCase) -> Payload:
        """A fixed number of words."""
        return self.gives(use_case).promise(low=None, high=None)

    def run(self, premises: Premises) -> pa.Table:
        """Verify all receipts, then reveal.

        Raises:
            PolicyError: if a receipt is missing or is not for exactly this turn, or none is open.
        """
        record = Record.of(premises)
        record.key_of(self.session.statement())
        receipts = given_to(premises, self.takes(premises.use_case))[RECEIPTS]
        offers = masks.words(record.offers).reshape(len(self.session.roster), OFFER_WORDS)
        for member, offer, receipt in zip(self.session.roster, offers, receipts, strict=True):
            if not masks.signed(parts_of(offer)[0], masks.octets(receipt), record.statement):
                raise PolicyError(f"force '{member}' must have signed that it delivered this turn")
        seed = record.reveal(self.session.roster)
        return self.gives(premises.use_case).table({SEED: masks.words(seed)})


def unmask(masked: Sequence[Words], seeds: Sequence[bytes]) -> Words:
    """The total of all members' words, from what they sent and the masks that they revealed."""
    total: Words = np.stack(masked).sum(axis=0, dtype=np.uint64)
    for seed in seeds:
        total = total - masks.stream(seed, total.size)
    return total
