"""A server of secure sums that follows the protocol one message at a time, or does not."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from federated import masks
from federated.layout import ClientStep, SummedStep
from federated.secure_session import AcceptRoster, OfferKey, Session
from federated.secure_sum import MaskedSums, RevealMask, unmask
from minimisation import Forces

Words = np.ndarray[Any, np.dtype[np.uint64]]


class Server:
    """A server that follows the protocol one message at a time, or does not."""

    def __init__(
        self, forces: Forces, step: SummedStep, roster: tuple[str, ...], number: str
    ) -> None:
        self.forces = forces
        self.session = Session(roster=roster, number=number)
        self.sums = MaskedSums(session=self.session, step=step, most_people=2**20)
        self.sent: dict[str, Words] = {}
        self.receipts: dict[str, Words] = {}
        self.offers: dict[str, Words] = {}

    def one(self, step: ClientStep, force: str, values: Mapping[str, Any]) -> dict[str, Any]:
        case = self.forces.use_case
        inputs = step.takes(case).table(values)
        sent = self.forces.ask(step, inputs=inputs, to=[force]).complete()[force]
        return step.gives(case).values(sent)

    def offer(self, *forces: str) -> None:
        for force in forces or self.session.roster:
            self.offers[force] = self.one(OfferKey(session=self.session), force, {})["offer"]

    def accept(self, *forces: str) -> None:
        offers = np.stack([self.offers[name] for name in self.session.roster])
        for force in forces or self.session.roster:
            self.one(AcceptRoster(session=self.session), force, {"offer": offers})

    def opened(self) -> "Server":
        """The same, once every force has offered a key and accepted the roster."""
        self.offer()
        self.accept()
        return self

    def turn(self, number: int, *forces: str) -> None:
        for force in forces or self.session.roster:
            found = self.one(self.sums, force, {"server-round": number})
            self.sent[force], self.receipts[force] = found["masked"], found["receipt"]

    def reveal(self, *forces: str) -> list[bytes]:
        receipts = np.stack([self.receipts[name] for name in self.session.roster])
        step = RevealMask(session=self.session)
        return [
            masks.octets(self.one(step, force, {"receipts": receipts})["seed"])
            for force in forces or self.session.roster
        ]

    def total(self, seeds: list[bytes]) -> np.ndarray[Any, Any]:
        sent = [self.sent[name] for name in self.session.roster]
        return self.sums.encoding(self.forces.use_case).decode(unmask(sent, seeds))


ALL = ("ashmere", "brackley", "coldharbour", "dunmore")
WITHOUT_ONE = ALL[:3]
