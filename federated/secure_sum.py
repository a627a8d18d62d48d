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
from federated.layout import COLUMN, NO_NUMBERS, ROUND, Layout, SummedStep
from federated.record import Record
from minimisation import Payload, PolicyError, Premises, UseCase, no_payload
from minimisation.contract import wire

FEWEST = 3
"""With two forces, each could subtract its own number from the total."""

OFFER, RECEIPTS, MASKED, RECEIPT, SEED = "offer", "receipts", "masked", "receipt", "seed"

_KEY, _SIGNATURE = masks.KEY // 8, masks.SIGNATURE // 8
_OFFER = _KEY + _KEY + _SIGNATURE


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who adds up their numbers, and for which attempt."""

    roster: tuple[str, ...]
    """Forces that take part, all of them in every turn."""
    number: str
    """The server's name for the attempt; keys are fresh in every session whatever it says."""

    def __post_init__(self) -> None:
        """Refuse a roster whose total would show one force to another.

        Raises:
            PolicyError: naming the rule.
        """
        if len(set(self.roster)) != len(self.roster) or len(self.roster) < FEWEST:
            raise PolicyError(
                f"a secure sum ({len(self.roster)} forces) must have at least {FEWEST}, none twice"
            )

    def statement(self, *parts: bytes) -> bytes:
        """What a force signs: this session and roster, and then the parts."""
        names = [name.encode() for name in self.roster]
        return masks.digest(b"secure sum", self.number.encode(), masks.digest(*names), *parts)


@dataclass(frozen=True, kw_only=True)
class OfferKey:
    """Opens a session: a fresh key, signed. Whatever turn was open is void from here on."""

    session: Session
    """The session."""
    name: ClassVar[str] = "secure-sum-offer"

    def takes(self, use_case: UseCase) -> Layout:
        """Nothing."""
        del use_case
        return NO_NUMBERS

    def gives(self, use_case: UseCase) -> Layout:
        """Identity, public key and signature, as 64-bit words."""
        del use_case
        return Layout(arrays=((OFFER, (_OFFER,)),), type=pa.uint64())

    def sends(self, use_case: UseCase) -> Payload:
        """A fixed number of words."""
        return self.gives(use_case).promise(low=None, high=None)

    def run(self, premises: Premises) -> pa.Table:
        """Make a key and forget every earlier one.

        Raises:
            PolicyError: if the force is not on the roster.
        """
        if premises.force not in self.session.roster:
            raise PolicyError(f"force '{premises.force}' must be on the roster")
        private = masks.new_private_key()
        record = Record.of(premises)
        record.open(self.session.statement(), self.session.roster, private)
        public = masks.public_key(private)
        signature = masks.sign(premises.secret, self.session.statement(b"offer", public))
        offer = masks.identity(premises.secret) + public + signature
        return self.gives(premises.use_case).table({OFFER: masks.words(offer)})


@dataclass(frozen=True, kw_only=True)
class AcceptRoster:
    """Checks everybody's signed key, and that the roster is one it may take part in."""

    session: Session
    """The session."""
    name: ClassVar[str] = "secure-sum-accept"

    def takes(self, use_case: UseCase) -> Layout:
        """Everybody's offer, in the roster's order."""
        del use_case
        shape = (len(self.session.roster), _OFFER)
        return Layout(arrays=((OFFER, shape),), type=pa.uint64())

    def gives(self, use_case: UseCase) -> Layout:
        """Nothing."""
        del use_case
        return NO_NUMBERS

    def sends(self, use_case: UseCase) -> Payload:
        """Nothing."""
        del use_case
        return no_payload()

    def run(self, premises: Premises) -> pa.Table:
        """Verify and remember.

        Raises:
            PolicyError: naming the member whose offer is not its own, or the rule.
        """
        offers = _given(self.takes(premises.use_case), premises)[OFFER]
        record = Record.of(premises)
        own = self.session.roster.index(premises.force)
        for member, offer in zip(self.session.roster, offers, strict=True):
            who, public, signature = _parts(offer)
            record.recognise(member, who)
            if not masks.signed(who, signature, self.session.statement(b"offer", public)):
                raise PolicyError(f"the key offered for force '{member}' must be signed by it")
        private = record.key_of(self.session.statement())
        if _parts(offers[own])[1] != masks.public_key(private):
            raise PolicyError("a force's own key must come back to it unchanged")
        record.accept(masks.octets(offers))
        return no_payload().schema.empty_table()


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
        arrays = ((MASKED, (self.step.gives(use_case).size,)), (RECEIPT, (_SIGNATURE,)))
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
        given = _given(self.takes(case), premises)
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
        rows = masks.words(offers).reshape(len(self.session.roster), _OFFER)
        for other, row in enumerate(rows):
            if other != own:
                mask = masks.stream(masks.shared_key(private, _parts(row)[1], statement), size)
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
        shape = (len(self.session.roster), _SIGNATURE)
        return Layout(arrays=((RECEIPTS, shape),), type=pa.uint64())

    def gives(self, use_case: UseCase) -> Layout:
        """The seed of the mask."""
        del use_case
        return Layout(arrays=((SEED, (_KEY,)),), type=pa.uint64())

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
        receipts = _given(self.takes(premises.use_case), premises)[RECEIPTS]
        offers = masks.words(record.offers).reshape(len(self.session.roster), _OFFER)
        for member, offer, receipt in zip(self.session.roster, offers, receipts, strict=True):
            if not masks.signed(_parts(offer)[0], masks.octets(receipt), record.statement):
                raise PolicyError(f"force '{member}' must have signed that it delivered this turn")
        seed = record.reveal(self.session.roster)
        return self.gives(premises.use_case).table({SEED: masks.words(seed)})


def unmask(masked: Sequence[Words], seeds: Sequence[bytes]) -> Words:
    """The total of all members' words, from what they sent and the masks that they revealed."""
    total: Words = np.stack(masked).sum(axis=0, dtype=np.uint64)
    for seed in seeds:
        total = total - masks.stream(seed, total.size)
    return total


def _given(layout: Layout, premises: Premises) -> dict[str, Any]:
    if premises.inputs is None:
        raise ValueError("inputs must be given")
    return layout.values(premises.inputs)


def _parts(offer: Words) -> tuple[bytes, bytes, bytes]:
    """Identity, public key and signature."""
    octets = masks.octets(offer)
    return octets[: masks.KEY], octets[masks.KEY : 2 * masks.KEY], octets[2 * masks.KEY :]
