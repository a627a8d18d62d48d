"""Who takes part in a secure sum, and with which keys: a session and the two steps that open it.

Every force signs a fresh key, and accepts a roster only if every key is signed by the force that
it knows. Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine
Learning, rounds 0 and 1.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from federated import masks
from federated.fixed_point import Words
from federated.layout import NO_NUMBERS, Layout
from federated.record import Record
from minimisation import Payload, PolicyError, Premises, UseCase, no_payload

FEWEST = 3
"""With two forces, each could subtract its own number from the total."""

OFFER = "offer"
"""Name of a force's key with its identity and signature, in messages."""

KEY_WORDS, SIGNATURE_WORDS = masks.KEY // 8, masks.SIGNATURE // 8
"""64-bit words of a key and of a signature."""

OFFER_WORDS = KEY_WORDS + KEY_WORDS + SIGNATURE_WORDS
"""64-bit words of an offer."""


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
        return Layout(arrays=((OFFER, (OFFER_WORDS,)),), type=pa.uint64())

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
        shape = (len(self.session.roster), OFFER_WORDS)
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
        offers = given_to(premises, self.takes(premises.use_case))[OFFER]
        record = Record.of(premises)
        own = self.session.roster.index(premises.force)
        for member, offer in zip(self.session.roster, offers, strict=True):
            who, public, signature = parts_of(offer)
            record.recognise(member, who)
            if not masks.signed(who, signature, self.session.statement(b"offer", public)):
                raise PolicyError(f"the key offered for force '{member}' must be signed by it")
        private = record.key_of(self.session.statement())
        if parts_of(offers[own])[1] != masks.public_key(private):
            raise PolicyError("a force's own key must come back to it unchanged")
        record.accept(masks.octets(offers))
        return no_payload().schema.empty_table()


def given_to(premises: Premises, layout: Layout) -> dict[str, Any]:
    """What came in, by name.

    Raises:
        PolicyError: if it is not of the layout.
    """
    if premises.inputs is None:
        raise ValueError("inputs must be given")
    return layout.values(premises.inputs)


def parts_of(offer: Words) -> tuple[bytes, bytes, bytes]:
    """Identity, public key and signature."""
    octets = masks.octets(offer)
    return octets[: masks.KEY], octets[masks.KEY : 2 * masks.KEY], octets[2 * masks.KEY :]
